"""Compare results with golden files, or update the files."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
TEMPLATES = HERE.parent.parent / "templates"
UPDATE = "UPDATE_GOLDEN"


def as_json(value: Any) -> str:
    """Return a value as the text of a golden file, in which the order of keys matters."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def compare(path: Path, found: bytes | str) -> None:
    """Compare a result with a golden file byte by byte, or update the file if `UPDATE` is set."""
    content = found.encode() if isinstance(found, str) else found
    if os.environ.get(UPDATE) == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return
    expected = path.read_bytes() if path.exists() else b""
    if content != expected:
        name = path.relative_to(HERE)
        lines = [text.decode("utf-8", "replace").splitlines(keepends=True) for text in (expected, content)]
        difference = "".join(difflib.unified_diff(*lines, f"expected {name}", "found"))
        message = f"{difference}\nhelp: if this is intended, run {UPDATE}=1 pytest tests/golden and review the diff"
        raise AssertionError(message)
