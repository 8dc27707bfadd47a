"""Which edits are refused because an alias or a merge shares the value, and the comparison of trees."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents import InPlaceEditError, read_source
from image_pinner.cli.documents.edits import first_difference
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.paths import TemplatePath


def path(dotted: str) -> TemplatePath:
    return TemplatePath(tuple(int(step) if step.isdigit() else step for step in dotted.split(".")))


def edited(text: str, *edits: Edit) -> str:
    return read_source(text.encode(), "web.yaml").apply(edits).decode()


def replacements(**values: str) -> list[Edit]:
    return [Replace(path(name.replace("_", ".")), value) for name, value in values.items()]


ALIASED = "a: &x repo:tag # c\nb: *x # d\nc: *x\n"
MERGED = "a: &x\n  k: v\n  l: w\nb:\n  <<: *x\n  l: z\n"
NESTED = "a: &x\n  k: v\nb: *x\n"
MERGED_IN_LINE = "b:\n  <<: {k: v}\n  l: z\n"


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        (ALIASED, replacements(b="n:1"), "web.yaml:2:4: cannot edit b through the alias *x"),
        (ALIASED, replacements(b="n:1", c="m:1"), "web.yaml:2:4: cannot edit b through the alias *x"),
        (NESTED, replacements(b="m"), "web.yaml:3:4: cannot edit b through the alias *x"),
        (NESTED, replacements(b_k="n"), "web.yaml:3:4: cannot edit b.k through the alias *x"),
        (NESTED, [InsertKey(path("b"), "n", 1, "k")], "web.yaml:3:4: cannot edit b through the alias *x"),
        ("a: &x !Sub v\nb: *x\n", [Replace(path("b.Fn::Sub"), "n")], "2:4: cannot edit b.Fn::Sub through the alias *x"),
        ("a: &x !GetAtt v.w\nb: *x\n", [Replace(path("b.Fn::GetAtt.0"), "n")], "cannot edit b through the alias *x"),
        ("a: &x [v]\nb: &y [*x]\nc: *y\n", replacements(c_0_0="n"), "web.yaml:3:4: cannot edit c[0][0] through"),
        ("a: &x v\nb: &y [*x]\nc: *y\n", replacements(b_0="n"), "web.yaml:2:8: cannot edit b[0] through the alias *x"),
        (MERGED, replacements(b_k="n"), "web.yaml:2:6: cannot edit b.k, which '<<' merges into the mapping"),
        (MERGED_IN_LINE, replacements(b_k="m"), "web.yaml:2:11: cannot edit b.k, which '<<' merges"),
    ],
)
def test_edit_through_an_alias_or_a_merge_is_refused(text: str, edits: list[Edit], expected: str) -> None:
    with pytest.raises(InPlaceEditError) as caught:
        edited(text, *edits)
    assert expected in caught.value.cause
    assert caught.value.help


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        (ALIASED, replacements(a="n"), "web.yaml:1:4: cannot edit a: the alias *x on line 2 refers to this value"),
        (ALIASED, replacements(a="n", b="n", c="n"), "web.yaml:1:4: cannot edit a: the alias *x"),
        (NESTED, replacements(a_k="n"), "web.yaml:2:6: cannot edit a.k: the alias *x on line 3 refers"),
        (NESTED, replacements(a_k="n", b_k="n"), "web.yaml:2:6: cannot edit a.k"),
        (MERGED, replacements(a_k="n"), "web.yaml:2:6: cannot edit a.k: the alias *x on line 5 refers"),
        (MERGED, replacements(a_l="n"), "web.yaml:3:6: cannot edit a.l: the alias *x on line 5 refers"),
        (NESTED, [InsertKey(path("a"), "n", 1, "k")], "web.yaml:1:4: cannot edit a: the alias *x"),
        (MERGED, [InsertKey(path("a"), "n", 1, "k")], "web.yaml:1:4: cannot edit a: the alias *x"),
        ("a:\n  k: &x v\nb: *x\n", replacements(a="m"), "web.yaml:2:3: cannot edit a: the alias *x on line 3"),
        ("a:\n  &x k: v\nb: *x\n", replacements(a="m"), "web.yaml:2:3: cannot edit a: the alias *x on line 3"),
        ("a: !If [&x v]\n*x : w\n", replacements(a="m"), "web.yaml:1:4: cannot edit a: the alias *x on line 2"),
        ("a: {k: &x {l: v}}\nb:\n  <<: *x\n", replacements(a="m"), "cannot edit a: the alias *x on line 3"),
    ],
)
def test_edit_of_a_value_that_an_alias_refers_to_is_refused(text: str, edits: list[Edit], expected: str) -> None:
    with pytest.raises(InPlaceEditError) as caught:
        edited(text, *edits)
    assert expected in caught.value.cause
    assert caught.value.help.startswith("replace the alias on line ")


@pytest.mark.parametrize(
    ("text", "edit"),
    [(ALIASED, Replace(path("a"), "n")), (ALIASED, Replace(path("b"), "n")), (MERGED, Replace(path("b.k"), "n"))],
)
def test_refused_edit_has_no_preview(text: str, edit: Edit) -> None:
    with pytest.raises(InPlaceEditError, match="cannot edit"):
        read_source(text.encode(), "web.yaml").preview([edit])


def test_refusal_has_cause_and_help() -> None:
    with pytest.raises(InPlaceEditError) as caught:
        edited(NESTED, *replacements(b_k="n"))
    assert caught.value.diagnostics() == (
        "web.yaml:3:4: cannot edit b.k through the alias *x; help: replace the alias with the value that it refers to"
    )


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        (MERGED, replacements(b_l="m"), "a: &x\n  k: v\n  l: w\nb:\n  <<: *x\n  l: m\n"),
        (MERGED, [InsertKey(path("b"), "m", 1, "l")], "a: &x\n  k: v\n  l: w\nb:\n  <<: *x\n  l: z\n  m: 1\n"),
        (MERGED, [InsertKey(path("b"), "m", 1, "k")], "a: &x\n  k: v\n  l: w\nb:\n  <<: *x\n  l: z\n  m: 1\n"),
        ("a:\n  k: &x v\n  l: *x\nb: 1\n", replacements(a="m"), "a: m\nb: 1\n"),
        ("a: &x v\nb:\n  k: *x\n", replacements(b="m"), "a: &x v\nb: m\n"),
        ("a: &x v\nb: 1\n", replacements(a="m"), "a: &x m\nb: 1\n"),
        ("a: 's3:*'\nb: &x v\n", replacements(b="m"), "a: 's3:*'\nb: &x m\n"),
        ("a: &x v\nb: *x\nc: w\n", replacements(c="m"), "a: &x v\nb: *x\nc: m\n"),
        ("a: &x v\na2: &x w\nb: *x\n", replacements(a="m"), "a: &x m\na2: &x w\nb: *x\n"),
    ],
)
def test_other_values_of_a_file_with_aliases_are_edited(text: str, edits: list[Edit], expected: str) -> None:
    assert edited(text, *edits) == expected


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
def test_first_difference_is_a_path(left: JsonValue, right: JsonValue, steps: tuple[str | int, ...]) -> None:
    assert first_difference(left, right) == TemplatePath(steps)


def test_key_order_is_not_a_difference() -> None:
    left, right = {"a": [1, None], "b": {"c": 1.5}}, {"b": {"c": 1.5}, "a": [1, None]}
    assert first_difference(left, right) is None
