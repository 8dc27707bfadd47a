"""`check`: the output in every format, for templates without findings, with findings, and that cannot be read."""

from __future__ import annotations

import tomllib

import pytest

from golden.golden_cases import CHECK_CASES, CHECKED, CheckCase
from golden.golden_files import compare
from image_pinner import __version__
from support.command import image_pinner
from support.project import ROOT
from support.sarif import sarif_errors

REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]


@pytest.mark.parametrize("case", CHECK_CASES, ids=str)
def test_output_in_a_format(case: CheckCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKED)

    run = image_pinner("check", "--format", case.format, *case.files)

    assert (run.code, run.err) == (case.code, "")
    assert case.format != "sarif" or sarif_errors(run.text) == []
    text = run.text.replace(f'"version": "{__version__}"', '"version": "VERSION"')
    compare(case.expected, text.replace(REPOSITORY, "REPOSITORY"))
