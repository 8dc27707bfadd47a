"""Read the platform configuration from environment variables.

A template can be stricter than what is set here, never less strict (`core.template.options.find_loosened_option`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from image_pinner.core.deployed import StatePattern
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, InvalidOptionError
from image_pinner.core.images.ecr import partition_of
from image_pinner.core.images.references import DOCKER_HUB
from image_pinner.core.images.registries import Mirror, parse_registry
from image_pinner.core.registry_config import AllowedSecret, CredentialLocation, RegistryRole
from image_pinner.core.template.options import Level, Options, read_options
from image_pinner.core.template.paths import parse_image_path
from image_pinner.core.template.sites import ScanSettings

PREFIX = "IMAGE_PINNER_"

T = TypeVar("T")


class Settings(NamedTuple):
    """The platform configuration; `SETTING_RULES` describes each setting.

    Args:
        options: Options for all templates; those that are strict cannot be loosened by a template.
        ca_bundles: PEM files by registry; `*` is for all registries.
        timeout: Seconds for all lookups of a template; the remaining time of the function can be less.
        metrics_namespace: Empty for no metrics.
        event_bus: Empty for no events.
        require_events: Whether a template fails if its events cannot be sent.
        gates_parameter: The SSM parameter with further gates, or empty.
        denial_events: Whether events are also sent for templates that a gate denies.
        exception_process: What to do about an image that a gate denies, for messages; empty to omit it.
        snippet_parameters: The parameters whose values snippets may use.
        state_scope: Which deployed images templates may keep.
        keep_tags: Whether to write `repository:tag@digest`; only the CLI sets it.
        extra_regions: Regions that the installed botocore may not know.
        max_images: How many different images a template may look up, in registries or as deployed.
        max_values: How many different SSM parameters and exports a template may look up.
    """

    macro_name: str = "ImagePinner"
    options: Options = Options()
    image_paths: tuple[str, ...] = ()
    unsafe_implicit_latest: bool = False
    credentials: tuple[CredentialLocation, ...] = ()
    template_credentials: tuple[AllowedSecret, ...] = ()
    ecr_roles: tuple[RegistryRole, ...] = ()
    pull_through: bool = False
    mirrors: tuple[Mirror, ...] = ()
    metered_registries: tuple[str, ...] = (DOCKER_HUB,)
    insecure_registries: tuple[str, ...] = ()
    token_services: tuple[str, ...] = ()
    ca_bundles: tuple[tuple[str, str], ...] = ()
    timeout: float = 60.0
    host_timeout: float = 30.0
    workers: int = 20
    metrics_namespace: str = "ImagePinner"
    event_bus: str = ""
    require_events: bool = False
    snippet_parameters: tuple[str, ...] = ()
    state_scope: tuple[StatePattern, ...] = ()
    exception_process: str = ""
    gates_parameter: str = ""
    denial_events: bool = False
    keep_tags: bool = False
    extra_regions: tuple[str, ...] = ()
    max_images: int = 1000
    max_repositories: int = 500
    max_registries: int = 50
    max_values: int = 200

    @property
    def scan_settings(self) -> ScanSettings:
        """The settings that finding images depends on."""
        return ScanSettings(self.macro_name, self.options, self.image_paths)

    def with_gates(self, text: str) -> Settings:
        """Return these settings with the gates in the text of `gates_parameter`.

        Raises:
            ConfigurationError: The text is not valid, or less strict than the gates of these settings.
        """
        # Imported here, as below, because starting the function would take longer otherwise.
        from image_pinner.core.gates.configuration import GateRules, parse_gates  # noqa: PLC0415

        where = f"invalid gates in the SSM parameter {self.gates_parameter}"
        try:
            gates = parse_gates(text)
        except ImagePinnerError as error:
            raise ConfigurationError(f"{where}: {error.cause}", error.help) from None
        configured = self.options.gates or GateRules()
        if looser := gates.find_loosened(configured):
            raise ConfigurationError(f"{where}: {looser}", "remove the entry, or change IMAGE_PINNER_GATES")
        merged = gates.over(configured)
        if incomplete := merged.find_incomplete():
            raise ConfigurationError(f"{where}: a gate has no effect", incomplete)
        return self._replace(options=self.options._replace(gates=merged))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables that begin with `IMAGE_PINNER_`; an empty one counts as not set.

        Raises:
            ConfigurationError: A variable is unknown or has an invalid value.
        """
        settings = cls()
        for name in sorted(environment):
            if not name.startswith(PREFIX):
                continue
            rule = _BY_VARIABLE.get(name)
            if rule is None:
                raise ConfigurationError(f"unknown setting {name}", f"use one of {', '.join(_BY_VARIABLE)}")
            if text := environment[name].strip():
                value = _read(rule, text)
                field = rule.field or "options"
                settings = settings._replace(**{field: value if rule.field else value.over(settings.options)})
        return settings


