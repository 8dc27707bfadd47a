"""Problems: the reasons why a template cannot be pinned, each with its path, reported together."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from image_pinner.core.errors import join_help
from image_pinner.core.template.paths import TemplatePath


class ProblemKind(Enum):
    """What caused a problem, the most severe first."""

    POLICY = "policy"
    LOOKUP = "lookup"
    TEMPLATE = "template"


INVALID_REFERENCE = "invalid-reference"
INVALID_MARKER = "invalid-marker"
MISPLACED_MARKER = "misplaced-marker"
INVALID_OPTION = "invalid-option"
UNRESOLVED_IMAGE = "unresolved-image"


class Problem(NamedTuple):
    """One reason why the template was not changed.

    Args:
        path: The property path, or the path of the option or section.
        kind: Whether a policy denied the image, a lookup failed, or the template is invalid.
        cause: What is wrong: a lower-case clause.
        help: What to do: a lower-case imperative clause; may be empty.
        image: The image as written, or empty.
        missing: Whether the reason is only a value that was not set; see `Unknown`.
        rule: The slug of the rule of `check` that reports it; see `core.rules`.
        gate: The gate that denies the image, or empty.
    """

    path: TemplatePath
    kind: ProblemKind
    cause: str
    help: str = ""
    image: str = ""
    missing: bool = False
    rule: str = UNRESOLVED_IMAGE
    gate: str = ""

    def __str__(self) -> str:
        image = f"{self.image!r}: " if self.image and self.image not in self.cause else ""
        return f"{self.path}: {image}{join_help(self.cause, self.help)}"


_ORDER = {kind: position for position, kind in enumerate(ProblemKind)}


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the distinct problems, the most severe kind first, each kind sorted by path."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (_ORDER[problem.kind], _sort_key(problem))))


def _sort_key(problem: Problem) -> tuple[tuple[int, int, str], ...]:
    # A YAML key need not be a string; converted to one, it can be compared.
    return (
        *((0, step, "") if isinstance(step, int) else (1, 0, str(step)) for step in problem.path.steps),
        (2, 0, problem.cause),
        (2, 0, problem.image),
        (2, 0, problem.help),
    )
