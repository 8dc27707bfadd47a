"""Options of an image, a resource, a template or the operator, and their precedence.

The nearest wins. Values are flat scalars or lists of scalars, because CloudFormation allows nothing else in the
Parameters of a Transform, and booleans and numbers may arrive as strings.
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
    """What happens to an image that does not exist."""

    FAIL = "Fail"
    KEEP_TAG = "KeepTag"


class WhenMoved(Enum):
    """What happens to an image with tag and digest whose tag does not point to the digest any more."""

    WARN = "Warn"
    FAIL = "Fail"


class Record(Enum):
    """Where the written reference is kept."""

    LABEL = "Label"
    METADATA = "Metadata"
    NONE = "None"


class AnyPlatform(Enum):
    """The wish for no particular platform."""

    ANY = "Any"


class Options(NamedTuple):
    """Options of one level; `None` is what the level does not say.

    Args:
        pin: Which images: by mark, all, none, or the containers of these names.
        platform: The platform that must be in the image, or that any will do.
        when_missing: What happens to an image that does not exist.
        record: Where the written reference is kept.
        when_moved: What happens to an image whose tag does not point to its digest any more.
    """

    pin: Pin | tuple[str, ...] | None = None
    platform: Platform | AnyPlatform | None = None
    when_missing: WhenMissing | None = None
    record: Record | None = None
    when_moved: WhenMoved | None = None

    def over(self, farther: Options) -> Options:
        """Give these options, with those of a farther level where these say nothing."""
        if farther == _NONE_SAID:
            return self
        if self == _NONE_SAID:
            return farther
        return Options(
            farther.pin if self.pin is None else self.pin,
            farther.platform if self.platform is None else self.platform,
            farther.when_missing if self.when_missing is None else self.when_missing,
            farther.record if self.record is None else self.record,
            farther.when_moved if self.when_moved is None else self.when_moved,
        )


_NONE_SAID = Options()


class OptionRule(NamedTuple):
    """What an option takes.

    Args:
        name: The option as people write it.
        values: The values for a table, the default first.
        meaning: A sentence for a table.
        field: The field of `Options`.
        read: Reads a value.
        of_image: Whether the option can stand at a single image.
    """

    name: str
    values: str
    meaning: str
    field: str
    read: Callable[[str, JsonValue], Any]
    of_image: bool = True


def _one_of(kind: type[Enum]) -> Callable[[str, JsonValue], Any]:
    def read(name: str, value: JsonValue) -> Enum:
        for member in kind:
            if value == member.value:
                return member
        known = ", ".join(str(member.value) for member in kind)
        raise InvalidOptionError(f"{name} cannot be {_shown(value)}", f"Write one of {known}")

    return read


def _read_pin(name: str, value: JsonValue) -> Pin | tuple[str, ...]:
    if isinstance(value, list):
        if value and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        raise InvalidOptionError(f"{name} cannot be {_shown(value)}", "Write a list of container names")
    pin = {member.value: member for member in Pin}.get(value if isinstance(value, str) else "")
    if pin is None:
        raise InvalidOptionError(
            f"{name} cannot be {_shown(value)}", "Write Marked, All, Skip or a list of container names"
        )
    return pin


def _read_platform(name: str, value: JsonValue) -> Platform | AnyPlatform:
    if value == AnyPlatform.ANY.value:
        return AnyPlatform.ANY
    if not isinstance(value, str):
        raise InvalidOptionError(f"{name} cannot be {_shown(value)}", "Write linux/arm64 for example, or Any")
    return Platform.parse(value)


def _read_refresh(name: str, value: JsonValue) -> None:
    if isinstance(value, str) and value in {"OnChange", "Never"}:
        raise InvalidOptionError(
            f"{name}={value} is not available yet", "Leave it away: the tag is asked for every time"
        )
    if value != "Always":
        raise InvalidOptionError(f"{name} cannot be {_shown(value)}", "Write Always")


def _not_yet(name: str, _: JsonValue) -> None:
    raise InvalidOptionError(f"the option {name} is not available yet", "Remove it")


OPTION_RULES = (
    OptionRule(
        "Pin", "`Marked`, `All`, a list of container names, `Skip`",
        "What is pinned. `Skip` makes no call at all for that image.", "pin", _read_pin, of_image=False,
    ),
    OptionRule(
        "Platform", "derived, `os/arch[/variant]`, `Any`",
        "The platform that must be in the image; derived from `RuntimePlatform` or Lambda's `Architectures`.",
        "platform", _read_platform,
    ),
    OptionRule(
        "WhenMissing", "`Fail`, `KeepTag`",
        "`KeepTag` is for the first deployment, when the repository or the tag does not exist yet.",
        "when_missing", _one_of(WhenMissing),
    ),
    OptionRule(
        "WhenMoved", "`Warn`, `Fail`",
        "What happens to `repo:tag@digest` whose tag has moved to another digest; the written digest stays.",
        "when_moved", _one_of(WhenMoved),
    ),
    OptionRule(
        "Record", "`Label`, `Metadata`, `None`",
        "Where the written reference is kept. `Label` is for ECS, elsewhere it is `Metadata`.",
        "record", _one_of(Record),
    ),
    OptionRule("Refresh", "`Always`", "The tag is asked for at every deployment.", "", _read_refresh),
    OptionRule("Lock", "", "", "", _not_yet),
    OptionRule("StackName", "", "", "", _not_yet),
    OptionRule("Service", "", "", "", _not_yet),
    OptionRule("Family", "", "", "", _not_yet),
)  # fmt: skip
"""Every option there is; those without values are refused by name until they can be kept."""

_BY_NAME = {rule.name: rule for rule in OPTION_RULES}


def is_available(name: str) -> bool:
    """Tell whether an option of this name can be written."""
    rule = _BY_NAME.get(name)
    return rule is not None and bool(rule.values)


def read_options(pairs: JsonObject | Iterable[tuple[str, JsonValue]], *, of_image: bool) -> Options:
    """Read options as they were written.

    Args:
        pairs: Names and values.
        of_image: Whether they stand at a single image, where `Pin` has no meaning.

    Returns:
        The options.

    Raises:
        InvalidOptionError: A name is unknown, not available yet, written twice, or its value is none it takes.
    """
    found: dict[str, Any] = {}
    seen: set[str] = set()
    for name, value in cast("Iterable[tuple[str, JsonValue]]", pairs.items() if isinstance(pairs, dict) else pairs):
        rule = _BY_NAME.get(name)
        if rule is None:
            raise InvalidOptionError(
                f"{_shown(name)} is no option", f"The options are {known_options(of_image=of_image)}"
            )
        if name in seen:
            raise InvalidOptionError(f"the option {name} stands twice", "Remove one of the two")
        seen.add(name)
        if of_image and not rule.of_image:
            raise InvalidOptionError(
                f"the option {name} cannot stand at a single image", "Put it into the Metadata of the resource"
            )
        read = rule.read(name, value)
        if rule.field:
            found[rule.field] = read
    return Options(**found)


def known_options(*, of_image: bool) -> str:
    """List the options that can be written."""
    return ", ".join(rule.name for rule in OPTION_RULES if rule.values and (rule.of_image or not of_image))


def _shown(value: JsonValue) -> str:
    if isinstance(value, list | dict):
        inside = value.values() if isinstance(value, dict) else value
        if any(isinstance(element, list | dict) for element in inside):
            return "a nested list" if isinstance(value, list) else "a nested map"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN = 80


def find_loosened_option(expected: Options, operator: Options) -> str:
    """Tell whether options are looser than what the operator has set.

    Args:
        expected: What image, resource and template say.
        operator: What the operator has set.

    Returns:
        What is looser, as a clause, or empty.
    """
    if operator.when_missing is WhenMissing.FAIL and expected.when_missing is WhenMissing.KEEP_TAG:
        return "WhenMissing=KeepTag is looser than the operator's WhenMissing=Fail"
    if operator.when_moved is WhenMoved.FAIL and expected.when_moved is WhenMoved.WARN:
        return "WhenMoved=Warn is looser than the operator's WhenMoved=Fail"
    if expected.pin is not None and _narrower(expected.pin, operator.pin):
        of_operator = operator.pin.value if isinstance(operator.pin, Pin) else ",".join(operator.pin or ())
        return f"Pin is narrower than the operator's Pin={of_operator}"
    if isinstance(operator.platform, Platform) and expected.platform not in {None, operator.platform}:
        return f"Platform is another than the operator's Platform={operator.platform}"
    return ""


def _narrower(expected: Pin | tuple[str, ...], operator: Pin | tuple[str, ...] | None) -> bool:
    if operator is Pin.ALL:
        return expected is not Pin.ALL
    if not isinstance(operator, tuple) or expected is Pin.ALL:
        return False
    return not isinstance(expected, tuple) or not set(operator) <= set(expected)