class SettingRule(NamedTuple):
    """What a setting accepts.

    Args:
        variable: The environment variable.
        values: The values for the documentation, the default first.
        meaning: A sentence for the documentation.
        field: The field of `Settings`, or empty for an option.
        option: The option that it sets for all templates, or empty.
        read: Parses the text.
        accepts: What to write, as an imperative clause. An error shows nothing of the text: every author reads it, and the
            text can contain a password, whatever the setting is for. That of a `ConfigurationError` of `read` is shown.
        confidential: Whether only the part of an entry before `=` is shown, even if the value is valid.
    """

    variable: str
    values: str
    meaning: str
    field: str = ""
    option: str = ""
    read: Callable[[str], Any] = str
    accepts: str = ""
    confidential: bool = False


def check_setting(variable: str, text: str) -> None:
    """Check a value of a setting before a function is deployed with it.

    Raises:
        ConfigurationError: The value is not valid.
    """
    _read(_BY_VARIABLE[variable], text)


def _read(rule: SettingRule, text: str) -> Any:
    try:
        value = rule.read(text)
        return read_options([(rule.option, value)], Level.TEMPLATE) if rule.option else value
    except ConfigurationError as error:  # it shows nothing of the text
        raise ConfigurationError(f"invalid {rule.variable}: {error.cause}", error.help) from None
    except (ImagePinnerError, ValueError):
        raise ConfigurationError(f"invalid {rule.variable}", rule.accepts) from None


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError
    return text.lower() == "true"


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.replace(";", "\n").splitlines() if entry.strip()]


def _each(read: Callable[[str], T], key: Callable[[T], object]) -> Callable[[str], tuple[T, ...]]:
    """Return a parser of entries separated by `;`, no two of which may have the same key."""

    def read_all(text: str) -> tuple[T, ...]:
        entries = tuple(read(entry) for entry in _entries(text))
        keys = [key(entry) for entry in entries]
        if len(set(keys)) < len(keys):
            raise ValueError
        return entries

    return read_all


def _image_paths(text: str) -> tuple[str, ...]:
    paths = tuple(_entries(text))
    for path in paths:
        parse_image_path(path)
    return paths


def _registries(text: str) -> tuple[str, ...]:
    return () if text.lower() == "none" else _each(parse_registry, str)(text)


def _ca_bundle(text: str) -> tuple[str, str]:
    host, equals, file = (part.strip() for part in text.partition("="))
    if not equals or not file:
        raise ValueError
    return host if host == "*" else parse_registry(host), file


def _seconds(text: str) -> float:
    seconds = float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text, re.ASCII) else 0
    if not _MIN_SECONDS <= seconds <= _MAX_SECONDS:
        raise ValueError
    return seconds


