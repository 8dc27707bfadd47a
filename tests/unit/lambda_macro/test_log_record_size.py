"""A log record keeps to its size limit: entries that do not fit are in further parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.lambda_macro.log_record import MAX_RECORD_BYTES, split_json
from image_pinner.sources.aws.events import MAX_DETAIL_BYTES
from support.macro import event_for
from support.templates import task
from unit.lambda_macro.observed_registry import HIGH_LIMITS, ONE_BUS, ObservedRegistry, run_with_log

FIXED = {"status": "success"}
TEXTS = st.text(max_size=60)
ENTRIES = TEXTS | st.dictionaries(TEXTS, TEXTS, max_size=3) | st.integers()
LISTS = st.dictionaries(st.sampled_from(["calls", "problems", "images", "warnings"]), st.lists(ENTRIES, max_size=20))


def numbers(count: int, length: int = 10) -> list[str]:
    return [str(number).rjust(length, "0") for number in range(count)]


@given(lists=LISTS, limit=st.integers(min_value=2000, max_value=6000))
def test_any_record_is_json_within_the_limit_and_has_all_entries(lists: dict[str, list[Any]], limit: int) -> None:
    texts = split_json(FIXED, lists, limit)

    parts = [json.loads(text) for text in texts]
    assert all(len(text.encode()) <= limit and "\n" not in text for text in texts)
    assert all(part["status"] == "success" for part in parts)
    for name, entries in lists.items():
        assert [entry for part in parts for entry in part.get(name, ())] == entries


def test_a_record_that_fits_is_complete() -> None:
    (text,) = split_json(FIXED, {"images": numbers(3)}, 1000)

    assert json.loads(text) == {**FIXED, "images": numbers(3)}


def test_a_record_of_exactly_the_limit_is_complete_and_one_byte_more_is_divided() -> None:
    lists: dict[str, Any] = {"images": numbers(50)}
    size = len(json.dumps({**FIXED, **lists}).encode())

    assert len(split_json(FIXED, lists, size)) == 1
    first, second = map(json.loads, split_json({**FIXED, "lookups": 5, "requestId": "x"}, lists, size))
    assert (first["part"], first["parts"], first["lookups"]) == (1, 2, 5)
    assert {**second, "images": []} == {**FIXED, "requestId": "x", "part": 2, "parts": 2, "images": []}
    assert first["images"] + second["images"] == lists["images"]


def test_the_limit_is_in_bytes_not_in_characters() -> None:
    assert all(len(text.encode()) <= 1000 for text in split_json(FIXED, {"images": ["ü" * 40] * 50}, 1000))


def test_a_long_text_is_cut_in_the_middle() -> None:
    (text,) = split_json(FIXED, {"images": [{"path": "x" * 5000 + "y" * 500, "digest": "sha256:1"}]}, 2000)

    assert json.loads(text)["images"] == [{"path": "x" * 500 + "…" + "y" * 500, "digest": "sha256:1"}]


@pytest.mark.parametrize("limit", [250, 100_000])
def test_a_lone_surrogate_can_be_written(limit: int) -> None:
    for text in split_json({"requestId": "\ud800"}, {"images": ["\ud800"] * 100}, limit):
        assert json.loads(text.encode().decode())["requestId"] == "\ud800"


def test_the_results_of_gates_keep_to_the_limit_and_are_complete() -> None:
    images = [f"!PinDigest shop/web-{number}:1" for number in range(1000)]
    gates = {"IMAGE_PINNER_GATES": f"tags.deny=*; tags.mode=warn; repositories.allow=docker.io/{'x' * 200}"}
    event = event_for({"Resources": {"Web": task(*images)}})
    sent = {"IMAGE_PINNER_DENIAL_EVENTS": "true"}
    registry = ObservedRegistry()
    _, lines = run_with_log(registry, event, gates | sent | ONE_BUS | HIGH_LIMITS)
    assert max(len(line.encode()) for line in lines) <= MAX_RECORD_BYTES
    records = [json.loads(line) for line in lines]
    logged = [image for record in records for image in record.get("images", ())]
    assert [[each["gate"] for each in image["gates"]] for image in logged] == [["repositories", "tags"]] * 1000
    assert max(len(text.encode()) for text in registry.publisher.texts) <= MAX_DETAIL_BYTES
    assert sum(len(detail["images"]) for detail in registry.publisher.details) == 1000
