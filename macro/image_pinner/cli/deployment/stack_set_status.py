"""What is installed in the accounts of an organization, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from image_pinner.cli.deployment.stack_set_instances import Instance, Operation

_ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True)
class StackSetStatus:
    """What is installed by a stack set.

    Args:
        region: The region that it is kept in.
        name: Its name.
        status: Its status, or empty where there is none.
        macro: The macro's name.
        version: The version of ImagePinner that it installs.
        code_key: Where its code lies in the bucket of each region.
        revision: Its revision, or empty.
        configuration: The parameters that have another value than the default.
        instances: Its stacks.
        last_operation: What was last done to it.
        unknown: What could not be found out, and why.
    """

    region: str
    name: str
    status: str = ""
    macro: str = ""
    version: str = ""
    code_key: str = ""
    revision: str = ""
    configuration: Mapping[str, str] = field(default_factory=dict)
    instances: tuple[Instance, ...] = ()
    last_operation: Operation | None = None
    unknown: tuple[str, ...] = ()

    @property
    def behind(self) -> tuple[Instance, ...]:
        """The stacks that are not as the stack set wants them."""
        return tuple(one for one in self.instances if not one.is_current)

    @property
    def is_well(self) -> bool:
        """Whether the macro is as it should be wherever the stack set reaches."""
        return self.status == _ACTIVE and bool(self.instances) and not self.behind

    def to_json(self) -> dict[str, Any]:
        """Give the status as JSON values."""
        return {
            "region": self.region,
            "name": self.name,
            "status": self.status or None,
            "macro": self.macro or None,
            "version": self.version or None,
            "code_key": self.code_key or None,
            "revision": self.revision or None,
            "configuration": dict(self.configuration),
            "instances": [one.to_json() for one in self.instances],
            "not_current": len(self.behind),
            "last_operation": self.last_operation.to_json() if self.last_operation else None,
            "unknown": list(self.unknown),
        }

    def lines(self, own_version: str) -> Iterable[str]:
        """Give the status as lines.

        Args:
            own_version: The version of this command.
        """
        if not self.status:
            yield (
                f"{self.region}: no stack set {self.name}; image-pinner install --stack-set {self.name}"
                f" --region {self.region} makes one"
            )
            return
        yield f"{self.region}: stack set {self.name} is {self.status}"
        other = f", this command is {own_version}" if self.version and self.version != own_version else ""
        yield f"  macro {self.macro or 'unknown'}, ImagePinner {self.version or 'of unknown version'}{other}"
        if self.code_key:
            yield f"  code {self.code_key}"
        if self.revision:
            yield f"  revision {self.revision}"
        yield from (f"  {name} = {value}" for name, value in self.configuration.items())
        yield f"  {self._summary()}"
        yield from (f"  {one}" for one in self.instances)
        if self.last_operation:
            yield f"  last operation {self.last_operation}"
            yield from (f"  {one}" for one in self.last_operation.failed)
        yield from (f"  unknown: {one}" for one in self.unknown)

    def _summary(self) -> str:
        if not self.instances:
            return "no stack of it is known"
        if not self.behind:
            return f"all {len(self.instances)} stacks are current"
        return f"WARNING: {len(self.behind)} of {len(self.instances)} stacks are not current"
