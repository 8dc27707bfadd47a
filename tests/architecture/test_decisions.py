"""Decision records are short, have the same sections and are listed in their index."""

from __future__ import annotations

import re

import pytest

from support.project import ROOT

FOLDER = ROOT / "docs" / "adr"
RECORDS = sorted(path.name for path in FOLDER.glob("[0-9]*.md"))
MAX_LINES = 40
SECTIONS = ["## Context", "## Considered", "## Decision", "## Consequences"]


def test_there_are_decision_records() -> None:
    assert RECORDS


@pytest.mark.parametrize("name", RECORDS)
def test_record_is_short_and_has_all_sections(name: str) -> None:
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    assert len(lines) < MAX_LINES
    assert re.match(rf"# {int(name[:4])}\. ", lines[0])
    assert re.match(r"(Accepted|Superseded by .+), \d{4}-\d\d-\d\d$", lines[2])
    assert [line for line in lines if line.startswith("## ")] == SECTIONS


def test_index_lists_every_record() -> None:
    listed = re.findall(r"\]\((\d{4}-[a-z-]+\.md)\)", (FOLDER / "README.md").read_text("utf-8"))
    assert listed == RECORDS
