"""Options: how images are pinned, set for an image, a resource, the template or the macro.

The most specific level takes precedence. Values are scalars or lists of scalars, because CloudFormation accepts nothing
else in the Parameters of a Transform; booleans and numbers may arrive as strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple, cast

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics.values import JsonObject, JsonValue


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


class AnyPlatform(Enum):
    """The value of `Platform` that accepts every platform."""

    ANY = "Any"


class Options(NamedTuple):
    """The options of one level; `None` is not set. The names in `pin` are those of containers."""

    pin: Pin | tuple[str, ...] | None = None
    platform: Platform | AnyPlatform | None = None
    when_missing: WhenMissing | None = None
    record: Record | None = None
    when_moved: WhenMoved | None = None

    def over(self, defaults: Options) -> Options:
        """Return these options, those that are not set taken from a less specific level."""
        if defaults == _NOT_SET:
            return self
        if self == _NOT_SET:
            return defaults
        return Options._make(
            mine if mine is not None else default for mine, default in zip(self, defaults, strict=True)
        )


_NOT_SET = Options()


class OptionRule(NamedTuple):
    """What an option accepts.

    Args:
        name: The option's name.
        values: The values for the documentation, the default first; empty if the option is not available yet.
        meaning: A sentence for the documentation.
        field: The field of `Options`.
        read: Reads a value.
        of_image: Whether the option can be set for a single image.
    """

    name: str
    values: str
    meaning: str
    field: str
    read: Callable[[str, JsonValue], Any]
    of_image: bool = True


def _invalid_value(name: str, value: JsonValue, expected: str) -> InvalidOptionError:
    return InvalidOptionError(f"invalid value {_describe(value)} for option {name}", f"write {expected}")


def _one_of(kind: type[Enum]) -> Callable[[str, JsonValue], Any]:
    def read(name: str, value: JsonValue) -> Enum:
        for member in kind:
            if value == member.value:
                return member
        raise _invalid_value(name, value, f"one of {', '.join(str(member.value) for member in kind)}")

    return read


def _read_pin(name: str, value: JsonValue) -> Pin | tuple[str, ...]:
    if isinstance(value, list):
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


def _read_refresh(name: str, value: JsonValue) -> None:
    if isinstance(value, str) and value in {"OnChange", "Never"}:
        raise InvalidOptionError(
            f"{name}={value} is not available yet", f"omit {name}: the tag is resolved at every deployment"
        )
    if value != "Always":
        raise _invalid_value(name, value, "Always")


def _refuse(name: str, _: JsonValue) -> None:
    raise InvalidOptionError(f"option {name} is not available yet", "remove it")


OPTION_RULES = (
    OptionRule(
        "Pin", "`Marked`, `All`, a list of container names, `Skip`",
        "Which images are pinned. `Skip` makes no request for an image.", "pin", _read_pin, of_image=False,
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
    OptionRule("Refresh", "`Always`", "Resolve the tag at every deployment.", "", _read_refresh),
    OptionRule("Lock", "", "", "", _refuse),
    OptionRule("StackName", "", "", "", _refuse),
    OptionRule("Service", "", "", "", _refuse),
    OptionRule("Family", "", "", "", _refuse),
)  # fmt: skip
"""Every option; those without values are refused until they are available."""

_BY_NAME = {rule.name: rule for rule in OPTION_RULES}


def is_available(name: str) -> bool:
    """Return whether there is an option of this name that can be set."""
    rule = _BY_NAME.get(name)
    return rule is not None and bool(rule.values)


def read_options(pairs: JsonObject | Iterable[tuple[str, JsonValue]], *, of_image: bool) -> Options:
    """Read options from names and values; those of a single image (`of_image`) do not include `Pin`.

    Raises:
        InvalidOptionError: An option is unknown, not available yet, a duplicate, or has an invalid value.
    """
    found: dict[str, Any] = {}
    seen: set[str] = set()
    for name, value in cast("Iterable[tuple[str, JsonValue]]", pairs.items() if isinstance(pairs, dict) else pairs):
        rule = _BY_NAME.get(name)
        if rule is None:
            raise _unknown_option(name, of_image=of_image)
        if name in seen:
            raise InvalidOptionError(f"duplicate option {name}", "remove one of them")
        seen.add(name)
        if of_image and not rule.of_image:
            raise InvalidOptionError(
                f"option {name} cannot be set for a single image", "set it in the Metadata of the resource"
            )
        read = rule.read(name, value)
        if rule.field:
            found[rule.field] = read
    return Options(**found)


def _unknown_option(name: str, *, of_image: bool) -> InvalidOptionError:
    import difflib  # noqa: PLC0415 - not needed to start the function

    known = [rule.name for rule in OPTION_RULES if rule.values and (rule.of_image or not of_image)]
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
    return ""


def _pins_fewer(requested: Pin | tuple[str, ...], configured: Pin | tuple[str, ...] | None) -> bool:
    if configured is Pin.ALL:
        return requested is not Pin.ALL
    if not isinstance(configured, tuple) or requested is Pin.ALL:
        return False
    return not isinstance(requested, tuple) or not set(configured) <= set(requested)
