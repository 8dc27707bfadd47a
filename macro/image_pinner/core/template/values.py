"""What an expression in a template comes to: four outcomes, and the questions that only AWS can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

JsonValue = Any
"""A part of a template: what `json.loads` gives. It is `Any` because every walker has to ask what it met."""
JsonMap = Mapping[str, Any]
JsonList = Sequence[Any]


class SsmParameter(NamedTuple):
    """The value of a parameter in the Systems Manager Parameter Store.

    Args:
        name: The parameter's name, path or ARN.
        version: The version asked for, or `None` for the latest.
    """

    name: str
    version: int | None = None

    def __str__(self) -> str:
        return f"the SSM parameter {self.name!r}" + (f" in version {self.version}" if self.version else "")


class StackExport(NamedTuple):
    """The value that a stack of this account and region exports.

    Args:
        name: The export's name.
    """

    name: str

    def __str__(self) -> str:
        return f"the export {self.name!r}"


Lookup = SsmParameter | StackExport


class Known(NamedTuple):
    """The value is this.

    Args:
        value: The value, without intrinsics.
    """

    value: JsonValue


class Pending(NamedTuple):
    """The value can be told when these questions are answered.

    Args:
        lookups: What must be asked first.
        prefix: The text that is certain to stand at the beginning of the value.
    """

    lookups: frozenset[Lookup]
    prefix: str = ""


class Unknown(NamedTuple):
    """The value cannot be told.

    Args:
        reason: Why not, as a clause.
        remedy: What the author can do, as a sentence without a full stop.
        prefix: The text that is certain to stand at the beginning of the value.
    """

    reason: str
    remedy: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class NoValue:
    """There is nothing: `AWS::NoValue` removes what it stands for."""


Outcome = Known | Pending | Unknown | NoValue
Answer = Known | Unknown
"""What a look-up ends in."""
