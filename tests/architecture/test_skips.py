"""Skips are reported with their reasons, and fail in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.project import ROOT

TESTS = """
import pytest

def test_passes(): pass

@pytest.mark.xfail(reason="known", strict=True)
def test_fails_as_known(): assert False

@pytest.mark.skipif(True, reason="no such program here")
def test_needs_a_program(): pass

@pytest.mark.corpus
def test_needs_real_templates(): pytest.skip("no templates here")
"""
MODULE = "import pytest\npytest.skip('no such library here', allow_module_level=True)\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "tests"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = corpus\n", "utf-8")
    (folder / "test_single.py").write_text(TESTS, "utf-8")
    return folder


def _run(suite: Path, **environment: str) -> tuple[int, str]:
    own = {"NO_SKIPS", "EXCUSED_SKIPS", "IMAGE_PINNER_CORPUS"}
    inherited = {name: value for name, value in os.environ.items() if name not in own}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(suite / "pytest.ini")],
        cwd=suite,
        env={**inherited, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return run.returncode, run.stdout + run.stderr


def test_skip_fails_in_ci_unless_the_corpus_is_missing(suite: Path) -> None:
    status, output = _run(suite, NO_SKIPS="1")
    assert status == 1
    assert "skipped, and NO_SKIPS is set: no such program here" in output
    assert "1 passed, 1 skipped, 1 xfailed, 1 error" in output
    assert "1 test: the corpus of real templates is missing" in output


def test_skip_of_a_corpus_test_fails_if_the_corpus_exists(suite: Path, tmp_path: Path) -> None:
    status, output = _run(suite, NO_SKIPS="1", IMAGE_PINNER_CORPUS=str(tmp_path))
    assert status == 1
    assert "1 failed, 1 passed, 1 xfailed, 1 error" in output


def test_skipped_module_fails_in_ci(suite: Path) -> None:
    (suite / "test_module.py").write_text(MODULE, "utf-8")
    status, output = _run(suite, NO_SKIPS="1")
    assert status != 0
    assert "skipped, and NO_SKIPS is set: no such library here" in output


def test_skips_are_reported_with_their_reasons_outside_of_ci(suite: Path) -> None:
    (suite / "test_module.py").write_text(MODULE, "utf-8")
    status, output = _run(suite)
    assert status == 0
    assert "skipped on this machine" in output
    for reason in ("no such program here", "the corpus of real templates is missing", "no such library here"):
        assert f"1 test: {reason}" in output


def test_excused_skip_does_not_fail_in_ci(suite: Path) -> None:
    _, output = _run(suite, NO_SKIPS="1", EXCUSED_SKIPS="another reason|no such program")
    assert "1 passed, 2 skipped, 1 xfailed" in output
    _, output = _run(suite, NO_SKIPS="1", EXCUSED_SKIPS="another reason")
    assert "skipped, and NO_SKIPS is set: no such program here" in output
