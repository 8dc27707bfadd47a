"""The CLI words help for its users."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_pinner.cli.wording import WORDING
from image_pinner.core.advice import Advice
from image_pinner.core.errors import SourceError
from support.command import image_pinner
from support.templates import FailingRegistry
from unit.cli.cli_templates import MARKED, UNMARKED, saved
from unit.cli.test_cli_exit_codes import Raising

MISPLACED = 'Resources: {Store: {Type: "AWS::SSM::Parameter", Properties: {Value: "!PinDigest a:1"}}}'


@pytest.mark.parametrize("advice", [one for one in Advice if "{}" not in one])
def test_the_help_of_an_error_is_in_the_words_of_the_cli(advice: Advice, tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), resolvers=Raising(SourceError("it failed", f"retry, or {advice}")))

    assert run.err == f"error: it failed\nhelp: retry, or {WORDING.get(advice, advice)}\n"


@pytest.mark.parametrize("command", ["check", "pin"])
def test_the_help_of_a_template_is_in_the_words_of_the_cli(command: str, tmp_path: Path) -> None:
    run = image_pinner(command, str(saved(tmp_path, MISPLACED)))

    assert "if the property is an image, pass its JSONPath with --image-path\n" in run.text + run.err


def test_the_help_of_a_suppressed_finding_is_in_the_words_of_the_cli(tmp_path: Path) -> None:
    template = f"Metadata: {{ImagePinner: {{Ignore: {{IP006: reason}}}}}}\n{MISPLACED}"
    run = image_pinner("check", "--format", "sarif", str(saved(tmp_path, template)))

    (result,) = (one for one in json.loads(run.text)["runs"][0]["results"] if one["ruleId"] == "IP006")
    assert result["message"]["text"].endswith("if the property is an image, pass its JSONPath with --image-path")


def test_the_help_of_check_names_only_options_that_it_has(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)
    run = image_pinner("check", str(path), "--fix", "--pin", resolvers=FailingRegistry(f"retry, or {Advice.TIMEOUT}"))

    assert "help: retry, or raise IMAGE_PINNER_TIMEOUT\n" in run.err


def test_the_report_is_in_the_words_of_the_cli(tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    image_pinner("pin", str(saved(tmp_path, MARKED.replace(', Default: "1.0"', ""))), "--report", str(report))

    assert json.loads(report.read_text())["problems"][0]["help"] == "pass --parameter Tag=VALUE"
