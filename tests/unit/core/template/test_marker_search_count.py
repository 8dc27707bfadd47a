from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.template.marker_search import (
    MarkerCount,
    count_markers,
    count_walked_markers,
    walked_sections,
)


def test_values_without_a_marker_have_no_count() -> None:
    assert count_markers() == count_markers(None, 5, "x", [], {}, {"a": [1.5, True, "y"]}) == MarkerCount(0, 0, 0)


def test_every_marker_is_counted_anywhere_in_a_text() -> None:
    assert count_markers("!PinDigest a", {"x": ["see !PinDigest", {"y": " !PinDigest b"}]}, "!pindigest").texts == 3


def test_long_forms_and_snippets_are_counted_with_any_siblings() -> None:
    found = count_markers({"Fn::PinDigest": {"Fn::Transform": 1}, "b": 2}, [{"Fn::Transform": "AWS::Include"}])
    assert found == MarkerCount(0, 1, 2)


def test_markers_in_keys_are_counted() -> None:
    assert count_markers({"!PinDigest": 1}) == MarkerCount(1, 0, 0)


def test_a_shared_object_is_counted_each_time() -> None:
    shared = {"Fn::PinDigest": "!PinDigest and !PinDigest"}
    assert count_markers([shared, shared]) == MarkerCount(4, 2, 0)


def test_adjacent_texts_do_not_form_a_marker() -> None:
    assert count_markers(["!Pin", "Digest"], {"!PinD": "igest"}) == MarkerCount(0, 0, 0)


def test_values_that_are_not_json_are_skipped_in_the_count() -> None:
    assert count_markers({"a": object(), "b": ["!PinDigest x", {"Fn::Transform": "Fn::PinDigest"}]}) == MarkerCount(
        1, 1, 1
    )


def test_markers_are_counted_at_any_depth() -> None:
    deep: Any = "!PinDigest x"
    for level in range(3_000):
        deep = {"k": deep} if level % 2 else [deep]
    assert count_markers(deep).texts == 1


def test_sections_of_a_template_without_properties_are_excluded() -> None:
    template = {"Resources": {}, "Outputs": {}, "Parameters": {}, "Mappings": {}, "Description": "", "Metadata": {}}
    assert set(walked_sections(template)) == {"Resources", "Outputs", "Metadata"}


def test_a_part_of_a_template_has_no_sections() -> None:
    properties = {"TemplateURL": "x", "Parameters": {"Image": "!PinDigest x"}}
    assert walked_sections(properties) == properties


def test_records_and_loops_are_counted() -> None:
    found = count_markers({"Fn::ForEach::A": ["V", ["x"], {"image-pinner.source": "nginx:1", "${V}": "y"}]})
    assert found == MarkerCount(0, 0, 0, records=1, loops=1)


@pytest.mark.parametrize(
    "resources", [{"Web": "!PinDigest nginx:1"}, {"Fn::ForEach::A": {"Fn::PinDigest": "x"}}, "part"]
)
def test_a_serialized_template_has_the_same_count(resources: Any) -> None:
    template = {
        "Parameters": {"Tag": {"Default": "!PinDigest nginx:1"}},
        "Resources": resources,
        "Outputs": {"Fn::Transform": "!PinDigest"},
    }
    found = count_walked_markers(template, json.dumps(template).encode())
    assert found == count_walked_markers(template) == count_markers(walked_sections(template))
    assert found.texts
