"""Golden files and their inputs are complete and unambiguous."""

from __future__ import annotations

import json

from golden.golden_cases import ALL_EXPECTED, EVENTS, SOURCES, VALUES
from golden.golden_files import EXPECTED, HERE
from support.macro import event_for


def test_every_golden_file_is_read_by_a_test() -> None:
    assert {path for path in EXPECTED.rglob("*") if path.is_file()} - ALL_EXPECTED == set()


def test_every_set_of_values_belongs_to_a_template() -> None:
    assert set(VALUES) - {path.stem for path in SOURCES} == set()


def test_no_two_inputs_have_the_same_name() -> None:
    assert len({path.stem for path in SOURCES}) == len(SOURCES)


def test_recorded_events_have_the_keys_of_the_service_except_those_that_test_other_keys() -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html
    others = {"failure-without-fragment", "template-with-unknown-things", "template-without-values"}

    for path in EVENTS:
        if path.stem not in others:
            assert set(json.loads(path.read_text("utf-8"))) == set(event_for({})), path.relative_to(HERE)
