"""Gates that are on, and what they decide. The gates themselves are imported only where some are configured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from image_pinner.core.gates.interface import Failed, Gate, JudgedImage, Need, Passed, Seen, UnknownFact

ALLOW, WARN, DENY = "allow", "warn", "deny"
"""The verdicts; `WARN` and `DENY` are modes too."""
UNKNOWN = "unknown"
"""What was seen of a fact that is not known."""


class GateResult(NamedTuple):
    """What a gate decided about an image.

    Args:
        gate: The gate's id.
        verdict: `allow`, `warn` or `deny`.
        seen: What it judged by; without a time if the fact is not known.
        cause: Why it does not allow the image, as a clause.
        help: What to do, as an imperative clause.
        digest: The digest of the image; empty if it is not known.
    """

    gate: str
    verdict: str
    seen: Seen
    cause: str = ""
    help: str = ""
    digest: str = ""


class EnabledGate(NamedTuple):
    """A gate with what happens to images that do not satisfy it, and to those whose facts are not known."""

    gate: Gate
    mode: str
    unknown: str

    def judge(self, image: JudgedImage) -> GateResult:
        """Judge an image."""
        found, name = self.gate.judge(image), self.gate.id
        match found:
            case Passed(seen):
                return GateResult(name, ALLOW, seen)
            case Failed(seen, cause, help):
                return GateResult(name, WARN if found.only_warn else self.mode, seen, cause, help)
            case UnknownFact(cause, help, source):
                verdict = WARN if WARN in {self.mode, self.unknown} else DENY
                return GateResult(name, verdict, Seen(UNKNOWN, source), f"unknown: {cause}", help)


def needs_of(gates: Iterable[EnabledGate]) -> frozenset[Need]:
    """Return the facts that gates need, each once."""
    return frozenset[Need]().union(*(enabled.gate.needs for enabled in gates))


def judge_image(gates: Iterable[EnabledGate], image: JudgedImage) -> tuple[GateResult, ...]:
    """Judge an image by each gate."""
    return tuple(gate.judge(image)._replace(digest=image.digest) for gate in gates)


def without_needs(gates: Sequence[EnabledGate]) -> tuple[EnabledGate, ...]:
    """Return the gates that judge references alone, before any request to a registry."""
    return tuple(enabled for enabled in gates if not enabled.gate.needs)
