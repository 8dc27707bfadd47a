"""Fuzz all targets, each in a process of its own: `make fuzz`.

An input that causes a failure is printed as a line for `found_inputs.py`, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.targets import PLANTED, TARGETS, Target, found_line

ONE_TARGET = Path(__file__).with_name("atheris_target.py")
MAX_SECONDS_PER_INPUT = 5
"""An input that takes longer is a failure."""
_MEGABYTES = 1024
_SPARE_SECONDS = 60  # for the start and the seeds
_SHOWN_LINES = 40


@dataclass(frozen=True)
class Run:
    """The result of fuzzing a target: the output of the fuzzer, and the inputs that caused a failure."""

    target: Target
    status: int
    output: str
    found: tuple[bytes, ...]


def fuzz(target: Target, seconds: int, seed: int, program: Sequence[str] = (sys.executable, str(ONE_TARGET))) -> Run:
    """Fuzz one target."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus, failures = Path(folder, "corpus"), Path(folder, "failures")
        corpus.mkdir()
        failures.mkdir()
        for number, one in enumerate(target.seeds):
            (corpus / f"seed-{number}").write_bytes(one)
        options = {
            "max_total_time": seconds,
            "seed": seed,
            "max_len": target.max_bytes,
            "timeout": MAX_SECONDS_PER_INPUT,
            "rss_limit_mb": _MEGABYTES,
            "artifact_prefix": f"{failures}/",
        }
        command = [*program, target.name, *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
        try:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=seconds + _SPARE_SECONDS,
            )
        except subprocess.TimeoutExpired as late:
            return Run(target, 1, _text(late.stdout) + "\nthe fuzzer did not exit in time", _inputs(failures, target))
        return Run(target, done.returncode, _text(done.stdout), _inputs(failures, target))


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace")


def _inputs(folder: Path, target: Target) -> tuple[bytes, ...]:
    # libFuzzer also stores slow inputs, which are not failures.
    kept = [path for path in sorted(folder.iterdir()) if not path.name.startswith("slow-unit")]
    # Only crashes are shortened: the others would need too much time or memory here too.
    return tuple(
        shortened(target, path.read_bytes()) if path.name.startswith("crash") else path.read_bytes() for path in kept
    )


def shortened(target: Target, data: bytes) -> bytes:
    """Remove the parts of an input that are not needed for the same exception."""
    kind = _raised(target, data)
    step = len(data) + 1 if kind else 0
    while step := step // 2:
        start = 0
        while start < len(data):
            shorter = data[:start] + data[start + step :]
            if _raised(target, shorter) is kind:
                data = shorter
            else:
                start += step
    return data


def _raised(target: Target, data: bytes) -> type[Exception] | None:
    try:
        target.run(data)
    except Exception as error:  # noqa: BLE001 - any exception is a failure
        return type(error)
    return None


def report(run: Run) -> str:
    """Return the summary of a run."""
    lines = [line for line in run.output.splitlines() if line.strip()]
    if run.status == 0 and not run.found:
        done = next((line for line in reversed(lines) if line.startswith("Done ")), "Done")
        return f"{run.target.name}: no failure. {done}"
    paste = [found_line(run.target.name, data) for data in run.found]
    help_line = (
        "help: to keep them as tests, add to FOUND in tests/fuzz/found_inputs.py:" if paste else "No input was stored."
    )
    shown = [line for line in lines if not line.startswith(("#", "INFO:"))][-_SHOWN_LINES:]
    return "\n".join([f"{run.target.name}: FAILED, exit code {run.status}", *shown, help_line, *paste])


def _target(name: str) -> Target:
    known = {**TARGETS, PLANTED.name: PLANTED}
    if name not in known:
        raise argparse.ArgumentTypeError(f"unknown target {name!r}; expected one of {', '.join(TARGETS)}")
    return known[name]


def main(arguments: Sequence[str] | None = None, run_one: Callable[[Target, int, int], Run] = fuzz) -> int:
    """Fuzz the targets concurrently."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", type=_target, help=f"all by default: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=10, help="seconds per target")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="number of concurrent targets")
    options = parser.parse_args(arguments)
    targets = options.targets or list(TARGETS.values())
    failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for run in pool.map(lambda target: run_one(target, options.seconds, options.seed), targets):
            failed += run.status != 0 or bool(run.found)
            print(report(run), flush=True)  # noqa: T201 - printing is its purpose
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
