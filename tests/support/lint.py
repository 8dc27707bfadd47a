"""What cfn-lint finds in a template."""

from __future__ import annotations

from collections import Counter

# A digest that takes the place of an expression no longer uses what the expression used. It stays, since nothing but
# images is changed.
NO_LONGER_USED = frozenset({"W2001", "W7001", "W8001"})
"""The rules about parameters, mappings and conditions that nothing uses."""


def lint_findings(text: str, *, used_or_not: bool = True) -> Counter[str]:
    """Return cfn-lint's findings for a template, without their lines, which move.

    Args:
        text: The template.
        used_or_not: Whether what is not used counts as a finding.

    Returns:
        How often each message was given.
    """
    # Loaded here: it takes seconds, which only these tests must wait for.
    from cfnlint import lint  # noqa: PLC0415
    from cfnlint.config import ManualArgs  # noqa: PLC0415

    matches = lint(text, config=ManualArgs(regions=["us-east-1"]))
    return Counter(
        f"{match.rule.id}: {match.message}" for match in matches if used_or_not or match.rule.id not in NO_LONGER_USED
    )
