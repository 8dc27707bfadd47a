from __future__ import annotations

import re

import pytest

from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.registries import Mirror
from image_pinner.core.policies.explicit_tag import ExplicitTag
from image_pinner.core.registry_config import AllowedSecret, CredentialLocation, RegistryRole, SecretLocation
from image_pinner.core.template.options import AnyPlatform, Options, Pin, Record, WhenMissing, WhenMoved
from image_pinner.core.template.sites import ScanSettings
from image_pinner.settings import PREFIX, Settings
from image_pinner.settings.rules import SETTING_RULES

SECRET = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:registry"


def read(**variables: str) -> Settings:
    return Settings.from_environment({PREFIX + name: value for name, value in variables.items()})


@pytest.mark.parametrize("name", ["", "PINN", "pin", "LOCK", "REFRESH", "PIN_"])
def test_an_unknown_setting_is_refused_and_the_known_ones_are_listed(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{PREFIX}{name} is no setting$") as caught:
        read(**{name: "x"})
    assert all(rule.variable in caught.value.help for rule in SETTING_RULES)


@pytest.mark.parametrize(
    ("name", "value", "cause", "help"),
    [
        (
            "PIN",
            "all",
            "in the environment, Pin cannot be 'all'",
            "Write Marked, All, Skip or a list of container names",
        ),
        (
            "PIN",
            "web",
            "in the environment, Pin cannot be 'web'",
            "Write Marked, All, Skip or a list of container names",
        ),
        ("PIN", "web,", "in the environment, Pin cannot be ['web', '']", "Write a list of container names"),
        (
            "PLATFORM",
            "arm64",
            "in the environment, 'arm64' is not a valid platform",
            "write os/architecture",
        ),
        ("WHEN_MISSING", "Keep", "in the environment, WhenMissing cannot be 'Keep'", "Write one of Fail, KeepTag"),
        ("RECORD", "none", "in the environment, Record cannot be 'none'", "Write one of Label, Metadata, None"),
        ("UNSAFE_IMPLICIT_LATEST", "yes", "IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST cannot be 'yes'", "Write true or false"),
        ("UNSAFE_IMPLICIT_LATEST", "1", "IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST cannot be '1'", "Write true or false"),
        ("TIMEOUT", "0", "IMAGE_PINNER_TIMEOUT cannot be '0'", "Write 1 to 900 seconds"),
        ("TIMEOUT", "901", "IMAGE_PINNER_TIMEOUT cannot be '901'", "Write 1 to 900 seconds"),
        ("TIMEOUT", "nan", "IMAGE_PINNER_TIMEOUT cannot be 'nan'", "Write 1 to 900 seconds"),
        ("TIMEOUT", "inf", "IMAGE_PINNER_TIMEOUT cannot be 'inf'", "Write 1 to 900 seconds"),
        ("TIMEOUT", "a minute", "IMAGE_PINNER_TIMEOUT cannot be 'a minute'", "Write 1 to 900 seconds"),
        ("TIMEOUT", "1_0", "IMAGE_PINNER_TIMEOUT cannot be '1_0'", "Write 1 to 900 seconds"),
        ("TIMEOUT", "-1", "IMAGE_PINNER_TIMEOUT cannot be '-1'", "Write 1 to 900 seconds"),
        ("WORKERS", "0", "IMAGE_PINNER_WORKERS cannot be '0'", "Write 1 to 64"),
        ("WORKERS", "65", "IMAGE_PINNER_WORKERS cannot be '65'", "Write 1 to 64"),
        ("WORKERS", "1.5", "IMAGE_PINNER_WORKERS cannot be '1.5'", "Write 1 to 64"),
        ("WORKERS", "9" * 5_000, "IMAGE_PINNER_WORKERS cannot be '9999", "Write 1 to 64"),
        ("HOST_TIMEOUT", "0", "IMAGE_PINNER_HOST_TIMEOUT cannot be '0'", "Write 1 to 900 seconds"),
        ("WHEN_MOVED", "warn", "in the environment, WhenMoved cannot be 'warn'", "Write one of Warn, Fail"),
        ("PULL_THROUGH", "1", "IMAGE_PINNER_PULL_THROUGH cannot be '1'", "Write true or false"),
        ("MIRRORS", "docker.io", "IMAGE_PINNER_MIRRORS cannot be 'docker.io'", "write registry=mirror"),
        (
            "MIRRORS",
            "docker.io=a.example;index.docker.io=b.example",
            "IMAGE_PINNER_MIRRORS cannot be",
            "There are two entries for docker.io",
        ),
        (
            "METERED_REGISTRIES",
            "none;docker.io",
            "IMAGE_PINNER_METERED_REGISTRIES cannot be",
            "'none' is not a valid registry",
        ),
        ("INSECURE_REGISTRIES", "*", "IMAGE_PINNER_INSECURE_REGISTRIES cannot be '*'", "'*' is not a valid registry"),
        ("CA_BUNDLES", "/ca.pem", "IMAGE_PINNER_CA_BUNDLES cannot be '/ca.pem'", "Write registry=file"),
        ("CA_BUNDLES", "a.example=", "IMAGE_PINNER_CA_BUNDLES cannot be 'a.example='", "Write registry=file"),
        ("TEMPLATE_CREDENTIALS", "ghcr.io=*", "IMAGE_PINNER_TEMPLATE_CREDENTIALS cannot be read", "Write registry="),
        (
            "METRICS_NAMESPACE",
            "AWS/ECS",
            "IMAGE_PINNER_METRICS_NAMESPACE cannot be 'AWS/ECS'",
            "Write up to 255 letters",
        ),
        ("METRICS_NAMESPACE", "x" * 256, "IMAGE_PINNER_METRICS_NAMESPACE cannot be 'xxx", "Write up to 255 letters"),
        ("METRICS_NAMESPACE", ":Pins", "IMAGE_PINNER_METRICS_NAMESPACE cannot be ':Pins'", "Write up to 255 letters"),
        ("METRICS_NAMESPACE", "Bücher", "IMAGE_PINNER_METRICS_NAMESPACE cannot be 'Bücher'", "Write up to 255 letters"),
        ("EVENT_BUS", "a bus", "IMAGE_PINNER_EVENT_BUS cannot be 'a bus'", "Write the name of an event bus or its ARN"),
        (
            "EVENT_BUS",
            "arn:aws:sns:eu-west-1:111122223333:topic",
            "IMAGE_PINNER_EVENT_BUS cannot be 'arn:aws:sns",
            "Write the name of an event bus or its ARN",
        ),
        (
            "IMAGE_PATHS",
            "$.[",
            "IMAGE_PINNER_IMAGE_PATHS cannot be '$.[': '$.[' is no JSONPath expression",
            "Write fields, *, indices",
        ),
        (
            "IMAGE_PATHS",
            "$.A;$.b[0:1]",
            "IMAGE_PINNER_IMAGE_PATHS cannot be '$.A;$.b[0:1]': '$.b[0:1]' holds slice",
            "Write fields, *, indices",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_write(name: str, value: str, cause: str, help: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(cause)) as caught:
        read(**{name: value})
    assert caught.value.help.startswith(help)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CREDENTIALS", "ghcr.io=bob:hunter2"),
        ("CREDENTIALS", "hunter2"),
        ("TEMPLATE_CREDENTIALS", "ghcr.io=hunter2"),
        ("ECR_ROLES", "111122223333=hunter2"),
    ],
)
def test_what_may_be_a_secret_by_mistake_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(**{name: value})
    assert caught.value.cause == f"IMAGE_PINNER_{name} cannot be read"
    assert "hunter2" not in caught.value.diagnostics()


def test_without_settings_the_defaults_hold() -> None:
    assert read() == Settings()
    assert Settings().scan_settings == ScanSettings("ImagePinner", Options(), ())
    assert Settings().policies == (ExplicitTag(unsafe_implicit_latest=False),)


@pytest.mark.parametrize("rule", SETTING_RULES, ids=lambda rule: rule.variable)
@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_is_one_that_is_not_set(rule: object, text: str) -> None:
    assert Settings.from_environment({rule.variable: text}) == Settings()  # type: ignore[attr-defined]


def test_other_variables_are_not_looked_at() -> None:
    assert Settings.from_environment({"AWS_REGION": "x", "IMAGEPINNER_PIN": "y", "image_pinner_pin": "z"}) == Settings()


def test_every_setting_is_read() -> None:
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
        CA_BUNDLES="registry.example:5000=/opt/ca.pem;*=/opt/all.pem",
        HOST_TIMEOUT="7",
        TIMEOUT=" 12.5 ",
        WORKERS="4",
        METRICS_NAMESPACE="Platform/Pins",
        EVENT_BUS="arn:aws-cn:events:cn-north-1:111122223333:event-bus/ledger",
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
        ca_bundles=(("registry.example:5000", "/opt/ca.pem"), ("*", "/opt/all.pem")),
        host_timeout=7,
        timeout=12.5,
        workers=4,
        metrics_namespace="Platform/Pins",
        event_bus="arn:aws-cn:events:cn-north-1:111122223333:event-bus/ledger",
    )
    assert settings.scan_settings == ScanSettings("Pins-v1", settings.options, settings.image_paths)
    assert settings.policies == (ExplicitTag(unsafe_implicit_latest=True),)
    assert {f"{PREFIX}{name}" for name in ("MACRO_NAME", "PIN", "PLATFORM")} < {rule.variable for rule in SETTING_RULES}


def test_no_registry_need_be_metered() -> None:
    assert read().metered_registries == ("docker.io",)
    assert read(METERED_REGISTRIES="None").metered_registries == ()


def test_metrics_can_be_turned_off_and_the_ledger_is_off() -> None:
    assert (read().metrics_namespace, read(METRICS_NAMESPACE="None").metrics_namespace) == ("ImagePinner", "")
    assert (read().event_bus, read(EVENT_BUS="default").event_bus) == ("", "default")


def test_names_of_containers_are_parted_by_commas() -> None:
    assert read(PIN="web, sidecar").options == Options(pin=("web", "sidecar"))
    assert read(PLATFORM="Any").options == Options(platform=AnyPlatform.ANY)


def test_every_setting_is_explained_for_a_table() -> None:
    assert all(
        rule.variable.startswith(PREFIX) and rule.values and rule.meaning.endswith(".") for rule in SETTING_RULES
    )
    assert len({rule.variable for rule in SETTING_RULES}) == len(SETTING_RULES)
    assert all(bool(rule.field) != bool(rule.option) for rule in SETTING_RULES)
