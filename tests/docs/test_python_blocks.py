"""The examples of the Python API run as they are written, in a repository like that of a reader."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from docs.documents import Block, blocks
from support.command import image_pinner

PYTHON = blocks("python")
TESTS = {
    block.comment.removeprefix("tested: "): block for block in PYTHON if block.comment.startswith("tested: tests/")
}
TEMPLATE = """\
Transform: ImagePinner
Parameters: {Tag: {Type: String}}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: !Sub "!PinDigest registry.example/shop/web:${Tag}"
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with a template and its lock file."""
    monkeypatch.chdir(tmp_path)
    template = tmp_path / "templates" / "web.yaml"
    template.parent.mkdir()
    template.write_text(TEMPLATE, "utf-8")
    run = image_pinner("lock", str(template), "--parameter", "Tag=1.4.2", "--output", "images.lock.json")
    assert run.code == 0, run.err
    return tmp_path


def run_tests(repository: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of the documentation in the repository, as its user would."""
    for name, block in TESTS.items():
        path = repository / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, "utf-8")
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", "tests"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=repository)


def test_other_blocks_of_python_are_executed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, block in enumerate(block for block in PYTHON if block not in TESTS.values()):
        script = repository / f"example{number}.py"
        script.write_text(block.text, "utf-8")
        runpy.run_path(str(script))
    assert "registry.example/shop/web@sha256:777" in (repository / "pinned.yaml").read_text("utf-8")
    assert capsys.readouterr().out == ""


def test_the_tests_in_the_documentation_pass(repository: Path) -> None:
    run = run_tests(repository)
    assert run.returncode == 0, run.stdout
    assert f"{len(TESTS) + 1} passed" in run.stdout


def test_they_fail_for_an_image_that_is_not_pinned(repository: Path) -> None:
    template = repository / "templates" / "web.yaml"
    template.write_text(TEMPLATE.replace("!PinDigest ", ""), "utf-8")
    run = run_tests(repository)
    assert run.returncode == 1
    assert "is not pinned" in run.stdout


def is_executed(block: Block) -> bool:
    return block.document == "docs/python.md"


def test_no_other_document_has_blocks_of_python() -> None:
    assert [block for block in PYTHON if not is_executed(block)] == []
