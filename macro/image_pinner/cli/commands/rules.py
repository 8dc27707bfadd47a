"""`image-pinner rules`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import fill, indent
from typing import Any

import click

from image_pinner.cli.console import did_you_mean, write_output
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.rules import RULES, RULES_BY_SLUG, Rule, find_rule

RULES_VERSION = 1
"""Raised when a field of a rule changes its meaning or is removed, not when one is added."""
_WIDTH = 100


@click.command
@click.argument("rule", required=False, metavar="[CODE|SLUG]")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Output format.")
def command(rule: str | None, format_: str) -> None:
    """List the rules of check, or explain one with examples."""
    rules = list(RULES.values()) if rule is None else [_find(rule)]
    if format_ == "json":
        content = {"version": RULES_VERSION, "rules": [_fields(each) for each in rules]}
        write_output(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode())
        return
    lines = _table() if rule is None else _explanation(rules[0])
    write_output("".join(f"{line}\n" for line in lines).encode())


def _find(name: str) -> Rule:
    found = find_rule(name) or find_rule(name.upper()) or find_rule(name.lower())
    if found is None:
        raise ConfigurationError(
            f"unknown rule {name!r}{did_you_mean(name, [*RULES, *RULES_BY_SLUG])}", "run image-pinner rules"
        )
    return found


def _table() -> Iterator[str]:
    slugs = max(map(len, RULES_BY_SLUG))
    for rule in RULES.values():
        yield f"{rule.code}  {rule.slug:<{slugs}}  {rule.severity.value:<7}  {rule.summary}"


def _explanation(rule: Rule) -> Iterator[str]:
    yield f"{rule} ({rule.severity.value})"
    for text in (rule.summary, rule.explanation):
        yield ""
        yield fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    for title, example in (("With the finding", rule.bad), ("Without it", rule.good)):
        yield f"\n{title}:\n"
        yield indent(example.rstrip("\n"), "    ")


def _fields(rule: Rule) -> dict[str, Any]:
    return {**rule._asdict(), "severity": rule.severity.value}
