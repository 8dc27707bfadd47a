"""What each setting takes: a table, for reading it and for the README."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from image_pinner.core.images.registries import Mirror, parse_registry
from image_pinner.core.registry_config import RegistryRole
from image_pinner.core.template.json_path import parse_image_path

if TYPE_CHECKING:
    from image_pinner.core.registry_config import AllowedSecret, CredentialLocation

T = TypeVar("T")


class SettingRule(NamedTuple):
    """What a setting takes.

    Args:
        variable: The environment variable.
        values: The values for a table, the default first.
        meaning: A sentence for a table.
        field: The field of `Settings`, or empty for an option.
        option: The option that it sets for all templates, or empty.
        read: Reads the variable's text.
        shown: Whether a message may repeat the text; not where somebody may have put a secret into it.
    """

    variable: str
    values: str
    meaning: str
    field: str = ""
    option: str = ""
    read: Callable[[str], Any] = str
    shown: bool = True


def _truth(text: str) -> bool:
    known = {"true": True, "false": False}
    if text.lower() not in known:
        raise ValueError("Write true or false")
    return known[text.lower()]


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.replace(";", "\n").splitlines() if entry.strip()]


def _paths(text: str) -> tuple[str, ...]:
    paths = tuple(_entries(text))
    for path in paths:
        parse_image_path(path)
    return paths


def _each(read: Callable[[str], T], key: Callable[[T], object]) -> Callable[[str], tuple[T, ...]]:
    """Give what reads entries parted by `;`, of which no two may be for the same thing."""

    def read_all(text: str) -> tuple[T, ...]:
        found = tuple(read(entry) for entry in _entries(text))
        keys = [key(one) for one in found]
        if twice := [one for one in keys if keys.count(one) > 1]:
            raise ValueError(f"There are two entries for {twice[0]}: keep one of them")
        return found

    return read_all


def _registries(text: str) -> tuple[str, ...]:
    """Read hosts parted by `;`, none where the text is `none`."""
    return () if text.lower() == "none" else _each(parse_registry, str)(text)


def _login(text: str) -> CredentialLocation:
    from image_pinner.core.registry_config import CredentialLocation  # noqa: PLC0415 - few operators set it

    return CredentialLocation.parse(text)


def _secret(text: str) -> AllowedSecret:
    from image_pinner.core.registry_config import AllowedSecret  # noqa: PLC0415 - the same

    return AllowedSecret.parse(text)


def _bundle(text: str) -> tuple[str, str]:
    host, equals, file = (part.strip() for part in text.partition("="))
    if not equals or not file:
        raise ValueError("Write registry=file, registry.example:5000=/opt/authority.pem for example")
    return host if host == "*" else parse_registry(host), file


def _seconds(text: str) -> float:
    seconds = float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text, re.ASCII) else 0
    if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
        raise ValueError(f"Write {_LEAST_SECONDS} to {_MOST_SECONDS} seconds")
    return seconds


def _count(text: str) -> int:
    count = int(text) if re.fullmatch("[0-9]{1,9}", text, re.ASCII) else 0
    if not 1 <= count <= _MOST_WORKERS:
        raise ValueError(f"Write 1 to {_MOST_WORKERS}")
    return count


def _namespace(text: str) -> str:
    """Read a namespace of metrics, none where the text is `none`.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Namespace
    """
    if text.lower() == "none":
        return ""
    if not re.fullmatch(r"(?!AWS/)[A-Za-z0-9._/#-][A-Za-z0-9._/#: -]{0,254}", text, re.ASCII):
        raise ValueError("Write up to 255 letters, digits and . - _ / # : that do not begin with AWS/, or none")
    return text


def _event_bus(text: str) -> str:
    """Read the name or the ARN of an event bus.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
    """
    if not re.fullmatch(rf"({_BUS_ARN})?[/._A-Za-z0-9-]{{1,256}}", text, re.ASCII):
        raise ValueError("Write the name of an event bus or its ARN, arn:aws:events:region:account:event-bus/name")
    return text


def _pin(text: str) -> str | list[str]:
    return [name.strip() for name in text.split(",")] if "," in text else text


# The longest that a Lambda function can run: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
_LEAST_SECONDS, _MOST_SECONDS = 1, 900
_MOST_WORKERS = 64
_BUS_ARN = r"arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/"

SETTING_RULES = (
    SettingRule("IMAGE_PINNER_MACRO_NAME", "`ImagePinner`", "The name under which the macro is installed; snippets are known by it.", field="macro_name"),
    SettingRule("IMAGE_PINNER_PIN", "`Marked`, `All`", "`Pin` for all templates; a template cannot loosen `All`.", option="Pin", read=_pin),
    SettingRule("IMAGE_PINNER_PLATFORM", "derived, `os/arch[/variant]`, `Any`", "`Platform` for all templates; a template cannot choose another.", option="Platform"),
    SettingRule("IMAGE_PINNER_WHEN_MISSING", "unset, `Fail`, `KeepTag`", "`WhenMissing` for all templates; where it is set to `Fail`, a template cannot say `KeepTag`.", option="WhenMissing"),
    SettingRule("IMAGE_PINNER_WHEN_MOVED", "unset, `Warn`, `Fail`", "`WhenMoved` for all templates; where it is set to `Fail`, a template cannot say `Warn`.", option="WhenMoved"),
    SettingRule("IMAGE_PINNER_RECORD", "`Label`, `Metadata`, `None`", "`Record` for all templates.", option="Record"),
    SettingRule("IMAGE_PINNER_IMAGE_PATHS", "none", "JSONPath expressions from the template's root for images in places of your own, parted by `;`.", field="image_paths", read=_paths),
    SettingRule("IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST", "`false`, `true`", "Takes a reference without tag and digest as `latest`, with a warning each.", field="unsafe_implicit_latest", read=_truth),
    SettingRule("IMAGE_PINNER_CREDENTIALS", "none", "Logins, `registry=place` parted by `;`. A place is the ARN of a secret in Secrets Manager or of an SSM parameter, or `ssm:/name`; for the command also `env:NAME` and `file:/path`.", field="credentials", read=_each(_login, lambda one: one.registry), shown=False),
    SettingRule("IMAGE_PINNER_TEMPLATE_CREDENTIALS", "none", "Which secrets a template may name for a registry (`RepositoryCredentials` in ECS): `registry=arn-pattern` parted by `;`.", field="template_credentials", read=_each(_secret, str), shown=False),
    SettingRule("IMAGE_PINNER_ECR_ROLES", "none", "Roles to assume for the ECR registries of other accounts: `account=role-arn`, an external id behind a space, parted by `;`.", field="ecr_roles", read=_each(RegistryRole.parse, lambda one: one.account_id), shown=False),
    SettingRule("IMAGE_PINNER_PULL_THROUGH", "`false`, `true`", "Lets ECR import an image through a pull-through cache rule when its tag is not cached yet.", field="pull_through", read=_truth),
    SettingRule("IMAGE_PINNER_MIRRORS", "none", "Registries that are asked in place of others: `registry=mirror` parted by `;`; the mirror may have a path, and `*=mirror` is for all but ECR. The output keeps the author's host.", field="mirrors", read=_each(Mirror.parse, lambda one: one.registry)),
    SettingRule("IMAGE_PINNER_METERED_REGISTRIES", "`docker.io`, `none`", "Registries that count pulls, parted by `;`: a HEAD is asked for, which they do not count, and its header believed. `none` hashes every manifest.", field="metered_registries", read=_registries),
    SettingRule("IMAGE_PINNER_INSECURE_REGISTRIES", "none", "Registries that are asked by plain http, parted by `;`.", field="insecure_registries", read=_registries),
    SettingRule("IMAGE_PINNER_CA_BUNDLES", "none", "Certificates of authorities to trust beside the system's: `registry=file` in PEM form, parted by `;`; `*=file` is for all.", field="ca_bundles", read=_each(_bundle, lambda one: one[0])),
    SettingRule("IMAGE_PINNER_TIMEOUT", "`60`", "The most seconds for all questions together.", field="timeout", read=_seconds),
    SettingRule("IMAGE_PINNER_HOST_TIMEOUT", "`30`", "The most seconds for one registry.", field="host_timeout", read=_seconds),
    SettingRule("IMAGE_PINNER_WORKERS", "`20`", "How many requests are under way at once.", field="workers", read=_count),
    SettingRule("IMAGE_PINNER_METRICS_NAMESPACE", "`ImagePinner`, `none`", "The namespace of the CloudWatch metrics that the macro writes into its log.", field="metrics_namespace", read=_namespace),
    SettingRule("IMAGE_PINNER_EVENT_BUS", "none", "The event bus, by name or ARN, that the macro puts an event on for every template that it pinned.", field="event_bus", read=_event_bus),
)  # fmt: skip
"""Every setting there is."""
