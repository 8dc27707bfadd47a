"""Define the rules of `check`: what each reports, how severe it is, and why it matters.

They are in `rules.toml`; this module names those that are made elsewhere.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from enum import Enum
from pkgutil import get_data
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
        bad: A template with a finding.
        good: The same template without it.
    """

    code: str
    slug: str
    severity: Severity
    summary: str
    explanation: str
    bad: str = ""
    good: str = ""

    def __str__(self) -> str:
        return f"{self.code} {self.slug}"

    def __reduce__(self) -> tuple[Callable[[str], Rule], tuple[str]]:
        """Pickle only the code: the processes of `check` exchange thousands of findings."""
        return _rule_of, (self.code,)


def _rule_of(code: str) -> Rule:
    return RULES[code]


def _read_rules() -> dict[str, Rule]:
    tables = tomllib.loads((get_data(__package__, "rules.toml") or b"").decode())
    return {code: Rule(code, **fields | {"severity": Severity(fields["severity"])}) for code, fields in tables.items()}


RULES = _read_rules()
"""All rules by code, in the order of the documentation."""
RULES_BY_SLUG = {rule.slug: rule for rule in RULES.values()}
"""All rules by slug."""

UNREADABLE_TEMPLATE = RULES["IP000"]
UNPINNED_IMAGE = RULES["IP001"]
MISSING_TAG = RULES["IP002"]
INVALID_REFERENCE = RULES["IP003"]
UNSUPPORTED_MARKER_SYNTAX = RULES["IP005"]
MISSING_TRANSFORM = RULES["IP008"]
UNUSED_TRANSFORM = RULES["IP009"]
HIDDEN_IMAGE = RULES["IP010"]
TRANSFORM_ORDER = RULES["IP011"]
INCLUDED_IMAGE = RULES["IP012"]
UNRECORDED_TAG = RULES["IP013"]
MUTABLE_PUBLIC_IMAGE = RULES["IP014"]
DUPLICATE_CONTAINER_NAME = RULES["IP015"]
DENIED_IMAGE = RULES["IP016"]
UNRESOLVED_IMAGE = RULES["IP017"]
UNQUOTED_COLON = RULES["IP018"]
UNUSED_SUPPRESSION = RULES["IP019"]
INVALID_SUPPRESSION = RULES["IP020"]


def find_rule(name: str) -> Rule | None:
    """Return the rule with a code or a slug, or `None`."""
    return RULES.get(name) or RULES_BY_SLUG.get(name)
