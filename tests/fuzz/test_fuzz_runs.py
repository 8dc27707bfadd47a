"""`make fuzz`: what it starts, how it is bounded, and that it fails where something breaks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz.run import Run, fuzz, main, report
from fuzz.targets import PLANTED, TARGETS

ROOT = Path(__file__).parents[2]
# Stands in for the fuzzer: says what it was started with, and breaks where the name says so.
PROGRAM = """
import pathlib, sys
name, *options, corpus = sys.argv[1:]
given = dict(option[1:].split("=") for option in options)
for key in sorted(given):
    print(key, given[key] if key != "artifact_prefix" else "")
print("seeds", *sorted(path.read_bytes() for path in pathlib.Path(corpus).iterdir()))
if name == "planted":
    pathlib.Path(given["artifact_prefix"] + "crash-1").write_bytes(b"x{'\\n{")
    sys.exit("KeyError: a defect")
pathlib.Path(given["artifact_prefix"] + "slow-unit-1").write_bytes(b"slow")
print("Done 17 runs in 1 second(s)")
"""


@pytest.fixture
def program(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return sys.executable, str(path)


def test_a_defect_is_reported_with_a_line_to_paste_and_makes_the_run_fail(
    program: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = fuzz(PLANTED, 1, 1, program)
    assert (run.status, run.found) == (1, (b"{",))
    told = report(run)
    assert "planted: BROKEN, exit code 1" in told
    assert "KeyError: a defect" in told
    assert told.endswith("""FOUND in tests/fuzz/found_inputs.py:\n    ("planted", b'{'),""")
    assert main([], lambda *_: run) == 1
    assert "BROKEN" in capsys.readouterr().out


def test_an_end_without_an_input_is_a_failure_too(capsys: pytest.CaptureFixture[str]) -> None:
    target = TARGETS["references"]
    assert "references: BROKEN, exit code 77\nNo input was kept." in report(Run(target, 77, "", ()))
    assert main(["references"], lambda *_: Run(target, 77, "", ())) == 1
    capsys.readouterr()


def test_a_run_is_bounded_in_time_and_size_and_begins_with_the_seeds(program: tuple[str, str]) -> None:
    target = TARGETS["references"]
    run = fuzz(target, 3, 42, program)
    assert (run.status, run.found) == (0, ())
    assert run.said.splitlines()[:6] == [
        "artifact_prefix ",
        "max_len 1024",
        "max_total_time 3",
        "rss_limit_mb 1024",
        "seed 42",
        "timeout 5",
    ]
    assert f"seeds {' '.join(str(one) for one in sorted(target.seeds))}" in run.said
    assert report(run) == "references: nothing found. Done 17 runs in 1 second(s)"


def test_all_targets_are_run_unless_some_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    started: list[tuple[str, int, int]] = []

    def run(target: object, seconds: int, seed: int) -> Run:
        assert target in TARGETS.values()
        name = next(name for name, known in TARGETS.items() if known is target)
        started.append((name, seconds, seed))
        return Run(TARGETS[name], 0, "", ())

    assert main(["--seconds", "2", "--seed", "3"], run) == 0
    assert sorted(started) == sorted((name, 2, 3) for name in TARGETS)
    started.clear()
    assert main(["tokens"], run) == 0
    assert started == [("tokens", 10, 1)]
    with pytest.raises(SystemExit, match="2"):
        main(["nonsense"], run)
    capsys.readouterr()


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    if shutil.which("make") is None:
        pytest.skip("needs make")

    def run(pretend: str) -> subprocess.CompletedProcess[str]:
        other = tmp_path / "other-python"
        other.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{pretend}; exec(sys.argv[1])' \"$2\"\n", "utf-8")
        other.chmod(0o755)
        # Run by `make test` itself, it would take over what that was called with.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        return subprocess.run(
            ["make", "-C", str(ROOT), "--no-print-directory", "fuzz", f"PYTHON={other}", f"FUZZ_VENV={tmp_path}/venv"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=environment,
        )

    return run


@pytest.mark.parametrize(
    "pretend",
    [
        'import sys, platform; platform.machine = lambda: "riscv64"',
        'import sys; sys.platform = "win32"',
        "import sys; sys.version_info = (3, 99, 0)",
    ],
)
def test_a_python_that_the_fuzzer_is_not_built_for_is_refused_with_one_that_it_is_built_for(
    make: Callable[[str], subprocess.CompletedProcess[str]], tmp_path: Path, pretend: str
) -> None:
    run = make(pretend)
    assert run.returncode != 0
    told = [line for line in run.stderr.splitlines() if not line.startswith("make")]
    assert len(told) == 1
    assert "Choose another: make fuzz PYTHON=python3.11" in told[0]
    assert not (tmp_path / "venv").exists()
