"""Options: how images are pinned, set for an image, a resource, the template or the macro.

The most specific level takes precedence. Values are scalars or lists of scalars, because CloudFormation accepts nothing
else in the Parameters of a Transform; booleans and numbers may arrive as strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics.values import JsonObject, JsonValue

if TYPE_CHECKING:
    from image_pinner.core.gates.configuration import GateRules


class Pin(Enum):
    """Which images are pinned."""

    MARKED = "Marked"
    ALL = "All"
    SKIP = "Skip"


class WhenMissing(Enum):
    """What to do if an image does not exist."""

    FAIL = "Fail"
    KEEP_TAG = "KeepTag"


class WhenMoved(Enum):
    """What to do if the tag of `repository:tag@digest` refers to another digest now."""

    WARN = "Warn"
    FAIL = "Fail"


class Record(Enum):
    """Where the written reference is recorded."""

    LABEL = "Label"
    METADATA = "Metadata"
    NONE = "None"


class Refresh(Enum):
    """When the tag is resolved rather than the deployed digest kept."""

    ALWAYS = "Always"
    ON_CHANGE = "OnChange"
    NEVER = "Never"


class Level(IntEnum):
    """Where an option is set, the most specific level first."""

    IMAGE = 0
    RESOURCE = 1
    TEMPLATE = 2


class AnyPlatform(Enum):
    """The value of `Platform` that accepts every platform."""

    ANY = "Any"


class Options(NamedTuple):
    """The options of one level; `None` is not set.

    The names in `pin` are those of containers. `services` are written as `cluster/service`, and `lock` is a location:
    `ssm:/name` or `s3://bucket/key`.
    """

    pin: Pin | tuple[str, ...] | None = None
    platform: Platform | AnyPlatform | None = None
    when_missing: WhenMissing | None = None
    record: Record | None = None
    when_moved: WhenMoved | None = None
    refresh: Refresh | None = None
    stack_name: str | None = None
    services: tuple[str, ...] | None = None
    family: str | None = None
    lock: str | None = None
    gates: GateRules | None = None

    def over(self, defaults: Options) -> Options:
        """Return these options, those that are not set taken from a less specific level; its gates are tightened."""
        if defaults == _NOT_SET:
            return self
        if self == _NOT_SET:
            return defaults
        if self.services or self.family:
            # Both set what counts, so that the one of a resource replaces the other of its template.
            defaults = defaults._replace(services=None, family=None)
        merged = Options._make(
            mine if mine is not None else default for mine, default in zip(self, defaults, strict=True)
        )
        if self.gates and defaults.gates:
            return merged._replace(gates=self.gates.over(defaults.gates))
        return merged


_NOT_SET = Options()


class OptionRule(NamedTuple):
    """What an option accepts.

    Args:
        name: The option's name.
        values: The values for the documentation, the default first.
        meaning: A sentence for the documentation.
        field: The field of `Options`.
        read: Reads a value.
        level: The most specific level at which it can be set.
    """

    name: str
    values: str
    meaning: str
    field: str
    read: Callable[[str, JsonValue], Any]
    level: Level = Level.IMAGE


def _invalid_value(name: str, value: JsonValue, expected: str) -> InvalidOptionError:
    return InvalidOptionError(f"invalid value {_describe(value)} for option {name}", f"write {expected}")


def _one_of(kind: type[Enum]) -> Callable[[str, JsonValue], Any]:
    def read(name: str, value: JsonValue) -> Enum:
        for member in kind:
            if value == member.value:
                return member
        raise _invalid_value(name, value, f"one of {', '.join(str(member.value) for member in kind)}")

    return read


MAX_NAMES = 1_000
"""Container names in `Pin`: each image of a template is searched in them."""


def _read_pin(name: str, value: JsonValue) -> Pin | tuple[str, ...]:
    if isinstance(value, list):
        if len(value) > MAX_NAMES:
            raise InvalidOptionError(f"{name} has more than {MAX_NAMES:,} container names", "write Pin: All")
        if value and all(isinstance(item, str) and item for item in value):
            return tuple(value)
    elif isinstance(value, str) and (pin := {member.value: member for member in Pin}.get(value)):
        return pin
    raise _invalid_value(name, value, "Marked, All, Skip or a list of container names")


def _read_platform(name: str, value: JsonValue) -> Platform | AnyPlatform:
    if value == AnyPlatform.ANY.value:
        return AnyPlatform.ANY
    if not isinstance(value, str):
        raise _invalid_value(name, value, "os/architecture, for example linux/arm64, or Any")
    return Platform.parse(value)


def _read_text(pattern: str, expected: str) -> Callable[[str, JsonValue], str | None]:
    """Return a reader of texts that match a pattern; an empty one, such as an optional parameter, is not set."""

    def read(name: str, value: JsonValue) -> str | None:
        if value == "":
            return None
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise _invalid_value(name, value, expected)
        return value

    return read


# All of them must agree about each image of a template.
_MAX_SERVICES = 100


def _read_gates(_: str, value: JsonValue) -> GateRules | None:
    if not value:
        return None
    # Imported here because few templates have gates.
    from image_pinner.core.gates.configuration import parse_gates  # noqa: PLC0415

    return parse_gates(value)


def _read_services(name: str, value: JsonValue) -> tuple[str, ...] | None:
    if isinstance(value, list) and len(value) > _MAX_SERVICES:
        raise InvalidOptionError(f"{name} has more than {_MAX_SERVICES} services", "list fewer services")
    read = _read_text(_SERVICE, "cluster/service, or a list of them")
    found = (read(name, element) for element in (value if isinstance(value, list) else [value]))
    return tuple(service for service in found if service) or None


# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
_STACK_NAME = r"[A-Za-z][A-Za-z0-9-]{0,127}"
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
_SERVICE = r"[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}"
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
_FAMILY = r"[A-Za-z0-9_-]{1,255}"
# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html and
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_LOCK = r"ssm:/[A-Za-z0-9_./-]{1,1010}|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[!-~]{1,1024}"

OPTION_RULES = (
    OptionRule(
        "Pin", "`Marked`, `All`, a list of container names, `Skip`",
        "Which images are pinned. `Skip` makes no request for an image.", "pin", _read_pin, Level.RESOURCE,
    ),
    OptionRule(
        "Platform", "inferred, `os/arch[/variant]`, `Any`",
        "The platform that the image must support; inferred from `RuntimePlatform` or the `Architectures` of Lambda.",
        "platform", _read_platform,
    ),
    OptionRule(
        "WhenMissing", "`Fail`, `KeepTag`",
        "`KeepTag` is for the first deployment, when the repository or the tag does not exist yet.",
        "when_missing", _one_of(WhenMissing),
    ),
    OptionRule(
        "WhenMoved", "`Warn`, `Fail`",
        "What to do if the tag of `repo:tag@digest` refers to another digest now; the written digest is kept.",
        "when_moved", _one_of(WhenMoved),
    ),
    OptionRule(
        "Record", "`Label`, `Metadata`, `None`",
        "Where the written reference is recorded. `Label` applies to ECS; other services use `Metadata`.",
        "record", _one_of(Record),
    ),
    OptionRule(
        "Refresh", "`Always`, `OnChange`, `Never`",
        "`OnChange` keeps the deployed digest while the written reference is unchanged; `Never` keeps what runs.",
        "refresh", _one_of(Refresh),
    ),
    OptionRule(
        "StackName", "unset, `!Ref AWS::StackName`",
        "The stack whose deployed images `Refresh` keeps; also the value of `AWS::StackName` in images.",
        "stack_name", _read_text(_STACK_NAME, "!Ref AWS::StackName"), Level.TEMPLATE,
    ),
    OptionRule(
        "Service", "found in the stack, `cluster/service`, a list of them",
        "The ECS services whose deployed images `Refresh` keeps.",
        "services", _read_services, Level.RESOURCE,
    ),
    OptionRule(
        "Family", "found in the stack, a family",
        "The ECS task definition family whose newest revision has the images that `Refresh` keeps.",
        "family", _read_text(_FAMILY, "the family of a task definition"), Level.RESOURCE,
    ),
    OptionRule(
        "Lock", "unset, `ssm:/name`, `s3://bucket/key`",
        "The lock file that all digests are taken from, without requests to registries.",
        "lock", _read_text(_LOCK, "ssm:/name or s3://bucket/key"), Level.TEMPLATE,
    ),
    OptionRule(
        "Gates", "unset, `gate.option=value`, a list of them",
        "What images must satisfy to be deployed, in addition to the configured gates.",
        "gates", _read_gates, Level.TEMPLATE,
    ),
)  # fmt: skip
"""Every option."""

_BY_NAME = {rule.name: rule for rule in OPTION_RULES}


def read_options(pairs: JsonObject | Iterable[tuple[str, JsonValue]], level: Level) -> Options:
    """Read the options of a level from names and values.

    Raises:
        InvalidOptionError: An option is unknown, a duplicate, not possible at this level, or has an invalid value.
    """
    found: dict[str, Any] = {}
    for name, value in cast("Iterable[tuple[str, JsonValue]]", pairs.items() if isinstance(pairs, dict) else pairs):
        rule = _BY_NAME.get(name)
        if rule is None:
            raise _unknown_option(name, level)
        if rule.field in found:
            raise InvalidOptionError(f"duplicate option {name}", "remove one of them")
        if level < rule.level:
            raise InvalidOptionError(
                f"option {name} cannot be set for a single {level.name.lower()}", f"set it in {_OWNERS[rule.level]}"
            )
        found[rule.field] = rule.read(name, value)
    return Options(**found)


_OWNERS = {
    Level.RESOURCE: "the Metadata of the resource",
    Level.TEMPLATE: "the Transform or the Metadata of the template",
}


def is_option(name: str) -> bool:
    """Return whether there is an option of this name."""
    return name in _BY_NAME


def _unknown_option(name: str, level: Level) -> InvalidOptionError:
    import difflib  # noqa: PLC0415 - not needed to start the function

    known = [rule.name for rule in OPTION_RULES if level >= rule.level]
    similar = difflib.get_close_matches(str(name), known, 1)
    hint = f" (did you mean {similar[0]!r}?)" if similar else ""
    return InvalidOptionError(f"unknown option {_describe(name)}{hint}", f"use one of {', '.join(known)}")


def _describe(value: JsonValue) -> str:
    if isinstance(value, list | dict):
        inside = value.values() if isinstance(value, dict) else value
        if any(isinstance(element, list | dict) for element in inside):
            return "(a nested list)" if isinstance(value, list) else "(a nested mapping)"
    text = repr(value)
    return text if len(text) <= _MAX_DESCRIPTION else f"{text[:_MAX_DESCRIPTION]}…"


_MAX_DESCRIPTION = 80  # characters of a wrong value that a message repeats


def may_select(pin: Pin | tuple[str, ...] | None) -> bool:
    """Return whether a `Pin` selects images without a marker: all, or those of containers by name."""
    return pin is Pin.ALL or isinstance(pin, tuple)


def selects(pin: Pin | tuple[str, ...] | None, name: str) -> bool:
    """Return whether a `Pin` selects the image of the container `name` without a marker."""
    return pin is Pin.ALL or (isinstance(pin, tuple) and name in pin)


def find_loosened_option(requested: Options, configured: Options) -> str:
    """Return which of the `requested` options is less strict than the macro's configuration, as a clause, or empty."""
    if configured.when_missing is WhenMissing.FAIL and requested.when_missing is WhenMissing.KEEP_TAG:
        return "WhenMissing=KeepTag is less strict than the configured WhenMissing=Fail"
    if configured.when_moved is WhenMoved.FAIL and requested.when_moved is WhenMoved.WARN:
        return "WhenMoved=Warn is less strict than the configured WhenMoved=Fail"
    if requested.pin is not None and _pins_fewer(requested.pin, configured.pin):
        pin = configured.pin.value if isinstance(configured.pin, Pin) else ",".join(configured.pin or ())
        return f"Pin selects fewer images than the configured Pin={pin}"
    if isinstance(configured.platform, Platform) and requested.platform not in {None, configured.platform}:
        return f"Platform differs from the configured Platform={configured.platform}"
    if requested.record and configured.record and _is_weaker(requested.record, configured.record):
        return f"Record={requested.record.value} is less strict than the configured Record={configured.record.value}"
    if requested.gates and configured.gates:
        return requested.gates.find_loosened(configured.gates)
    return ""


def _is_weaker(requested: Record, configured: Record) -> bool:
    order = list(Record)  # a label is visible wherever the container runs, Metadata only in the template
    return order.index(requested) > order.index(configured)


def _pins_fewer(requested: Pin | tuple[str, ...], configured: Pin | tuple[str, ...] | None) -> bool:
    if configured is Pin.ALL:
        return requested is not Pin.ALL
    if not isinstance(configured, tuple) or requested is Pin.ALL:
        return False
    return not isinstance(requested, tuple) or not set(configured) <= set(requested)
