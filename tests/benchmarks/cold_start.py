"""Startup time: importing the handler and creating an ECR client, compared to boto3 with that client alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.processes import environment

PAIRS = 15
_CLIENT = "client('ecr', region_name='eu-central-1')"
BOTO3_ALONE = f"import boto3; boto3.Session().{_CLIENT}"
# The region of the event is allowed without a look at those that botocore knows.
WITH_HANDLER = (
    "from image_pinner.lambda_macro.handler import RESOLVERS; "
    "RESOLVERS.clients.allowing(['eu-central-1']).client('ecr', 'eu-central-1')"
)


def figures() -> Iterator[str]:
    """Measure pairs of new processes, and yield the result."""
    for code in (BOTO3_ALONE, WITH_HANDLER):
        _seconds(code)
    ratios = []
    for _ in range(PAIRS):
        alone = _seconds(BOTO3_ALONE)
        ratios.append(_seconds(WITH_HANDLER) / alone)
    yield (
        f"handler import + first ECR client, {PAIRS} pairs of new processes: "
        f"{statistics.median(ratios):.2f} times the start of boto3 + that client alone (target: under 1.15)"
    )


def _seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment())
    return time.perf_counter() - start
