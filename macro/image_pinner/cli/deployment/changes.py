"""What a change set would do, as a person wants to read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

_SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "?"}
_STYLES = {"+": "green", "-": "red", "±": "red"}
_NOTHING = ("didn't contain changes", "No updates are to be performed")


class Change(NamedTuple):
    """A resource that would change.

    Args:
        sign: `+` added, `~` changed, `±` replaced, `-` removed.
        name: The resource's name in the template.
        kind: Its type.
        note: What changes in it, or what becomes of it; or empty.
    """

    sign: str
    name: str
    kind: str
    note: str

    @property
    def style(self) -> str:
        """The colour of its line, or empty."""
        return _STYLES.get(self.sign, "")

    def __str__(self) -> str:
        return f"  {self.sign} {self.name} ({self.kind}){f': {self.note}' if self.note else ''}"


def read_changes(pages: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    """Read the changes from answers of DescribeChangeSet.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
    """
    found = [one["ResourceChange"] for page in pages for one in page.get("Changes", ()) if "ResourceChange" in one]
    return tuple(_change(one) for one in found)


def summary(changes: Iterable[Change]) -> str:
    """Count the changes: `1 added, 2 changed`."""
    signs = [change.sign for change in changes]
    words = {"+": "added", "~": "changed", "±": "replaced", "-": "removed"}
    counted = [f"{signs.count(sign)} {word}" for sign, word in words.items() if sign in signs]
    return ", ".join(counted) or "no resource changes"


def is_nothing_to_change(reason: str) -> bool:
    """Tell whether a change set failed only because it would change nothing, for which there are two texts."""
    return any(text in reason for text in _NOTHING)


def _change(told: Mapping[str, Any]) -> Change:
    replacement = told.get("Replacement", "")
    sign = "±" if replacement == "True" else _SIGNS.get(told["Action"], "?")
    names = {_target(detail.get("Target", {})) for detail in told.get("Details", ())} - {""}
    notes = [", ".join(sorted(names))] if names else []
    if replacement == "Conditional":
        notes.append("may be replaced")
    if told.get("PolicyAction", "").endswith("Retain"):
        notes.append("what it was stays" if sign == "±" else "stays, outside of the stack")
    return Change(sign, told["LogicalResourceId"], told["ResourceType"], "; ".join(notes))


def _target(target: Mapping[str, Any]) -> str:
    return str(target.get("Name") or ("" if target.get("Attribute") == "Properties" else target.get("Attribute") or ""))
