"""The macro's resolver, asked as the handler asks it.

Run as a program with the registry's host, the file of its authority's certificate and how many times to ask, and with
references on standard input. Prints the seconds of each time, the digests of the last one and the most memory that the
process had, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from image_pinner.core.images.lookups import ImageLookup, Resolution, Resolved
from image_pinner.core.images.references import ImageReference
from image_pinner.lambda_macro.handler import RESOLVERS
from image_pinner.settings import Settings
from image_pinner.sources import concurrency
from image_pinner.sources.interface import Deadline

# The handler loads it with the first image that needs it: that is the start of a process, not part of the answer.
from image_pinner.sources.oci import resolver as _loaded  # noqa: F401

REGION = "eu-central-1"


def main(host: str, ca_file: str, times: int) -> None:
    """Ask about all references and print what came."""
    settings = Settings.from_environment({"IMAGE_PINNER_CA_BUNDLES": f"{host}={ca_file}"})
    lookups = [ImageLookup(ImageReference.parse(text)) for text in sys.stdin.read().split()]
    seconds, digests = zip(*(_timed(lookups, settings) for _ in range(times)), strict=True)
    if times > 1:
        # A function that is used again has most likely met images in ECR too.
        RESOLVERS.clients.client("ecr", REGION)
    print(json.dumps({"seconds": seconds, "digests": digests[-1], "megabytes": _most_memory()}))  # noqa: T201


def _timed(lookups: Sequence[ImageLookup], settings: Settings) -> tuple[float, list[str]]:
    begun = time.perf_counter()
    with concurrency.garbage_collection_paused():
        answers = RESOLVERS(settings, REGION).digests.resolve_all(lookups, Deadline.after(settings.timeout))
    seconds = time.perf_counter() - begun
    return seconds, [_digest(answers[lookup]) for lookup in lookups]


def _digest(answer: Resolution) -> str:
    if isinstance(answer, Resolved):
        return str(answer.digest)
    raise AssertionError(answer)


def _most_memory() -> float:
    """Give the most memory in megabytes, 0 where it is not known.

    `getrusage` would count what the process that started this one had at that moment.
    """
    status = Path("/proc/self/status")
    lines = status.read_text("ascii").splitlines() if status.exists() else []
    kibibytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return kibibytes[0] * 1024 / 1e6 if kibibytes else 0


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
