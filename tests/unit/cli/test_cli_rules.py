"""`image-pinner rules`."""

from __future__ import annotations

import json

import pytest

from image_pinner.core.rules import RULES
from support.command import image_pinner


def test_all_rules_are_listed() -> None:
    run = image_pinner("rules")

    assert (run.code, run.err) == (0, "")
    assert [line.split()[0] for line in run.text.splitlines()] == list(RULES)
    assert all(rule.summary in run.text for rule in RULES.values())


@pytest.mark.parametrize("name", ["IP001", "ip001", "unpinned-image", "UNPINNED-IMAGE"])
def test_a_rule_is_explained_with_its_examples(name: str) -> None:
    rule = RULES["IP001"]

    text = image_pinner("rules", name).text

    assert text.startswith("IP001 unpinned-image (warning)\n")
    assert " ".join(rule.explanation.split()) in " ".join(text.split())
    for example in (rule.bad, rule.good):
        assert "".join(f"    {line}\n" for line in example.splitlines()) in text
    assert max(map(len, text.splitlines())) <= 100


def test_an_unknown_rule_is_a_usage_error() -> None:
    run = image_pinner("rules", "unpined-image")

    assert (run.code, run.text) == (2, "")
    assert run.err.startswith("error: unknown rule 'unpined-image' (did you mean 'unpinned-image'?)\nhelp: ")


def test_json_has_a_version_and_all_fields() -> None:
    everything = json.loads(image_pinner("rules", "--format", "json").text)
    (one,) = json.loads(image_pinner("rules", "IP001", "--format", "json").text)["rules"]

    assert everything["version"] == 1
    assert [rule["code"] for rule in everything["rules"]] == list(RULES)
    assert one in everything["rules"]
    assert one == {**RULES["IP001"]._asdict(), "severity": "warning"}
