"""Problems: why a template cannot be pinned, one for each place, all told at once."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from image_pinner.core.template.paths import TemplatePath


class ProblemKind(Enum):
    """Whose the problem is; the order is that in which problems are told."""

    POLICY = "policy"
    LOOKUP = "lookup"
    TEMPLATE = "template"


class Problem(NamedTuple):
    """One reason why nothing was changed.

    Args:
        path: Where in the template.
        kind: Whether a policy denied, a look-up failed, or the template is wrong.
        cause: What is wrong, as a clause.
        help: What to do now, as a sentence without a full stop; may be empty.
        image: The image as it was written, or empty where there is none.
    """

    path: TemplatePath
    kind: ProblemKind
    cause: str
    help: str = ""
    image: str = ""

    def __str__(self) -> str:
        image = f"{self.image!r}: " if self.image and self.image not in self.cause else ""
        text = f"{self.path}: {image}{self.cause}"
        return f"{text}. {self.help}." if self.help else f"{text}."


_ORDER = {kind: position for position, kind in enumerate(ProblemKind)}


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Give problems without repetitions, the gravest kind first and each kind by path."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (_ORDER[problem.kind], _sortable(problem))))


def _sortable(problem: Problem) -> tuple[tuple[int, int, str], ...]:
    # A key of YAML can be no text at all; printed, it can be compared with the others.
    return (
        *((0, step, "") if isinstance(step, int) else (1, 0, str(step)) for step in problem.path.steps),
        (2, 0, problem.cause),
        (2, 0, problem.image),
        (2, 0, problem.help),
    )
