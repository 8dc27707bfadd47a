"""The import contracts in pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.project import PACKAGE, ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]

# For each contract, a line that violates it, and the module to add it to.
VIOLATIONS = {
    "layers": ("sources/concurrency.py", "import image_pinner.settings"),
    "core-layers": ("core/images/platforms.py", "import image_pinner.core.template.paths"),
    "pure-core": ("core/decision.py", "def now(): import time"),
    "sources": ("sources/in_memory.py", "import image_pinner.sources.aws.values"),
    "gates": ("core/gates/tags.py", "import image_pinner.core.gates.age"),
    "lambda": ("sources/concurrency.py", "def dump(): import yaml"),
    "subcommands": ("cli/commands/invoke.py", "import image_pinner.cli.commands.pin"),
    "intrinsics": ("core/intrinsics/functions.py", "import image_pinner.core.template.locations"),
    "source-text": ("cli/documents/document.py", "import image_pinner.settings"),
    "no-cycles": ("core/template/paths.py", "import image_pinner.core.template.edits"),
}


def _lint(root: Path, contract: str = "") -> tuple[int, str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-logo"]
    selected = ["--contract", contract] if contract else []
    run = subprocess.run(
        [*command, "--no-cache", "--config", str(ROOT / "pyproject.toml"), *selected],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return run.returncode, run.stdout + run.stderr


def test_all_contracts_hold() -> None:
    status, output = _lint(PACKAGE.parent)
    assert status == 0, output
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken" in output


def test_every_contract_has_a_violation() -> None:
    assert set(VIOLATIONS) == {contract["id"] for contract in CONTRACTS}


def test_the_contract_lists_all_subcommands() -> None:
    (contract,) = (one for one in CONTRACTS if one["id"] == "subcommands")
    names = sorted(path.stem for path in (PACKAGE / "cli" / "commands").glob("*.py") if path.stem != "__init__")
    assert contract["modules"] == [f"image_pinner.cli.commands.{name}" for name in names]


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_violated_contract_fails(contract: str, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "image_pinner", ignore=shutil.ignore_patterns("__pycache__"))
    name, line = VIOLATIONS[contract]
    with (tmp_path / "image_pinner" / name).open("a", encoding="utf-8") as module:
        module.write(f"\n{line}\n")
    status, output = _lint(tmp_path, contract)
    assert status == 1, output
    assert "0 kept, 1 broken" in output
