"""Golden files: what was expected and agreed on, compared, and written anew on demand."""

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
    """Give a value as the text of a golden file; the order of keys is part of it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def compare(path: Path, found: bytes | str) -> None:
    """Compare what was found with a golden file, or write the file if that was asked for.

    Args:
        path: The golden file.
        found: What it has to hold, to the byte.
    """
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
        message = f"{difference}\nIf that is what you want: {UPDATE}=1 pytest tests/golden, and look at the difference"
        raise AssertionError(message)
