"""Workflows and the action pass actionlint, shellcheck and zizmor, and use all actions by their commit."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.project import ROOT
from support.repository import require_program

ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
FILES = [ACTION, *WORKFLOWS]


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=folder)


def steps(path: Path) -> list[dict[str, Any]]:
    content = yaml.safe_load(path.read_text("utf-8"))
    owners = [content["runs"]] if "runs" in content else content["jobs"].values()
    return [step for owner in owners for step in owner["steps"]]


def test_actionlint_has_no_findings() -> None:
    found = run(require_program("actionlint"), "-no-color")
    assert (found.returncode, found.stdout) == (0, "")


def test_actionlint_finds_an_error(tmp_path: Path) -> None:
    workflow = tmp_path / "broken.yml"
    workflow.write_text(
        WORKFLOWS[0].read_text("utf-8").replace("runs-on: ubuntu-24.04", "runs-on: ubuntu-1", 1), "utf-8"
    )
    found = run(require_program("actionlint"), "-no-color", str(workflow))
    assert found.returncode == 1
    assert 'label "ubuntu-1" is unknown' in found.stdout


def test_zizmor_has_no_findings() -> None:
    command = [require_program("zizmor"), "--offline", "--no-progress", "--color=never"]
    found = run(*command, "action.yml", ".github")
    assert (found.returncode, "No findings to report" in found.stdout) == (0, True), found.stdout


def test_zizmor_finds_the_injection_of_an_input(tmp_path: Path) -> None:
    action = tmp_path / "action.yml"
    action.write_text(ACTION.read_text("utf-8").replace('<<< "$PATHS"', "<<< '${{ inputs.paths }}'"), "utf-8")
    found = run(require_program("zizmor"), "--offline", "--no-progress", "--color=never", str(action))
    assert "template-injection" in found.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shellcheck_has_no_findings_in_scripts(path: Path, tmp_path: Path) -> None:
    scripts = [step["run"] for step in steps(path) if "run" in step]
    names = [str(tmp_path / f"{number}.sh") for number in range(len(scripts))]
    for name, script in zip(names, scripts, strict=True):
        Path(name).write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{script}", "utf-8")
    found = run(require_program("shellcheck"), *names)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_used_by_their_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S.*)", path.read_text("utf-8"))
    wrong = [
        line for line in used if not line.startswith("./") and not re.fullmatch(r"\S+@[0-9a-f]{40} # v[0-9.]+", line)
    ]
    assert (wrong, bool(used)) == ([], True)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_have_only_the_permissions_that_they_declare(path: Path) -> None:
    content = yaml.safe_load(path.read_text("utf-8"))
    assert content["permissions"] == {}
    assert all("permissions" in job and "timeout-minutes" in job for job in content["jobs"].values())


def test_files_that_scripts_name_exist() -> None:
    text = "\n".join(path.read_text("utf-8") for path in FILES)
    named = set(re.findall(r"requirements/([a-z]+)\.txt", text))
    assert named == {"action", "release"}
    assert all((ROOT / "requirements" / f"{name}.txt").is_file() for name in (*named, "lambda"))
