"""docs/registry-faults.md: the table of faults as a document, each row from the output of a run."""

from __future__ import annotations

import os
import re

from registry_faults.faults import FAULTS, Fault
from registry_faults.running import ROOT, Ran
from registry_faults.scene import REGISTRY, SERVICE

DOCUMENT = ROOT / "docs" / "registry-faults.md"
UPDATING = bool(os.environ.get("UPDATE_GOLDEN"))

_BEGIN, _END = "<!-- generated: registry-faults -->", "<!-- end -->"
_BLOCK = re.compile(f"{re.escape(_BEGIN)}\n(.*?)\n{re.escape(_END)}", re.DOTALL)
_ROW = re.compile(r"^\| \*\*(.+?)\*\* \|.*\|$", re.MULTILINE)
_HEAD = "| fault | the registry | outcome | message |\n| --- | --- | --- | --- |"


def row(fault: Fault, ran: Ran) -> str:
    """Return the row of a fault, after a run."""
    printed = ran.scene.printed(ran.line) if ran.code else ""
    if ran.scene.scheme == "http" and "https" in fault.over:
        for name in (REGISTRY, SERVICE):  # the messages over both differ in nothing else
            printed = printed.replace(f"http://{name}", f"https://{name}")
    seen = f"`{printed}`" if printed else "nothing"
    cells = (f"**{fault.name}**", fault.does, fault.outcome.value, seen)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def rows() -> dict[str, str]:
    """Return the rows of the document by the names of their faults."""
    return {found[1]: found[0] for found in _ROW.finditer(_block())}


def headings() -> list[str]:
    """Return the headings between the rows."""
    return re.findall(r"^## (.+)$", _block(), re.MULTILINE)


def update(fault: Fault, found: str) -> None:
    """Put a row into the document, and remove those of faults that no longer exist."""
    known = rows() | {fault.name: found}
    parts = []
    for heading, faults in FAULTS.items():
        lines = [known[one.name] for one in faults if one.name in known]
        parts.append("\n".join([f"## {heading}\n", _HEAD, *lines]))
    text = "\n\n".join(parts)
    DOCUMENT.write_text(_BLOCK.sub(lambda _: f"{_BEGIN}\n{text}\n{_END}", DOCUMENT.read_text("utf-8")), "utf-8")


def _block() -> str:
    found = _BLOCK.search(DOCUMENT.read_text("utf-8"))
    assert found, f"{DOCUMENT.name} has lost its generated block"
    return found[1]
