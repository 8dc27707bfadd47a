"""The files of the project, for tests that check all of them."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "macro" / "image_pinner"


@dataclass(frozen=True)
class Module:
    """A module of the package: its path relative to the project's root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module


@cache
def modules() -> tuple[Module, ...]:
    """Return all modules of the package."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Module(path.relative_to(ROOT).as_posix(), text, ast.parse(text)))
    return tuple(found)


@cache
def project_files() -> tuple[str, ...]:
    """Return the paths of all files that git does not ignore; skip the test outside of a git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout, to list the files of the project")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file()))


def text_of(name: str) -> str:
    """Return the text of a file, or an empty string for a binary file."""
    try:
        return (ROOT / name).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return ""
