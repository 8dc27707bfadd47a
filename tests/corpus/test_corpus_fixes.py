"""`check --fix` on real templates: afterwards nothing is fixable, and only lines of findings change; SARIF is valid."""

from __future__ import annotations

import pytest

from image_pinner.cli.checking import CheckInputs
from image_pinner.cli.discovery import InputFile
from image_pinner.cli.fixes import fix_file
from image_pinner.settings import Settings
from support.command import image_pinner
from support.corpus import CORPUS, sampled_names
from support.sarif import sarif_errors

pytestmark = pytest.mark.corpus

INPUTS = CheckInputs(Settings(), {})


@pytest.mark.parametrize("name", sampled_names())
def test_nothing_is_fixable_after_the_fixes(name: str) -> None:
    fixed = fix_file(InputFile(str(CORPUS / name), name), INPUTS)

    assert [str(found.finding.rule) for found in fixed.findings if found.fix] == []
    assert bool(fixed.fixed) is (fixed.data != fixed.original)


def test_sarif_of_the_corpus_is_valid() -> None:
    run = image_pinner("check", "--format", "sarif", *(str(CORPUS / name) for name in sampled_names()))

    assert run.code == 1
    assert sarif_errors(run.text) == []
