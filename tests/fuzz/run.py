"""Fuzz all targets, each for a few seconds in a process of its own: `make fuzz`.

The first input that breaks something is printed as a line for `found_inputs.py`, and the exit code is 1.
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

from fuzz.targets import PLANTED, TARGETS, Target, pasted

ONE_TARGET = Path(__file__).with_name("atheris_target.py")
LONGEST_SECONDS = 5
"""How long one input may take: more is a defect as a crash is."""
_MEGABYTES = 1024
_SPARE_SECONDS = 60  # to start, and to read the seeds on a busy machine
_SHOWN_LINES = 40


@dataclass(frozen=True)
class Run:
    """What became of a target: what the fuzzer said, and the inputs that broke it."""

    target: Target
    status: int
    said: str
    found: tuple[bytes, ...]


def fuzz(target: Target, seconds: int, seed: int, program: Sequence[str] = (sys.executable, str(ONE_TARGET))) -> Run:
    """Fuzz one target."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus, broken = Path(folder, "corpus"), Path(folder, "broken")
        corpus.mkdir()
        broken.mkdir()
        for number, one in enumerate(target.seeds):
            (corpus / f"seed-{number}").write_bytes(one)
        options = {
            "max_total_time": seconds,
            "seed": seed,
            "max_len": target.max_bytes,
            "timeout": LONGEST_SECONDS,
            "rss_limit_mb": _MEGABYTES,
            "artifact_prefix": f"{broken}/",
        }
        command = [*program, target.name, *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
        try:
            ended = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=seconds + _SPARE_SECONDS,
            )
        except subprocess.TimeoutExpired as late:
            return Run(target, 1, _text(late.stdout) + "\nit did not end in time", _inputs(broken, target))
        return Run(target, ended.returncode, _text(ended.stdout), _inputs(broken, target))


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace")


def _inputs(broken: Path, target: Target) -> tuple[bytes, ...]:
    # A slow unit is no defect by itself, libFuzzer only keeps it for those who look for one.
    kept = [path for path in sorted(broken.iterdir()) if not path.name.startswith("slow-unit")]
    # Not what took too long or too much memory: it would do so here as well.
    return tuple(
        shortened(target, path.read_bytes()) if path.name.startswith("crash") else path.read_bytes() for path in kept
    )


def shortened(target: Target, data: bytes) -> bytes:
    """Leave out what it takes not for the same kind of defect."""
    kind = _defect(target, data)
    step = len(data) + 1 if kind else 0
    while step := step // 2:
        start = 0
        while start < len(data):
            shorter = data[:start] + data[start + step :]
            if _defect(target, shorter) is kind:
                data = shorter
            else:
                start += step
    return data


def _defect(target: Target, data: bytes) -> type[Exception] | None:
    try:
        target.run(data)
    except Exception as defect:  # noqa: BLE001 - any is one
        return type(defect)
    return None


def report(run: Run) -> str:
    """Give what a person needs to know of a run."""
    lines = [line for line in run.said.splitlines() if line.strip()]
    if run.status == 0 and not run.found:
        done = next((line for line in reversed(lines) if line.startswith("Done ")), "Done")
        return f"{run.target.name}: nothing found. {done}"
    paste = [pasted(run.target.name, data) for data in run.found]
    advice = "To keep them as a test, add to FOUND in tests/fuzz/found_inputs.py:" if paste else "No input was kept."
    shown = [line for line in lines if not line.startswith(("#", "INFO:"))][-_SHOWN_LINES:]
    return "\n".join([f"{run.target.name}: BROKEN, exit code {run.status}", *shown, advice, *paste])


def _target(name: str) -> Target:
    known = {**TARGETS, PLANTED.name: PLANTED}
    if name not in known:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(TARGETS)}")
    return known[name]


def main(arguments: Sequence[str] | None = None, run_one: Callable[[Target, int, int], Run] = fuzz) -> int:
    """Fuzz the targets, as many at once as there are processors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", type=_target, help=f"all by default: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=10, help="for each target")
    parser.add_argument("--seed", type=int, default=1, help="the same finds the same on the same machine")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at once")
    given = parser.parse_args(arguments)
    targets = given.targets or list(TARGETS.values())
    broken = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for run in pool.map(lambda target: run_one(target, given.seconds, given.seed), targets):
            broken += run.status != 0 or bool(run.found)
            print(report(run), flush=True)  # noqa: T201 - printing is its purpose
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
