"""The number of ECR requests for many images if all gates are on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from image_pinner.core.gates.configuration import needs_of
from image_pinner.sources.interface import Deadline
from support.healthy_ecr import EVERY_GATE, healthy_ecr

IMAGES, REPOSITORIES = 200, 20
TARGET = 3 * IMAGES + 4 * REPOSITORIES + 1


def figures() -> Iterator[str]:
    """Count the requests, and yield the result."""
    api, subjects = healthy_ecr(IMAGES, REPOSITORIES)
    started = time.perf_counter()
    api.facts(workers=20).gather(subjects, needs_of(EVERY_GATE.enabled), Deadline.after(60))
    seconds = time.perf_counter() - started
    counts = ", ".join(f"{count} {name}" for name, count in sorted(Counter(api.operations()).items()))
    yield (
        f"ECR requests for {IMAGES} images in {REPOSITORIES} repositories with all gates on: {len(api.requests)} "
        f"(target: at most {TARGET}) in {seconds:.2f} s without a network: {counts}"
    )
