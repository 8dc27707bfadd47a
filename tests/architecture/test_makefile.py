"""The Makefile lists its targets, and reports missing programs before it starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.project import ROOT, text_of

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")

TARGETS = {
    "help",
    "demo",
    "test",
    "test-all",
    "check",
    "golden",
    "lint",
    "docs",
    "bench",
    "size",
    "fuzz",
    "package",
    "lock",
    "clean",
}


def _make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Under `make test`, it would inherit the options of that run.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "-C", str(ROOT), "--no-print-directory", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def test_old_python_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "python3.10"
    fake_version = "import sys; sys.version_info = (3, 10, 13); exec(sys.argv[1])"
    old.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{fake_version}' \"$2\"\n", "utf-8")
    old.chmod(0o755)
    run = _make("demo", f"PYTHON={old}", f"DEMO_VENV={tmp_path / 'venv'}")
    assert run.returncode != 0
    assert f"ImagePinner needs Python 3.11 or newer, and {old} is 3.10." in run.stderr
    assert not (tmp_path / "venv").exists()


def test_missing_python_is_reported(tmp_path: Path) -> None:
    run = _make("test", "PYTHON=no-such-python", f"VENV={tmp_path / 'venv'}")
    assert run.returncode != 0
    assert "error: no-such-python is not installed." in run.stderr


def test_make_without_target_lists_all_targets() -> None:
    run = _make()
    assert run.returncode == 0, run.stderr
    listed = re.findall(r"^  make (\S+) +\w.{20,}$", run.stdout, re.MULTILINE)
    assert set(listed) == TARGETS


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_targets_in_documents_exist(document: str) -> None:
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", text_of(document)))
    assert named
    assert named <= TARGETS


@pytest.mark.parametrize(("target", "ignored"), [("test", True), ("test-all", False)])
def test_only_the_full_run_includes_the_end_to_end_tests(target: str, *, ignored: bool) -> None:
    run = _make("--dry-run", target, "ARGS=", "ALL_TESTS=" if target == "test" else "WORKERS=2")
    assert run.returncode == 0, run.stderr
    assert "pytest" in run.stdout
    assert ("--ignore=tests/e2e" in run.stdout) == ignored
