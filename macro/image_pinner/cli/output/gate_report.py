"""The results of gates in Markdown, for the summary of a CI job or a comment on a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from image_pinner.cli.output.interface import LocatedReport
from image_pinner.cli.output.markdown import escape
from image_pinner.core.gates.enabled import ALLOW, DENY, WARN


def render_markdown(report: LocatedReport) -> str:
    """Return the results of gates, one row per image and gate."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(located: LocatedReport) -> Iterator[str]:
    report, document = located.report, located.document
    verdicts = Counter(result.verdict for results in report.gates.values() for result in results)
    yield f"# Gates: {escape(document.name)}"
    yield ""
    counts = ", ".join(f"{verdicts[verdict]} {word}" for verdict, word in _WORDS.items() if verdicts[verdict])
    if not counts:
        why = ": no gate is on, or the template has no image" if report.succeeded else ""
        yield f"No image was judged{why}."
        return
    yield f"{counts[:1].upper()}{counts[1:]}."
    yield ""
    yield from _row("location", "image", "digest", "gate", "verdict", "fact", "source", "time")
    yield from _row(*["---"] * 8)
    references = report.references
    for path in sorted(report.gates, key=str):
        for result in report.gates[path]:
            where = f"{document.name}:{document.position(path)}"
            fact = result.cause or result.seen.fact
            image = (references.get(path, ""), result.digest)
            yield from _row(where, *image, result.gate, result.verdict, fact, result.seen.source, result.seen.time)


_WORDS = {DENY: "denied", WARN: "with warnings", ALLOW: "allowed"}


def _row(*cells: str) -> Iterable[str]:
    yield f"| {' | '.join(map(escape, cells))} |"