def _up_to(maximum: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        count = int(text) if re.fullmatch("[0-9]{1,9}", text, re.ASCII) else 0
        if not 1 <= count <= maximum:
            raise ValueError
        return count

    return read


def _region(text: str) -> str:
    if partition_of(text) is None:
        raise ValueError
    return text


def _metrics_namespace(text: str) -> str:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Namespace
    if text.lower() == "none":
        return ""
    if not re.fullmatch(r"(?!AWS/)[A-Za-z0-9._/#-][A-Za-z0-9._/#: -]{0,254}", text, re.ASCII):
        raise ValueError
    return text


def _event_bus(text: str) -> str:
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
    if not re.fullmatch(rf"({_BUS_ARN})?[/._A-Za-z0-9-]{{1,256}}", text, re.ASCII):
        raise ValueError
    return text


def _parameter_name(text: str) -> str:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    if not re.fullmatch("[A-Za-z0-9]{1,255}", text, re.ASCII):
        raise ValueError
    return text


def _gates(text: str) -> str:
    from image_pinner.core.gates.configuration import parse_gates  # noqa: PLC0415 - see above

    for number, entry in enumerate(_entries(text), 1):
        try:
            parse_gates(entry)
        except InvalidOptionError as error:
            raise ConfigurationError(f"entry {number}", error.help) from None
    if incomplete := parse_gates(text).find_incomplete():
        raise ConfigurationError("a gate has no effect", incomplete)
    return text


def _gates_parameter(text: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9_./-]{1,1000}", text, re.ASCII):
        raise ValueError
    return text


def _exception_process(text: str) -> str:
    if len(text) > _MAX_EXCEPTION_PROCESS or not text.isprintable():
        raise ValueError
    return text


def _pin(text: str) -> str:
    # `Skip` and names of containers are for templates, which have them.
    if text not in {"Marked", "All"}:
        raise ValueError
    return text


def _macro_name(text: str) -> str:
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,63}", text, re.ASCII):
        raise ValueError
    return text


# The maximum timeout of a Lambda function: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
_MIN_SECONDS, _MAX_SECONDS = 1, 900
_MAX_WORKERS = 64
_MAX_LOOKUPS = 10_000
_MAX_EXCEPTION_PROCESS = 300  # characters, of the 1,000 of a message
_TRUTH = "write true or false"
_SECONDS = f"write {_MIN_SECONDS} to {_MAX_SECONDS} seconds"
_BUS_ARN = r"arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/"

