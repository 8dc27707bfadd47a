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
FIRST_ANSWER = (
    "from image_pinner.lambda_macro import handler as lambda_macro;"
    " assert lambda_macro.handler({event!r}, None)['status'] == 'success'"
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
        # boto3 is compiled in the Lambda's runtime too; the zip's folders are left as they are.
        subprocess.run([python, "-I", "-S", "-m", "compileall", "-q", str(runtime)], check=True)
        places = {name: _unpacked(folder / name) for name in ("compiled", "plain")}
        yield from _starts(python, places, runtime)


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


def _starts(python: str, places: Mapping[str, Path], runtime: Path) -> Iterator[str]:
    with embedded_aws() as aws:
        aws.push("web", "1", "build", ("linux/arm64",))
        pins_one = FIRST_ANSWER.format(event=event_of(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:1"))
        pins_none = FIRST_ANSWER.format(event=event_of("registry.example/web@sha256:" + "0" * 64))
        codes = {
            # boto3 needs an urllib3: from the zip, as in the Lambda.
            "boto3 and its client": ((places["compiled"], runtime), BOTO3_ALONE),
            "an answer about an image of ECR": ((places["compiled"], runtime), pins_one),
            "the same without compiled files": ((places["plain"], runtime), pins_one),
            "an answer that needs nobody": ((places["compiled"], runtime), pins_none),
            "this without compiled files": ((places["plain"], runtime), pins_none),
        }
        seconds: dict[str, list[float]] = {name: [] for name in codes}
        for _ in range(ROUNDS):
            for name, (folders, code) in codes.items():
                seconds[name].append(_seconds(python, folders, code, aws.environment))
    medians = {name: statistics.median(measured) for name, measured in seconds.items()}
    alone = medians.pop("boto3 and its client")
    for name, median in medians.items():
        yield (
            f"cold start in the package, from a fresh process to {name}: {median / alone:.2f} times boto3 + an ECR "
            f"client alone ({median * 1000:.0f} ms against {alone * 1000:.0f} ms, medians of {ROUNDS})"
        )


def _seconds(python: str, folders: tuple[Path, ...], code: str, environment: Mapping[str, str]) -> float:
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}; "
    # Without -B the first start would compile for those that follow, which a Lambda's read-only folder does not allow.
    command = [python, "-I", "-S", "-B", "-c", path + code]
    start = time.perf_counter()
    subprocess.run(command, check=True, env=dict(environment), stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
