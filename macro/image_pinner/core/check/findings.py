"""Findings, and the findings that problems become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from image_pinner.core.gates.enabled import GateResult
from image_pinner.core.images.references import ImageReference
from image_pinner.core.judging import denial_of
from image_pinner.core.rules import DENIED_IMAGE, MISSING_TAG, RULES_BY_SLUG, Rule
from image_pinner.core.template.edits import Edit
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem

Deny = Callable[[ImageReference], tuple[str, str] | None]
"""Returns why an image cannot be pinned, by its reference alone, and what to do, as two clauses; `None` if it can."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to change in a template.

    Args:
        rule: The rule.
        path: The path of the value to change.
        cause: What is wrong, as a clause.
        help: What to do, as an imperative clause.
        fix: The edit that fixes it, or `None`.
        requires: Another edit without which the fix would break a deployment, or `None`.
    """

    rule: Rule
    path: TemplatePath
    cause: str
    help: str
    fix: Edit | None = None
    requires: Edit | None = None

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The fix, after what it requires."""
        return tuple(edit for edit in (self.requires, self.fix) if edit) if self.fix else ()


def problem_finding(problem: Problem) -> Finding:
    """Return the finding for a problem that the macro would report."""
    return Finding(RULES_BY_SLUG[problem.rule], problem.path, problem.cause, problem.help)


def denial_cause(result: GateResult) -> str:
    """Return that a gate denies an image, and why."""
    return f"{denial_of(result.gate)}: {result.cause}"


def denial_finding(path: TemplatePath, reference: ImageReference, deny: Deny) -> Finding | None:
    """Return the finding for an image that is denied, or `None` if it is not."""
    denial = deny(reference)
    if denial is None:
        return None
    has_version = reference.tag or reference.digest
    return Finding(DENIED_IMAGE if has_version else MISSING_TAG, path, *denial)
