"""The findings of cfn-lint in a template."""

from __future__ import annotations

from collections import Counter

# A digest does not use what the expression before it used. We keep those declarations, since we change images only.
UNUSED_RULES = frozenset({"W2001", "W7001", "W8001"})
"""The rules for unused parameters, mappings and conditions."""


def lint_findings(text: str, *, unused: bool = True) -> Counter[str]:
    """Return how often each message of cfn-lint occurs for a template; with or without the `UNUSED_RULES`."""
    # Importing it takes seconds.
    from cfnlint import lint  # noqa: PLC0415
    from cfnlint.config import ManualArgs  # noqa: PLC0415

    matches = lint(text, config=ManualArgs(regions=["us-east-1"]))
    return Counter(
        f"{match.rule.id}: {match.message}" for match in matches if unused or match.rule.id not in UNUSED_RULES
    )
