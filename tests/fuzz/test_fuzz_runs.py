"""`make fuzz` starts the fuzzer with limits, and fails if a target fails."""

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
# A fake fuzzer that prints its options, and fails for the planted target.
PROGRAM = """
import pathlib, sys
name, *options, corpus = sys.argv[1:]
given = dict(option[1:].split("=") for option in options)
for key in sorted(given):
    print(key, given[key] if key != "artifact_prefix" else "")
print("seeds", *sorted(path.read_bytes() for path in pathlib.Path(corpus).iterdir()))
if name == "planted":
    pathlib.Path(given["artifact_prefix"] + "crash-1").write_bytes(b"x{'\\n{")
    sys.exit("KeyError: a bug")
pathlib.Path(given["artifact_prefix"] + "slow-unit-1").write_bytes(b"slow")
print("Done 17 runs in 1 second(s)")
"""


@pytest.fixture
def program(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return sys.executable, str(path)


def test_a_failure_is_reported_with_a_line_to_add_and_the_exit_code_1(
    program: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = fuzz(PLANTED, 1, 1, program)
    assert (run.status, run.found) == (1, (b"{",))
    summary = report(run)
    assert "planted: FAILED, exit code 1" in summary
    assert "KeyError: a bug" in summary
    assert summary.endswith("""FOUND in tests/fuzz/found_inputs.py:\n    ("planted", b'{'),""")
    assert main([], lambda *_: run) == 1
    assert "FAILED" in capsys.readouterr().out


def test_an_exit_without_an_input_is_a_failure_too(capsys: pytest.CaptureFixture[str]) -> None:
    target = TARGETS["references"]
    assert "references: FAILED, exit code 77\nNo input was stored." in report(Run(target, 77, "", ()))
    assert main(["references"], lambda *_: Run(target, 77, "", ())) == 1
    capsys.readouterr()


def test_a_run_has_limits_and_starts_with_the_seeds(program: tuple[str, str]) -> None:
    target = TARGETS["references"]
    run = fuzz(target, 3, 42, program)
    assert (run.status, run.found) == (0, ())
    assert run.output.splitlines()[:6] == [
        "artifact_prefix ",
        "max_len 1024",
        "max_total_time 3",
        "rss_limit_mb 1024",
        "seed 42",
        "timeout 5",
    ]
    assert f"seeds {' '.join(str(one) for one in sorted(target.seeds))}" in run.output
    assert report(run) == "references: no failure. Done 17 runs in 1 second(s)"


def test_all_targets_are_run_unless_some_are_passed(capsys: pytest.CaptureFixture[str]) -> None:
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
        # Under `make test`, it would inherit the options of make.
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
def test_an_unsupported_python_is_rejected_with_a_supported_one(
    make: Callable[[str], subprocess.CompletedProcess[str]], tmp_path: Path, pretend: str
) -> None:
    run = make(pretend)
    assert run.returncode != 0
    printed = [line for line in run.stderr.splitlines() if not line.startswith("make")]
    assert len(printed) == 1
    assert "help: make fuzz PYTHON=python3.11" in printed[0]
    assert not (tmp_path / "venv").exists()
