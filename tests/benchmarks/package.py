"""Build time and size of the zip, and how fast the Lambda starts from it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from build_package.build import SIZE_LIMIT, build
from build_package.compiler import VERSION, find_compiler
from image_pinner.cli.demo.embedded_aws import ACCOUNT, embedded_aws
from support.lambda_runtime import REGION, event_of, runtime_libraries

ROOT = Path(__file__).parents[2]
ROUNDS = 7
BOTO3_ALONE = f"import boto3; boto3.Session().client('ecr', region_name={REGION!r})"
FIRST_RESPONSE = (
    "from image_pinner.lambda_macro.handler import handler; assert handler({event!r}, None)['status'] == 'success'"
)


def figures() -> Iterator[str]:
    """Build, unpack, start new processes of the Lambda's Python in turn, and yield lines for people."""
    compiler = find_compiler()
    if compiler is None:
        yield f"package: not measured: CPython {VERSION} not found"
        return
    python = compiler.path
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        yield _build(folder, python)
        build(folder / "plain", root=ROOT, compiled=False)
        runtime = runtime_libraries(folder / "runtime")
        # boto3 is compiled in the Lambda runtime too; the folders of the zip are not changed.
        subprocess.run([python, "-I", "-S", "-m", "compileall", "-q", str(runtime)], check=True)
        folders = {name: _unpacked(folder / name) for name in ("compiled", "plain")}
        yield from _measure_starts(python, folders, runtime)


def _build(folder: Path, python: str) -> str:
    start = time.perf_counter()
    package = build(folder / "compiled", root=ROOT, python=python)
    seconds = time.perf_counter() - start
    with zipfile.ZipFile(package.path) as archive:
        files = len(archive.infolist())
    return (
        f"package: built in {seconds:.1f} s, {package.size:,} bytes (limit: {SIZE_LIMIT:,}) in {files} files, "
        f"compiled by Python {package.compiled_by}"
    )


def _unpacked(folder: Path) -> Path:
    (package,) = folder.glob("*.zip")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder / "task")
    return folder / "task"


def _measure_starts(python: str, unpacked: Mapping[str, Path], runtime: Path) -> Iterator[str]:
    with embedded_aws() as aws:
        aws.push("web", "1", "build", ("linux/arm64",))
        pins_one = FIRST_RESPONSE.format(event=event_of(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:1"))
        pins_none = FIRST_RESPONSE.format(event=event_of("registry.example/web@sha256:" + "0" * 64))
        codes = {
            # boto3 needs urllib3, which is in the zip.
            "boto3 and its client": ((unpacked["compiled"], runtime), BOTO3_ALONE),
            "a response with an ECR image": ((unpacked["compiled"], runtime), pins_one),
            "the same response without compiled files": ((unpacked["plain"], runtime), pins_one),
            "a response without lookups": ((unpacked["compiled"], runtime), pins_none),
            "a response without lookups and without compiled files": ((unpacked["plain"], runtime), pins_none),
        }
        seconds: dict[str, list[float]] = {name: [] for name in codes}
        for _ in range(ROUNDS):
            for name, (folders, code) in codes.items():
                seconds[name].append(_seconds(python, folders, code, aws.environment))
    medians = {name: statistics.median(measured) for name, measured in seconds.items()}
    alone = medians.pop("boto3 and its client")
    for name, median in medians.items():
        yield (
            f"cold start of the package to {name}: {median / alone:.2f} times boto3 + an ECR client alone "
            f"({median * 1000:.0f} ms and {alone * 1000:.0f} ms, medians of {ROUNDS} new processes)"
        )


def _seconds(python: str, folders: tuple[Path, ...], code: str, environment: Mapping[str, str]) -> float:
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}; "
    # Without -B the first start would write compiled files for the next ones; the folder of a function is read-only.
    command = [python, "-I", "-S", "-B", "-c", path + code]
    start = time.perf_counter()
    subprocess.run(command, check=True, env=dict(environment), stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
