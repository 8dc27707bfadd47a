from __future__ import annotations

from typing import Any

from image_pinner.core.template.marker_search import MarkerCount, count_markers, walked_sections


def test_nothing_holds_no_mark() -> None:
    assert count_markers() == count_markers(None, 5, "x", [], {}, {"a": [1.5, True, "y"]}) == MarkerCount(0, 0, 0)


def test_every_text_that_holds_the_mark_is_counted_wherever_in_it() -> None:
    assert count_markers("!PinDigest a", {"x": ["see !PinDigest", {"y": " !PinDigest b"}]}, "!pindigest").texts == 3


def test_maps_with_the_long_form_or_a_snippet_are_counted_whatever_stands_beside() -> None:
    found = count_markers({"Fn::PinDigest": {"Fn::Transform": 1}, "b": 2}, [{"Fn::Transform": "AWS::Include"}])
    assert found == MarkerCount(0, 1, 2)


def test_keys_count_as_texts_do() -> None:
    assert count_markers({"!PinDigest": 1}) == MarkerCount(1, 0, 0)


def test_what_stands_twice_counts_twice_even_if_it_is_one_object() -> None:
    shared = {"Fn::PinDigest": "!PinDigest and !PinDigest"}
    assert count_markers([shared, shared]) == MarkerCount(4, 2, 0)


def test_two_texts_do_not_make_a_mark() -> None:
    assert count_markers(["!Pin", "Digest"], {"!PinD": "igest"}) == MarkerCount(0, 0, 0)


def test_what_is_no_json_is_counted_past() -> None:
    assert count_markers({"a": object(), "b": ["!PinDigest x", {"Fn::Transform": "Fn::PinDigest"}]}) == MarkerCount(
        1, 1, 1
    )


def test_no_depth_of_nesting_ends_it() -> None:
    deep: Any = "!PinDigest x"
    for level in range(3_000):
        deep = {"k": deep} if level % 2 else [deep]
    assert count_markers(deep).texts == 1


def test_sections_of_a_template_that_are_no_properties_are_left_out() -> None:
    template = {"Resources": {}, "Outputs": {}, "Parameters": {}, "Mappings": {}, "Description": "", "Metadata": {}}
    assert set(walked_sections(template)) == {"Resources", "Outputs", "Metadata"}


def test_a_part_of_a_template_has_no_sections() -> None:
    properties = {"TemplateURL": "x", "Parameters": {"Image": "!PinDigest x"}}
    assert walked_sections(properties) == properties
