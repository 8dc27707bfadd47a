from __future__ import annotations

import pytest

from image_pinner.core.deployed import StatePattern
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.registries import Mirror
from image_pinner.core.registry_config import AllowedSecret, CredentialLocation, RegistryRole, SecretLocation
from image_pinner.core.template.options import AnyPlatform, Options, Pin, Record, WhenMissing, WhenMoved
from image_pinner.core.template.sites import ScanSettings
from image_pinner.settings import PREFIX, SETTING_RULES, SettingRule, Settings

SECRET = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:registry"


def read(**variables: str) -> Settings:
    return Settings.from_environment({PREFIX + name: value for name, value in variables.items()})


@pytest.mark.parametrize("name", ["", "PINN", "pin", "LOCK", "REFRESH", "PIN_"])
def test_unknown_setting_is_rejected_with_a_list_of_settings(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^unknown setting {PREFIX}{name}$") as caught:
        read(**{name: "x"})
    assert all(rule.variable in caught.value.help for rule in SETTING_RULES)


@pytest.mark.parametrize(
    ("name", "value", "cause", "help"),
    [
        (
            "PIN",
            "all",
            "invalid IMAGE_PINNER_PIN",
            "write Marked or All",
        ),
        (
            "PIN",
            "Skip",
            "invalid IMAGE_PINNER_PIN",
            "write Marked or All",
        ),
        ("PIN", "web,", "invalid IMAGE_PINNER_PIN", "write Marked or All"),
        (
            "PLATFORM",
            "arm64",
            "invalid IMAGE_PINNER_PLATFORM",
            "os/architecture",
        ),
        ("WHEN_MISSING", "Keep", "invalid IMAGE_PINNER_WHEN_MISSING", "one of Fail, KeepTag"),
        ("RECORD", "none", "invalid IMAGE_PINNER_RECORD", "one of Label, Metadata, None"),
        ("UNSAFE_IMPLICIT_LATEST", "yes", "invalid IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST", "true or false"),
        ("UNSAFE_IMPLICIT_LATEST", "1", "invalid IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST", "true or false"),
        ("TIMEOUT", "0", "invalid IMAGE_PINNER_TIMEOUT", "1 to 900 seconds"),
        ("TIMEOUT", "901", "invalid IMAGE_PINNER_TIMEOUT", "1 to 900 seconds"),
        ("TIMEOUT", "nan", "invalid IMAGE_PINNER_TIMEOUT", "1 to 900 seconds"),
        ("TIMEOUT", "inf", "invalid IMAGE_PINNER_TIMEOUT", "1 to 900 seconds"),
        ("TIMEOUT", "a minute", "invalid IMAGE_PINNER_TIMEOUT", "1 to 900 seconds"),
        ("TIMEOUT", "1_0", "invalid IMAGE_PINNER_TIMEOUT", "1 to 900 seconds"),
        ("TIMEOUT", "-1", "invalid IMAGE_PINNER_TIMEOUT", "1 to 900 seconds"),
        ("GATES", "tags.deny=x; tags.dney=y", "invalid IMAGE_PINNER_GATES: entry 2", "use one of mode, unknown, deny"),
        ("GATES", "lifecycl.within=3d", "invalid IMAGE_PINNER_GATES: entry 1", "use one of repositories, tags, marked"),
        ("GATES", "age.minimum=3x", "invalid IMAGE_PINNER_GATES: entry 1", "write a number of days, hours or minutes"),
        ("GATES", "tags.mode=warn", "invalid IMAGE_PINNER_GATES: a gate has no effect", "set tags.deny"),
        ("GATES", "age.mode=warn; age.mode=off", "invalid IMAGE_PINNER_GATES", "write gate.option=value entries"),
        ("WORKERS", "0", "invalid IMAGE_PINNER_WORKERS", "1 to 64"),
        ("WORKERS", "65", "invalid IMAGE_PINNER_WORKERS", "1 to 64"),
        ("WORKERS", "1.5", "invalid IMAGE_PINNER_WORKERS", "1 to 64"),
        ("WORKERS", "9" * 5_000, "invalid IMAGE_PINNER_WORKERS", "1 to 64"),
        ("HOST_TIMEOUT", "0", "invalid IMAGE_PINNER_HOST_TIMEOUT", "1 to 900 seconds"),
        ("WHEN_MOVED", "warn", "invalid IMAGE_PINNER_WHEN_MOVED", "one of Warn, Fail"),
        ("PULL_THROUGH", "1", "invalid IMAGE_PINNER_PULL_THROUGH", "true or false"),
        ("MIRRORS", "docker.io", "invalid IMAGE_PINNER_MIRRORS", "registry=mirror"),
        ("MAX_IMAGES", "0", "invalid IMAGE_PINNER_MAX_IMAGES", "1 to 10000"),
        ("MAX_VALUES", "10001", "invalid IMAGE_PINNER_MAX_VALUES", "1 to 10000"),
        ("EXTRA_REGIONS", "mars", "invalid IMAGE_PINNER_EXTRA_REGIONS", "such as eu-west-1"),
        ("EXTRA_REGIONS", "eu-x-1;eu-x-1", "invalid IMAGE_PINNER_EXTRA_REGIONS", "each region once"),
        (
            "MIRRORS",
            "docker.io=a.example;index.docker.io=b.example",
            "invalid IMAGE_PINNER_MIRRORS",
            "each registry once",
        ),
        (
            "METERED_REGISTRIES",
            "none;docker.io",
            "invalid IMAGE_PINNER_METERED_REGISTRIES",
            "or none",
        ),
        ("INSECURE_REGISTRIES", "*", "invalid IMAGE_PINNER_INSECURE_REGISTRIES", "a host with an optional port"),
        ("CA_BUNDLES", "/ca.pem", "invalid IMAGE_PINNER_CA_BUNDLES", "registry=file"),
        ("CA_BUNDLES", "a.example=", "invalid IMAGE_PINNER_CA_BUNDLES", "registry=file"),
        ("TEMPLATE_CREDENTIALS", "ghcr.io=*", "invalid IMAGE_PINNER_TEMPLATE_CREDENTIALS", "registry="),
        (
            "METRICS_NAMESPACE",
            "AWS/ECS",
            "invalid IMAGE_PINNER_METRICS_NAMESPACE",
            "up to 255 letters",
        ),
        ("METRICS_NAMESPACE", "x" * 256, "invalid IMAGE_PINNER_METRICS_NAMESPACE", "up to 255 letters"),
        ("METRICS_NAMESPACE", ":Pins", "invalid IMAGE_PINNER_METRICS_NAMESPACE", "up to 255 letters"),
        ("METRICS_NAMESPACE", "Bücher", "invalid IMAGE_PINNER_METRICS_NAMESPACE", "up to 255 letters"),
        *(
            (
                "STATE_SCOPE",
                value,
                "invalid IMAGE_PINNER_STATE_SCOPE",
                "stack:NAME, service:CLUSTER/SERVICE",
            )
            for value in ("*", "shop", "stack:", "Stack:shop", "cluster:shop", ":shop", "stack:a;service")
        ),
        *(
            ("SNIPPET_PARAMETERS", value, "invalid IMAGE_PINNER_SNIPPET_PARAMETERS", "each name once")
            for value in ("*", "Web-Tag", "Tag;Tag", "AWS::Region", "x" * 256)
        ),
        ("EVENT_BUS", "a bus", "invalid IMAGE_PINNER_EVENT_BUS", "the name of an event bus or its ARN"),
        (
            "EVENT_BUS",
            "arn:aws:sns:eu-west-1:111122223333:topic",
            "invalid IMAGE_PINNER_EVENT_BUS",
            "the name of an event bus or its ARN",
        ),
        (
            "IMAGE_PATHS",
            "$.[",
            "invalid IMAGE_PINNER_IMAGE_PATHS",
            "fields, *, indices",
        ),
        (
            "IMAGE_PATHS",
            "$.A;$.b[0:1]",
            "invalid IMAGE_PINNER_IMAGE_PATHS",
            "fields, *, indices",
        ),
    ],
)
def test_invalid_value_is_rejected_with_help(name: str, value: str, cause: str, help: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{cause}$") as caught:
        read(**{name: value})
    assert help in caught.value.help


FREE_TEXTS = {"IMAGE_PINNER_EXCEPTION_PROCESS"}
NO_FREE_TEXTS = [rule for rule in SETTING_RULES if rule.variable not in FREE_TEXTS]


@pytest.mark.parametrize("rule", NO_FREE_TEXTS, ids=lambda rule: rule.variable)
@pytest.mark.parametrize("form", ["{0}", "{0}=docker.io", "a; {0}\n{0}"])
def test_no_message_contains_the_text_of_an_invalid_setting(rule: SettingRule, form: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({rule.variable: form.format("$robot:hunter2@x")})
    message = caught.value.diagnostics()
    assert message.startswith(f"invalid {rule.variable}")
    assert not any(word in message for word in ("robot", "hunter2"))


@pytest.mark.parametrize(
    "entry", ["hunter2.minimum=3d", "age.hunter2=3d", "age.minimum=hunter2", "tags.deny=hunter2 x"]
)
def test_no_message_contains_the_text_of_an_invalid_gate(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid IMAGE_PINNER_GATES: entry 1") as caught:
        Settings.from_environment({"IMAGE_PINNER_GATES": entry})
    assert "hunter2" not in caught.value.diagnostics()


@pytest.mark.parametrize("mirror", ["docker.io=robot:hunter2@mirror", "docker.io=https://robot:hunter2@mirror.example"])
def test_a_mirror_has_no_credentials_and_none_are_shown(mirror: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^invalid IMAGE_PINNER_MIRRORS$") as caught:
        read(MIRRORS=mirror)
    assert "hunter2" not in caught.value.help


def test_defaults() -> None:
    assert read() == Settings()
    assert Settings().scan_settings == ScanSettings("ImagePinner", Options(), ())


@pytest.mark.parametrize("rule", SETTING_RULES, ids=lambda rule: rule.variable)
@pytest.mark.parametrize("text", ["", "  "])
def test_empty_variable_counts_as_not_set(rule: object, text: str) -> None:
    assert Settings.from_environment({rule.variable: text}) == Settings()  # type: ignore[attr-defined]


def test_other_variables_are_ignored() -> None:
    assert Settings.from_environment({"AWS_REGION": "x", "IMAGEPINNER_PIN": "y", "image_pinner_pin": "z"}) == Settings()


def test_reads_every_setting() -> None:
    settings = read(
        MACRO_NAME="Pins-v1",
        PIN="All",
        PLATFORM="linux/arm64",
        WHEN_MISSING="Fail",
        RECORD="None",
        IMAGE_PATHS="$.A; $.B\n$.C ;",
        UNSAFE_IMPLICIT_LATEST="True",
        WHEN_MOVED="Fail",
        CREDENTIALS=f"ghcr.io={SECRET}; index.docker.io = ssm:/hub",
        TEMPLATE_CREDENTIALS=f"ghcr.io={SECRET}*",
        ECR_ROLES="111122223333=arn:aws:iam::111122223333:role/reader shop",
        PULL_THROUGH="true",
        MIRRORS="docker.io=mirror.example:5000/hub;*=all.example",
        METERED_REGISTRIES="docker.io; quay.io",
        INSECURE_REGISTRIES="localhost:5000",
        TOKEN_SERVICES="auth.example; login.example:8443",
        CA_BUNDLES="registry.example:5000=/opt/ca.pem;*=/opt/all.pem",
        HOST_TIMEOUT="7",
        TIMEOUT=" 12.5 ",
        WORKERS="4",
        METRICS_NAMESPACE="Platform/Pins",
        SNIPPET_PARAMETERS="WebTag; Tag2",
        STATE_SCOPE="stack:shop-*; service:shop/* ;family:web",
        EVENT_BUS="arn:aws-cn:events:cn-north-1:111122223333:event-bus/deployments",
    )
    assert settings == Settings(
        macro_name="Pins-v1",
        options=Options(Pin.ALL, Platform("linux", "arm64"), WhenMissing.FAIL, Record.NONE, WhenMoved.FAIL),
        image_paths=("$.A", "$.B", "$.C"),
        unsafe_implicit_latest=True,
        credentials=(
            CredentialLocation("ghcr.io", SecretLocation.of_arn(SECRET)),
            CredentialLocation("docker.io", SecretLocation("ssm", "/hub")),
        ),
        template_credentials=(AllowedSecret("ghcr.io", f"{SECRET}*"),),
        ecr_roles=(RegistryRole("111122223333", "arn:aws:iam::111122223333:role/reader", "shop"),),
        pull_through=True,
        mirrors=(Mirror("docker.io", "mirror.example:5000/hub"), Mirror("*", "all.example")),
        metered_registries=("docker.io", "quay.io"),
        insecure_registries=("localhost:5000",),
        token_services=("auth.example", "login.example:8443"),
        ca_bundles=(("registry.example:5000", "/opt/ca.pem"), ("*", "/opt/all.pem")),
        host_timeout=7,
        timeout=12.5,
        workers=4,
        metrics_namespace="Platform/Pins",
        snippet_parameters=("WebTag", "Tag2"),
        state_scope=(StatePattern("stack", "shop-*"), StatePattern("service", "shop/*"), StatePattern("family", "web")),
        event_bus="arn:aws-cn:events:cn-north-1:111122223333:event-bus/deployments",
    )
    assert settings.scan_settings == ScanSettings("Pins-v1", settings.options, settings.image_paths)
    assert settings.unsafe_implicit_latest
    assert {f"{PREFIX}{name}" for name in ("MACRO_NAME", "PIN", "PLATFORM")} < {rule.variable for rule in SETTING_RULES}


def test_registries_that_count_pulls_can_be_none() -> None:
    assert read().metered_registries == ("docker.io",)
    assert read(METERED_REGISTRIES="None").metered_registries == ()


def test_metrics_can_be_turned_off_and_events_are_off_by_default() -> None:
    assert (read().metrics_namespace, read(METRICS_NAMESPACE="None").metrics_namespace) == ("ImagePinner", "")
    assert (read().event_bus, read(EVENT_BUS="default").event_bus) == ("", "default")


def test_no_deployed_image_can_be_kept_by_default() -> None:
    assert read().state_scope == ()


def test_options_can_be_set_for_all_templates() -> None:
    assert read(PIN="All", PLATFORM="Any").options == Options(pin=Pin.ALL, platform=AnyPlatform.ANY)


def test_every_setting_is_documented() -> None:
    assert all(
        rule.variable.startswith(PREFIX) and rule.values and rule.meaning.endswith(".") for rule in SETTING_RULES
    )
    assert len({rule.variable for rule in SETTING_RULES}) == len(SETTING_RULES)
    assert all(bool(rule.field) != bool(rule.option) for rule in SETTING_RULES)
    assert all(rule.accepts.startswith("write ") for rule in SETTING_RULES)
