"""Which findings `check` reports: `--select`, `--ignore` and `--severity`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import click

from image_pinner.cli.console import did_you_mean
from image_pinner.core.rules import RULES, Rule, Severity

SELECT_OPTION = click.option(
    "--select",
    multiple=True,
    metavar="RULES",
    help="Report only these rules: codes, beginnings of codes or slugs, separated by commas (repeatable).",
)
IGNORE_OPTION = click.option(
    "--ignore", multiple=True, metavar="RULES", help="Do not report these rules, written as for --select (repeatable)."
)
SEVERITY_OPTION = click.option(
    "--severity",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.WARNING.value,
    show_default=True,
    help="Report findings of at least this severity.",
)


class RuleSelection(NamedTuple):
    """The codes of the rules that are reported, and how severe a finding must be. The defaults are those of `check`."""

    codes: frozenset[str] = frozenset(RULES)
    severity: Severity = Severity.WARNING

    @classmethod
    def parse(cls, select: Iterable[str], ignore: Iterable[str], severity: str) -> RuleSelection:
        """Parse the values of the options. Without `--select`, all rules are selected.

        Raises:
            click.BadParameter: There is no such rule.
        """
        selected = _codes("--select", select) or frozenset(RULES)
        return cls(selected - _codes("--ignore", ignore), Severity(severity))

    def includes(self, rule: Rule) -> bool:
        """Return whether the findings of a rule are reported."""
        return rule.code in self.codes and rule.severity.reaches(self.severity)

    def hides(self, rule: Rule) -> bool:
        """Return whether the findings of a rule are not reported because they are not severe enough."""
        return rule.code in self.codes and not rule.severity.reaches(self.severity)


def _codes(option: str, values: Iterable[str]) -> frozenset[str]:
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    return frozenset(code for name in names for code in _matching(option, name))


def _matching(option: str, name: str) -> list[str]:
    codes = [rule.code for rule in RULES.values() if rule.code.startswith(name.upper()) or rule.slug == name.lower()]
    if not codes:
        names = [name for rule in RULES.values() for name in (rule.code, rule.slug)]
        similar = did_you_mean(name, names) or did_you_mean(name.upper(), names)
        raise click.BadParameter(f"unknown rule {name!r}{similar}", param_hint=option)
    return codes
