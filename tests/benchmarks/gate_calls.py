"""The number of ECR requests for many images with all gates."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from support.ecr_account import EcrAccount
from support.gate_cases import STRICT_ENTRIES

IMAGES, REPOSITORIES = 200, 20
PER_IMAGE, PER_REPOSITORY = 4, 8
"""The maximum: for each image a scan, a signing status, its signatures and a keep-tag; the rest is read in batches."""
PREVIEW, KEEP_TAG = STRICT_ENTRIES, (*STRICT_ENTRIES, "lifecycle.keep-tag=true")


def count_requests(gates: tuple[str, ...]) -> Counter[str]:
    """Return the requests for a template by their operations.

    Raises:
        AssertionError: The template is not pinned, or there are too many requests.
    """
    account = EcrAccount(IMAGES, REPOSITORIES)
    api = account.api()
    response = account.pin(api, gates)
    if response["status"] != "success":
        raise AssertionError(response["errorMessage"])
    calls = Counter(api.operations())
    if calls.total() > IMAGES * PER_IMAGE + REPOSITORIES * PER_REPOSITORY:
        raise AssertionError(calls)
    return calls


def figures() -> Iterator[str]:
    """Count the requests, and yield the results."""
    for name, gates in (("a preview of lifecycle policies", PREVIEW), ("keep-tags", KEEP_TAG)):
        started = time.perf_counter()
        calls = count_requests(gates)
        seconds = time.perf_counter() - started
        shown = ", ".join(f"{count} {operation}" for operation, count in sorted(calls.items()))
        yield (
            f"ECR requests for {IMAGES} images in {REPOSITORIES} repositories with all gates and {name}: "
            f"{calls.total()} (target: at most {PER_IMAGE} an image and {PER_REPOSITORY} a repository) "
            f"in {seconds:.1f} s without a network: {shown}"
        )
