"""The rules of `check`: the examples of each are executed, and the page about them is generated."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from image_pinner.cli.checking import CheckInputs, check_file
from image_pinner.cli.discovery import InputFile
from image_pinner.core.check.images import PUBLIC_REGISTRIES
from image_pinner.core.rules import MUTABLE_PUBLIC_IMAGE, RULES, RULES_BY_SLUG, Rule, Severity, find_rule
from image_pinner.settings import Settings
from support.command import image_pinner

ACCEPTED_BY_PIN = {"IP005", "IP008", "IP015"}
"""Errors that `pin` does not refuse: what only CloudFormation or the service rejects."""


def codes(text: str, folder: Path, rule: Rule) -> set[str]:
    """Return the codes of the findings in a template; without advice, unless the rule has advice."""
    path = folder / "template.yaml"
    path.write_text(text, "utf-8")
    findings = check_file(InputFile(str(path), path.name), CheckInputs(Settings(), {}))
    shown = (found.finding.rule for found in findings if not found.suppression)
    return {found.code for found in shown if found.severity is not Severity.INFO or found is rule}


@pytest.mark.parametrize("rule", RULES.values(), ids=str)
def test_the_bad_example_of_a_rule_has_its_finding(rule: Rule, tmp_path: Path) -> None:
    expected = {rule.code, "IP001"} if rule.slug == "invalid-suppression" else {rule.code}
    assert codes(rule.bad, tmp_path, rule) - ({"IP001"} if rule.severity is Severity.INFO else set()) == expected


@pytest.mark.parametrize("rule", RULES.values(), ids=str)
def test_the_good_example_of_a_rule_has_no_finding(rule: Rule, tmp_path: Path) -> None:
    assert codes(rule.good, tmp_path, rule) == set()


@pytest.mark.parametrize("rule", RULES.values(), ids=str)
def test_pin_refuses_the_bad_example_of_an_error_and_accepts_the_good_one(rule: Rule) -> None:
    good = image_pinner("pin", "--account", "111122223333", "-", stdin=rule.good.encode())
    assert (good.code, good.err.startswith("error")) == (0, False), good.err
    bad = image_pinner("pin", "--account", "111122223333", "-", stdin=rule.bad.encode())
    refused = rule.severity is Severity.ERROR and rule.code not in ACCEPTED_BY_PIN
    assert (bad.code != 0) is refused, bad.err


def test_codes_and_slugs_are_distinct_and_names_are_found() -> None:
    assert len(RULES_BY_SLUG) == len(RULES)
    for code, rule in RULES.items():
        assert re.fullmatch(r"IP\d{3}", code)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.slug)
        assert rule.summary.endswith(".")
        assert rule.explanation.endswith(".")
        assert find_rule(code) is find_rule(rule.slug) is pickle.loads(pickle.dumps(rule)) is rule
    assert find_rule("IP999") is None


def test_the_public_registries_are_listed() -> None:
    listed = re.search(r"Public registries are ([^.]+(?:\.\S[^.]*)*)\. ", MUTABLE_PUBLIC_IMAGE.explanation)
    assert listed
    assert set(re.split(", | and ", listed[1])) == PUBLIC_REGISTRIES
