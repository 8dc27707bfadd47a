"""Lookups with the resolvers of the handler.

The arguments are the registry's host, the file with its CA certificate and the number of runs. Standard input has the
references. Prints the seconds of each run, the digests of the last run and the peak memory as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from image_pinner.core.images.lookups import ImageLookup, Resolution, Resolved
from image_pinner.core.images.references import ImageReference
from image_pinner.lambda_macro.handler import RESOLVERS
from image_pinner.settings import Settings
from image_pinner.sources import concurrency
from image_pinner.sources.interface import Deadline

# The handler loads it with the first image that needs it, which is measured as part of the start.
from image_pinner.sources.oci import resolver as _loaded  # noqa: F401
from support.memory import peak

REGION = "eu-central-1"


def main(host: str, ca_file: str, times: int) -> None:
    """Look up all references and print the result."""
    settings = Settings.from_environment({"IMAGE_PINNER_CA_BUNDLES": f"{host}={ca_file}"})
    lookups = [ImageLookup(ImageReference.parse(text)) for text in sys.stdin.read().split()]
    seconds, digests = zip(*(_timed(lookups, settings) for _ in range(times)), strict=True)
    if times > 1:
        # A reused function most likely has an ECR client too.
        RESOLVERS.clients.client("ecr", REGION)
    print(json.dumps({"seconds": seconds, "digests": digests[-1], "megabytes": peak()}))  # noqa: T201


def _timed(lookups: Sequence[ImageLookup], settings: Settings) -> tuple[float, list[str]]:
    started = time.perf_counter()
    with concurrency.garbage_collection_paused():
        answers = RESOLVERS(settings, REGION).digests.resolve_all(lookups, Deadline.after(settings.timeout))
    seconds = time.perf_counter() - started
    return seconds, [_digest(answers[lookup]) for lookup in lookups]


def _digest(answer: Resolution) -> str:
    if isinstance(answer, Resolved):
        return str(answer.digest)
    raise AssertionError(answer)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
