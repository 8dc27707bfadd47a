"""Comparing trees as JSON texts are compared."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents.same_values import first_difference, same
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.paths import TemplatePath


@pytest.mark.parametrize(
    ("left", "right", "steps"),
    [
        (1, True, ()),
        (1, 1.0, ()),
        (0, None, ()),
        ("1", 1, ()),
        ({"a": 1}, {"a": 1, "b": 2}, ()),
        ({"a": [1, 2]}, {"a": [1]}, ("a",)),
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y"}]}, ("a", 1, "b")),
        ([], {}, ()),
    ],
)
def test_a_difference_is_told_with_its_place(left: JsonValue, right: JsonValue, steps: tuple[str | int, ...]) -> None:
    assert first_difference(left, right) == TemplatePath(steps)
    assert not same(left, right)


def test_the_order_of_keys_makes_no_difference() -> None:
    assert same({"a": [1, None], "b": {"c": 1.5}}, {"b": {"c": 1.5}, "a": [1, None]})
