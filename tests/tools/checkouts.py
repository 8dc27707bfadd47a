"""Copies of this checkout, and `make package` in them."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support.project import ROOT

FOLDERS = ("deploy", "macro", "requirements", "templates", "tools")
FILES = ("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml")


def copy_checkout(target: Path) -> Path:
    """Copy what the zip and the wheel are built from; the folders get their files in another order."""
    found = [path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    names = [name for name in found if (ROOT / name).is_file() and "__pycache__" not in name.parts]
    for name in random.sample([*names, *map(Path, FILES)], len(names) + len(FILES)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target / name)
    return target


def run_build(
    checkout: Path, *arguments: str, start: Sequence[str] = (), umask: int = 0o022, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run what `make package` runs; `start` are arguments of Python before the program."""
    command = [sys.executable, "-B", *start, str(checkout / "tools" / "build_package")]
    return subprocess.run(
        [*command, "--output", str(checkout / "dist"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        umask=umask,
        env={**os.environ, **environment},
        cwd=checkout.parent,
    )
