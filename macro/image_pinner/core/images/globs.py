"""Patterns with `*`, which the platform configuration uses for names."""

from __future__ import annotations

import re
from functools import lru_cache


# All of the configuration and of a template: with fewer, each image would compile all of them again.
@lru_cache(maxsize=2048)
def compile_glob(pattern: str, separator: str = "") -> re.Pattern[str]:
    """Compile a pattern so that matching takes linear time.

    `*` matches any text without `separator`, and at the end any text. Atomic groups match the text after each `*` at
    its first occurrence, without backtracking: a later occurrence could only leave less text for the parts that follow.
    """
    first, *others = (re.escape(part) for part in pattern.split("*"))
    if not others:
        return re.compile(first)
    *middle, last = others
    text = f"[^{re.escape(separator)}]" if separator else "."
    atoms = "".join(f"(?>{text}*?{part})" for part in middle)
    return re.compile(first + atoms + (f"{text}*{last}" if last else ".*"))
