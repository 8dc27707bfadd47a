"""A log record keeps to its size limit: entries that do not fit are omitted and counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.lambda_macro.log_record import bounded_json

FIXED = {"status": "success"}
TEXTS = st.text(max_size=60)
ENTRIES = TEXTS | st.dictionaries(TEXTS, TEXTS, max_size=3) | st.integers()
LISTS = st.dictionaries(st.sampled_from(["calls", "problems", "images", "warnings"]), st.lists(ENTRIES, max_size=20))


def numbers(count: int, length: int = 10) -> list[str]:
    return [str(number).rjust(length, "0") for number in range(count)]


@given(lists=LISTS, limit=st.integers(min_value=250, max_value=3000))
def test_any_record_is_json_within_the_limit_and_counts_omitted_entries(
    lists: dict[str, list[Any]], limit: int
) -> None:
    text = bounded_json(FIXED, lists, limit)

    found = json.loads(text)
    assert len(text.encode()) <= limit
    assert "\n" not in text
    omitted = found.get("omitted", {})
    for name, entries in lists.items():
        assert len(found[name]) + omitted.get(name, 0) == len(entries)


def test_a_record_that_fits_is_complete() -> None:
    text = bounded_json(FIXED, {"images": numbers(3)}, 1000)

    assert json.loads(text) == {**FIXED, "images": numbers(3)}


def test_a_record_of_exactly_the_limit_is_complete_and_one_byte_more_is_not() -> None:
    lists: dict[str, Any] = {"images": numbers(50)}
    size = len(json.dumps({**FIXED, **lists}).encode())

    assert "omitted" not in json.loads(bounded_json(FIXED, lists, size))
    assert json.loads(bounded_json(FIXED, lists, size - 1))["omitted"]["images"] > 0


def test_the_limit_is_in_bytes_not_in_characters() -> None:
    text = bounded_json(FIXED, {"images": ["ü" * 40] * 20}, 1000)

    assert len(text.encode()) <= 1000 < len(text.encode()) + 200
    assert json.loads(text)["omitted"] == {"images": 20 - len(json.loads(text)["images"])}


def test_a_long_list_leaves_room_for_those_after_it() -> None:
    found = json.loads(bounded_json(FIXED, {"problems": numbers(1000), "images": numbers(1000)}, 2000))

    assert len(found["problems"]) > 40
    assert len(found["images"]) > 40


def test_an_entry_that_is_too_long_does_not_exclude_those_after_it() -> None:
    found = json.loads(bounded_json(FIXED, {"images": ["a", "x" * 5000, "b"]}, 1000))

    assert found["images"] == ["a", "b"]
    assert found["omitted"] == {"images": 1}


def test_short_fields_come_before_long_ones() -> None:
    found = json.loads(bounded_json(FIXED, {"images": numbers(1000)}, 1000))

    assert list(found) == ["status", "omitted", "images"]


@pytest.mark.parametrize("limit", [150, 100_000])
def test_a_lone_surrogate_can_be_written(limit: int) -> None:
    text = bounded_json({"requestId": "\ud800"}, {"images": ["\ud800"] * 100}, limit)

    assert json.loads(text.encode().decode())["requestId"] == "\ud800"
