"""Define the rules of `check`: what each reports, how severe it is, and why it matters."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Severity(Enum):
    """How severe a finding is: an error fails the deployment, a warning is a risk, and info is advice."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    def reaches(self, other: Severity) -> bool:
        """Return whether this is at least as severe as `other`."""
        return _BY_SEVERITY[self] <= _BY_SEVERITY[other]


_BY_SEVERITY = {severity: number for number, severity in enumerate(Severity)}


class Rule(NamedTuple):
    """A rule of `check`.

    Args:
        code: `IP` and three digits; it never changes its meaning, and is not used again.
        slug: The name in kebab case.
        severity: How severe its findings are.
        summary: What it reports, as a sentence.
        explanation: Why that matters and what to do, as sentences.
    """

    code: str
    slug: str
    severity: Severity
    summary: str
    explanation: str

    def __str__(self) -> str:
        return f"{self.code} {self.slug}"


UNREADABLE_TEMPLATE = Rule(
    "IP000",
    "unreadable-template",
    Severity.ERROR,
    "A file that cannot be read as a template.",
    "CloudFormation rejects the file too. Nothing else is reported for it.",
)
UNPINNED_IMAGE = Rule(
    "IP001",
    "unpinned-image",
    Severity.WARNING,
    "An image without a digest that nothing requests to pin.",
    "The tag can move between two deployments, or between dev and prod. Mark the image, or set Pin: Skip in the"
    " Metadata of the resource if the tag is meant to move.",
)
INVALID_MARKER = Rule(
    "IP004",
    "invalid-marker",
    Severity.ERROR,
    "A marker or an image that the macro rejects, or selected images that are hidden.",
    "The macro pins all requested images of a template or fails the deployment.",
)
UNSUPPORTED_MARKER_SYNTAX = Rule(
    "IP005",
    "unsupported-marker-syntax",
    Severity.ERROR,
    "A marker that CloudFormation rejects before any macro runs.",
    "CloudFormation accepts no YAML tags and functions but its own. Write the marker as a quoted string, or a snippet"
    " where linters compare the value with a pattern.",
)
MISSING_TRANSFORM = Rule(
    "IP008",
    "missing-transform",
    Severity.ERROR,
    "A pin is requested, and the template's Transform does not include the macro.",
    "CloudFormation calls the macro only for templates that name it, so the service would get the marker as the image.",
)
HIDDEN_IMAGE = Rule(
    "IP010",
    "hidden-image",
    Severity.WARNING,
    "A property that Fn::ForEach makes and that can hold an image that cannot be seen or changed.",
    "The macro changes only what is in the template when it runs.",
)

RULES = {
    rule.code: rule
    for rule in (
        UNREADABLE_TEMPLATE,
        UNPINNED_IMAGE,
        INVALID_MARKER,
        UNSUPPORTED_MARKER_SYNTAX,
        MISSING_TRANSFORM,
        HIDDEN_IMAGE,
    )
}
"""All rules by code, in the order of the documentation."""
