"""The values of the template's parameters: what was given, what was there before, and what the command sets itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from image_pinner.core.errors import ConfigurationError

Declared = Mapping[str, Mapping[str, Any]]

OWN = {
    "CodeBucket": "--bucket",
    "CodeKey": "--package",
    "CodeBucketPerRegion": "--stack-set",
    "Revision": "nothing: it follows from the code and the parameters",
}
"""The parameters that the command sets, and what is said instead."""


class Origin(Enum):
    """Where a value comes from."""

    GIVEN = "given"
    KEPT = "kept"
    DEFAULT = "default"
    OWN = "set by this command"


class Choice(NamedTuple):
    """A parameter's value.

    Args:
        name: The parameter.
        value: Its value.
        origin: Where it comes from.
        changed: Whether it is another one than the template's default.
    """

    name: str
    value: str
    origin: Origin
    changed: bool

    def __str__(self) -> str:
        return f"{self.name} = {self.value} ({self.origin.value})"


def checked(declared: Declared, given: Mapping[str, str]) -> Mapping[str, str]:
    """See that the values that were given can be taken; CloudFormation would say so too, later.

    Args:
        declared: The template's parameters.
        given: The values.

    Returns:
        The same values.

    Raises:
        ConfigurationError: One cannot.
    """
    for name, value in given.items():
        if name in OWN:
            raise ConfigurationError(f"the parameter {name} is set by this command", f"Give {OWN[name]}")
        if name not in declared:
            near = difflib.get_close_matches(name, declared, 1)
            known = ", ".join(sorted(set(declared) - set(OWN)))
            help = f"Did you mean {near[0]}? " if near else ""
            raise ConfigurationError(f"the template has no parameter {name}", f"{help}Its parameters are {known}")
        wrong = _wrong(declared[name], value)
        if wrong:
            raise ConfigurationError(f"the parameter {name} cannot be {value!r}", f"Write {wrong}")
    return given


def choose(
    declared: Declared, given: Mapping[str, str], before: Mapping[str, str], own: Mapping[str, str]
) -> tuple[Choice, ...]:
    """Choose the value of each parameter.

    Args:
        declared: The template's parameters.
        given: What the user gave.
        before: What an existing stack has; parameters that the template no longer has are left out.
        own: What the command sets.

    Returns:
        The choices, in the template's order.

    Raises:
        ConfigurationError: A parameter has no value.
    """
    return tuple(_choice(name, rule, given, before, own) for name, rule in declared.items())


def to_send(choices: Iterable[Choice]) -> list[dict[str, Any]]:
    """Give the parameters of a request; those that keep their value are named and not repeated.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
    """
    sent: list[dict[str, Any]] = []
    for choice in choices:
        if choice.origin is Origin.KEPT:
            sent.append({"ParameterKey": choice.name, "UsePreviousValue": True})
        elif choice.origin is not Origin.DEFAULT:
            sent.append({"ParameterKey": choice.name, "ParameterValue": choice.value})
    return sent


def _choice(
    name: str, rule: Mapping[str, Any], given: Mapping[str, str], before: Mapping[str, str], own: Mapping[str, str]
) -> Choice:
    default = _text(rule["Default"]) if "Default" in rule else None
    for values, origin in ((own, Origin.OWN), (given, Origin.GIVEN), (before, Origin.KEPT)):
        if name in values:
            return Choice(name, values[name], origin, values[name] != default)
    if default is None:
        raise ConfigurationError(f"the parameter {name} has no value", f"Give --parameter {name}=VALUE")
    return Choice(name, default, Origin.DEFAULT, changed=False)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wrong(rule: Mapping[str, Any], value: str) -> str:
    """Give what should be written instead, or empty where the value will do."""
    allowed = [_text(one) for one in rule.get("AllowedValues", ())]
    if allowed and value not in allowed:
        return "one of " + ", ".join(one or "nothing" for one in allowed)
    if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
        return str(rule.get("ConstraintDescription") or f"what fits {rule['AllowedPattern']}")
    if rule.get("Type") == "Number":
        least, most = float(rule.get("MinValue", "-inf")), float(rule.get("MaxValue", "inf"))
        number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value, re.ASCII)
        if not number or not least <= float(value) <= most:
            return f"a number from {rule['MinValue']} to {rule['MaxValue']}" if "MaxValue" in rule else "a number"
    return ""
