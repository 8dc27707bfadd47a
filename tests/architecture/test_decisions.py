"""Records of decisions stay short, have the same parts and stand in their list."""

from __future__ import annotations

import re

import pytest

from support.project import ROOT

FOLDER = ROOT / "docs" / "adr"
RECORDS = sorted(path.name for path in FOLDER.glob("[0-9]*.md"))
MAX_LINES = 40
PARTS = ["## Context", "## Considered", "## Decision", "## Consequences"]


def test_there_are_records() -> None:
    assert RECORDS


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_short_and_has_all_parts(name: str) -> None:
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    assert len(lines) < MAX_LINES
    assert re.match(rf"# {int(name[:4])}\. ", lines[0])
    assert re.match(r"(Accepted|Superseded by .+), \d{4}-\d\d-\d\d$", lines[2])
    assert [line for line in lines if line.startswith("## ")] == PARTS


def test_every_record_stands_in_the_list() -> None:
    listed = re.findall(r"\]\((\d{4}-[a-z-]+\.md)\)", (FOLDER / "README.md").read_text("utf-8"))
    assert listed == RECORDS
