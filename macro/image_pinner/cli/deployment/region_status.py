"""What is installed in a region, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

STATUS_VERSION = 1
"""Raised when a field of the JSON changes its meaning or goes; new fields alone do not raise it."""
_USABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}

GONE = "Gone"
"""The state of a function, or of its alias, that is not there although its stack is; Lambda has no word for it."""
# https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
_BROKEN = {"Failed", GONE}


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """What is installed in a region.

    Args:
        region: The region.
        stack: The stack's name.
        stack_status: The stack's status, or empty where there is none.
        stack_reason: What CloudFormation says of it, or empty.
        macro: The macro's name.
        version: The version of ImagePinner that is installed.
        package: The SHA-256 of the code that acts, or its beginning where no more is known.
        function: What Lambda says of the function: state, the version that acts.
        configuration: The parameters that have another value than the default.
        drift: Where the version that acts and the function behind it have parted.
        tampered: Whether the code is another one than the stack's.
        alarms: The alarms' states by name.
        last_failure: The last failure in the log: when and what, or empty.
        unknown: What could not be found out, and why.
    """

    region: str
    stack: str
    stack_status: str = ""
    stack_reason: str = ""
    macro: str = ""
    version: str = ""
    package: str = ""
    function: Mapping[str, str] = field(default_factory=dict)
    configuration: Mapping[str, str] = field(default_factory=dict)
    drift: tuple[str, ...] = ()
    tampered: bool = False
    alarms: Mapping[str, str] = field(default_factory=dict)
    last_failure: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether templates can be deployed with the macro, as far as this shows."""
        return self.stack_status in _USABLE and not self.tampered and self.function.get("state") not in _BROKEN

    def to_json(self) -> dict[str, Any]:
        """Give the status as JSON values."""
        return {
            "region": self.region,
            "stack": self.stack,
            "stack_status": self.stack_status or None,
            "stack_reason": self.stack_reason or None,
            "macro": self.macro or None,
            "version": self.version or None,
            "package": self.package or None,
            "function": dict(self.function) or None,
            "configuration": dict(self.configuration),
            "drift": list(self.drift),
            "tampered": self.tampered,
            "alarms": dict(self.alarms),
            "last_failure": dict(self.last_failure) or None,
            "unknown": list(self.unknown),
        }

    def lines(self, own_version: str) -> Iterable[str]:
        """Give the status as lines.

        Args:
            own_version: The version of this command.
        """
        if not self.stack_status:
            yield f"{self.region}: no stack {self.stack}; image-pinner install --region {self.region} makes one"
            return
        yield f"{self.region}: stack {self.stack} is in {self.stack_status}{_behind(self.stack_reason)}"
        other = f", this command is {own_version}" if self.version and self.version != own_version else ""
        yield f"  macro {self.macro}, ImagePinner {self.version or 'of unknown version'}{other}"
        if self.package:
            yield f"  package {self.package}"
        if self.function:
            yield f"  function {', '.join(f'{name} {value}' for name, value in self.function.items())}"
        if self.tampered:
            yield "  WARNING: the code is not what the stack installed: somebody changed the function"
        if self.drift:
            yield f"  the function has changed since the version that acts: {', '.join(self.drift)}"
        yield from (f"  {name} = {value}" for name, value in self.configuration.items())
        yield from (f"  alarm {name} is in {state}" for name, state in self.alarms.items())
        if self.last_failure:
            yield f"  last failure {self.last_failure['time']}: {self.last_failure['message']}"
        yield from (f"  unknown: {one}" for one in self.unknown)


def _behind(reason: str) -> str:
    return f": {reason}" if reason else ""