SETTING_RULES = (
    SettingRule("IMAGE_PINNER_MACRO_NAME", "`ImagePinner`", "The name under which the macro is installed; `Fn::Transform` snippets call it by this name.", field="macro_name", read=_macro_name, accepts="write a letter, then letters, digits, hyphens and underscores, at most 64 characters"),
    SettingRule("IMAGE_PINNER_PIN", "`Marked`, `All`", "`Pin` for all templates; a template cannot loosen `All`. It applies to images that conditions exclude, too.", option="Pin", read=_pin, accepts="write Marked or All"),
    SettingRule("IMAGE_PINNER_PLATFORM", "inferred, `os/arch[/variant]`, `Any`", "`Platform` for all templates; a template cannot set another.", option="Platform", accepts="write os/architecture, for example linux/arm64, or Any"),
    SettingRule("IMAGE_PINNER_WHEN_MISSING", "unset, `Fail`, `KeepTag`", "`WhenMissing` for all templates; if it is `Fail`, a template cannot set `KeepTag`.", option="WhenMissing", accepts="write one of Fail, KeepTag"),
    SettingRule("IMAGE_PINNER_WHEN_MOVED", "unset, `Warn`, `Fail`", "`WhenMoved` for all templates; if it is `Fail`, a template cannot set `Warn`.", option="WhenMoved", accepts="write one of Warn, Fail"),
    SettingRule("IMAGE_PINNER_RECORD", "`Label`, `Metadata`, `None`", "`Record` for all templates; a template cannot choose a later one in this order.", option="Record", accepts="write one of Label, Metadata, None"),
    SettingRule("IMAGE_PINNER_IMAGE_PATHS", "none", "Additional image properties: JSONPath expressions from the root of the template, separated by `;`.", field="image_paths", read=_image_paths, accepts="write JSONPath expressions of fields, *, indices, .. and filters, for example $.Resources.*.Properties.Image"),
    SettingRule("IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST", "`false`, `true`", "Resolve a reference without tag and digest as `latest`, with a warning.", field="unsafe_implicit_latest", read=_truth, accepts=_TRUTH),
    SettingRule("IMAGE_PINNER_CREDENTIALS", "none", "Registry credentials: `registry=location` entries separated by `;`. A location is the ARN of a Secrets Manager secret or an SSM parameter, or `ssm:/name`; in the CLI also `env:NAME` or `file:/path`.", field="credentials", read=_each(CredentialLocation.parse, lambda entry: entry.registry), accepts="write each registry once as registry=location, where the location is the ARN of a Secrets Manager secret or an SSM parameter, ssm:/name, env:NAME or file:/path", confidential=True),
    SettingRule("IMAGE_PINNER_TEMPLATE_CREDENTIALS", "none", "The secrets that a template may set for a registry (`RepositoryCredentials` in ECS): `registry=arn-pattern` entries separated by `;`.", field="template_credentials", read=_each(AllowedSecret.parse, str), accepts="write registry=pattern, where the pattern is the ARN of a Secrets Manager secret or an SSM parameter with partition and service in full; '*' matches any text after them", confidential=True),
    SettingRule("IMAGE_PINNER_ECR_ROLES", "none", "Roles to assume for ECR registries of other accounts: `account=role-arn` entries separated by `;`, each with an optional external ID after a space.", field="ecr_roles", read=_each(RegistryRole.parse, lambda entry: entry.account_id), accepts="write each account once as account=arn:aws:iam::111122223333:role/name, with an optional external ID after a space", confidential=True),
    SettingRule("IMAGE_PINNER_PULL_THROUGH", "`false`, `true`", "Let ECR import an image through a pull-through cache rule if its tag is not cached yet.", field="pull_through", read=_truth, accepts=_TRUTH),
    SettingRule("IMAGE_PINNER_MIRRORS", "none", "Registries to query instead of others: `registry=mirror` entries separated by `;`. A mirror may have a path; `*=mirror` applies to all registries except ECR. Pinned images keep the written registry.", field="mirrors", read=_each(Mirror.parse, lambda entry: entry.registry), accepts="write each registry once as registry=mirror without credentials, for example docker.io=mirror.example:5000"),
    SettingRule("IMAGE_PINNER_METERED_REGISTRIES", "`docker.io`, `none`", "Registries that count pulls, separated by `;`: a HEAD request, which does not count, is sent and the digest in its response header is trusted. `none` hashes every manifest.", field="metered_registries", read=_registries, accepts="write each registry once as a host with an optional port, or none"),
    SettingRule("IMAGE_PINNER_INSECURE_REGISTRIES", "none", "Registries to query over plain HTTP, separated by `;`.", field="insecure_registries", read=_registries, accepts="write each registry once as a host with an optional port, for example localhost:5000"),
    SettingRule("IMAGE_PINNER_CA_BUNDLES", "none", "Certificate authorities (CAs) to trust in addition to those of the system: `registry=file` entries in PEM format, separated by `;`; `*=file` applies to all registries.", field="ca_bundles", read=_each(_ca_bundle, lambda entry: entry[0]), accepts="write each registry once as registry=file, for example registry.example:5000=/opt/ca.pem"),
    SettingRule("IMAGE_PINNER_TOKEN_SERVICES", "none", "Hosts that any registry may use as its token service, separated by `;`. By default a registry uses one at its own domain.", field="token_services", read=_registries, accepts="write each host once, for example auth.example"),
    SettingRule("IMAGE_PINNER_TIMEOUT", "`60`", "Maximum seconds for all lookups of a template.", field="timeout", read=_seconds, accepts=_SECONDS),
    SettingRule("IMAGE_PINNER_HOST_TIMEOUT", "`30`", "Maximum seconds for one registry.", field="host_timeout", read=_seconds, accepts=_SECONDS),
    SettingRule("IMAGE_PINNER_WORKERS", "`20`", "Maximum number of concurrent requests; each registry gets at least one.", field="workers", read=_up_to(_MAX_WORKERS), accepts=f"write 1 to {_MAX_WORKERS}"),
    SettingRule("IMAGE_PINNER_MAX_IMAGES", "`1000`", "Maximum number of different images that a template may look up, and of deployed images.", field="max_images", read=_up_to(_MAX_LOOKUPS), accepts=f"write 1 to {_MAX_LOOKUPS}"),
    SettingRule("IMAGE_PINNER_MAX_REPOSITORIES", "`500`", "Maximum number of different repositories of these images.", field="max_repositories", read=_up_to(_MAX_LOOKUPS), accepts=f"write 1 to {_MAX_LOOKUPS}"),
    SettingRule("IMAGE_PINNER_MAX_REGISTRIES", "`50`", "Maximum number of different registries of these images.", field="max_registries", read=_up_to(_MAX_LOOKUPS), accepts=f"write 1 to {_MAX_LOOKUPS}"),
    SettingRule("IMAGE_PINNER_MAX_VALUES", "`200`", "Maximum number of different SSM parameters and exports that a template may look up.", field="max_values", read=_up_to(_MAX_LOOKUPS), accepts=f"write 1 to {_MAX_LOOKUPS}"),
    SettingRule("IMAGE_PINNER_EXTRA_REGIONS", "none", "AWS regions, separated by `;`, that images may be in even if the installed botocore does not know them.", field="extra_regions", read=_each(_region, str), accepts="write each region once, such as eu-west-1"),
    SettingRule("IMAGE_PINNER_METRICS_NAMESPACE", "`ImagePinner`, `none`", "The namespace of the CloudWatch metrics in the macro's log.", field="metrics_namespace", read=_metrics_namespace, accepts="write up to 255 letters, digits and . - _ / # : that do not begin with AWS/, or none"),
    SettingRule("IMAGE_PINNER_SNIPPET_PARAMETERS", "none", "The parameters of templates whose values snippets may use, by name, separated by `;`. Snippets do not see which parameters have `NoEcho`.", field="snippet_parameters", read=_each(_parameter_name, str), accepts="write each name once, in letters and digits, separated by semicolons"),
    SettingRule("IMAGE_PINNER_STATE_SCOPE", "none; all of them in the CLI", "The deployed images that templates may keep with `Refresh`: `stack:NAME`, `service:CLUSTER/SERVICE` or `family:NAME` entries separated by `;`, with `*` for any characters.", field="state_scope", read=_each(StatePattern.parse, str), accepts="write each entry once as stack:NAME, service:CLUSTER/SERVICE or family:NAME, with * for any characters"),
    SettingRule("IMAGE_PINNER_GATES", "none", "The [gates](gates.md) that decide which images may be deployed: `gate.option=value` entries separated by `;` or line feeds. A template can tighten them.", option="Gates", read=_gates, accepts="write gate.option=value entries, each with an option that the gate has, for example age.minimum=3d; see docs/gates.md"),
    SettingRule("IMAGE_PINNER_GATES_PARAMETER", "none", "An SSM parameter of type String in the region of the template with further gates. It can tighten those of `IMAGE_PINNER_GATES`, and a change is effective in a minute. A template fails if it cannot be read.", field="gates_parameter", read=_gates_parameter, accepts="write the name of an SSM parameter that begins with a slash, for example /image-pinner/gates"),
    SettingRule("IMAGE_PINNER_EXCEPTION_PROCESS", "none", "How to get an exception from a gate, at most 300 characters; the message of a denied image ends with it.", field="exception_process", read=_exception_process, accepts="write at most 300 printable characters, for example request an exception at https://wiki.example/images"),
    SettingRule("IMAGE_PINNER_EVENT_BUS", "none", "The event bus, by name or ARN, to which the macro sends an event for every template that it pins.", field="event_bus", read=_event_bus, accepts="write the name of an event bus or its ARN, arn:aws:events:region:account:event-bus/name"),
    SettingRule("IMAGE_PINNER_DENIAL_EVENTS", "`false`, `true`", "Also send an event for every template that a gate denies.", field="denial_events", read=_truth, accepts=_TRUTH),
    SettingRule("IMAGE_PINNER_REQUIRE_EVENTS", "`false`, `true`", "Fail a template whose event cannot be sent to the event bus.", field="require_events", read=_truth, accepts=_TRUTH),
)  # fmt: skip
"""Every setting."""

_BY_VARIABLE = {rule.variable: rule for rule in SETTING_RULES}
