"""A line that keeps to its limit: what is left out is left out whole, and counted."""

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
PARTS = st.dictionaries(
    st.sampled_from(["calls", "problems", "images", "warnings"]),
    st.lists(ENTRIES, max_size=20) | st.dictionaries(TEXTS, st.integers(), max_size=20),
)


def numbers(count: int, length: int = 10) -> list[str]:
    return [str(number).rjust(length, "0") for number in range(count)]


@given(parts=PARTS, limit=st.integers(min_value=250, max_value=3000))
def test_whatever_is_told_the_text_keeps_to_the_limit_is_json_and_counts_what_is_missing(
    parts: dict[str, Any], limit: int
) -> None:
    text = bounded_json(FIXED, parts, limit)

    found = json.loads(text)
    assert len(text.encode()) <= limit
    assert "\n" not in text
    left_out = found.get("left_out", {})
    for name, part in parts.items():
        assert len(found[name]) + left_out.get(name, 0) == len(part)


def test_what_fits_is_told_whole() -> None:
    text = bounded_json(FIXED, {"images": numbers(3)}, 1000)

    assert json.loads(text) == {**FIXED, "images": numbers(3)}


def test_a_text_of_just_the_limit_is_told_whole_and_of_one_byte_more_is_not() -> None:
    parts: dict[str, Any] = {"images": numbers(50)}
    size = len(json.dumps({**FIXED, **parts}).encode())

    assert "left_out" not in json.loads(bounded_json(FIXED, parts, size))
    assert json.loads(bounded_json(FIXED, parts, size - 1))["left_out"]["images"] > 0


def test_bytes_count_and_not_characters() -> None:
    text = bounded_json(FIXED, {"images": ["ü" * 40] * 20}, 1000)

    assert len(text.encode()) <= 1000 < len(text.encode()) + 200
    assert json.loads(text)["left_out"] == {"images": 20 - len(json.loads(text)["images"])}


def test_a_long_part_leaves_room_for_those_behind_it() -> None:
    found = json.loads(bounded_json(FIXED, {"problems": numbers(1000), "images": numbers(1000)}, 2000))

    assert len(found["problems"]) > 40
    assert len(found["images"]) > 40


def test_one_entry_that_is_too_long_keeps_out_none_behind_it() -> None:
    found = json.loads(bounded_json(FIXED, {"images": ["a", "x" * 5000, "b"]}, 1000))

    assert found["images"] == ["a", "b"]
    assert found["left_out"] == {"images": 1}


def test_short_members_stand_before_long_ones() -> None:
    found = json.loads(bounded_json(FIXED, {"images": numbers(1000)}, 1000))

    assert list(found) == ["status", "left_out", "images"]


@pytest.mark.parametrize("limit", [150, 100_000])
def test_half_a_character_can_be_written(limit: int) -> None:
    text = bounded_json({"requestId": "\ud800"}, {"images": ["\ud800"] * 100}, limit)

    assert json.loads(text.encode().decode())["requestId"] == "\ud800"
