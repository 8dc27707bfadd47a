"""Time and memory of a process that checks all templates of the corpus, compared with parsing them."""

from __future__ import annotations

from collections.abc import Iterator

from support.check_process import measure
from support.corpus import CORPUS

ROUNDS = 3


def figures() -> Iterator[str]:
    """Measure, and yield the result."""
    if not CORPUS.exists():
        yield "check of the corpus: not measured, as there is none"
        return
    runs = [measure(str(CORPUS)) for _ in range(ROUNDS)]
    ratio = min(run.seconds for run in runs) / min(run.parsing for run in runs)
    yield (
        f"check of the corpus in one process: {ratio:.1f} times parsing the templates (target: under 6), "
        f"{max(run.megabytes for run in runs):.0f} MB (target: under 300 MB)"
    )
