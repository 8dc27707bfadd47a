"""Edits of values that several places of a template share through anchors, aliases and merges."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents import UnfaithfulEdit, read_source
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.paths import TemplatePath


def path(place: str) -> TemplatePath:
    return TemplatePath(tuple(int(step) if step.isdigit() else step for step in place.split(".")))


def edited(text: str, *edits: Edit) -> str:
    return read_source(text.encode(), "web.yaml").apply(edits).decode()


def changes(**values: str) -> list[Edit]:
    return [Replace(path(place.replace("_", ".")), value) for place, value in values.items()]


ALIASED = "a: &x repo:tag # c\nb: *x # d\nc: *x\n"
MERGED = "a: &x\n  k: v\n  l: w\nb:\n  <<: *x\n  l: z\n"
NESTED = "a: &x\n  k: v\nb: *x\n"
MERGED_IN_LINE = "b:\n  <<: {k: v}\n  l: z\n"


@pytest.mark.parametrize(
    ("text", "edits", "place"),
    [
        (
            ALIASED,
            changes(a="n"),
            "web.yaml, line 1, column 4: a cannot be changed alone: through the anchor &x of line 1",
        ),
        (ALIASED, changes(a="n", b="n"), "line 1, column 4: a cannot be changed alone"),
        (ALIASED, changes(a="n", b="n", c="m"), "line 1, column 4: a cannot be changed alone"),
        (NESTED, changes(a_k="n"), "line 2, column 6: a.k cannot be changed alone: through the anchor &x of line 1"),
        (NESTED, changes(b_k="n"), "line 2, column 6: b.k cannot be changed alone"),
        (NESTED, changes(a_k="n", b_k="m"), "line 2, column 6: a.k cannot be changed alone"),
        (MERGED, changes(a_k="n"), "line 2, column 6: a.k cannot be changed alone"),
        (MERGED, changes(b_k="n"), "line 2, column 6: b.k cannot be changed alone: through the anchor &x of line 1"),
        (NESTED, [InsertKey(path("a"), "n", 1, "k")], "line 1, column 4: a cannot be changed alone"),
        (MERGED, [InsertKey(path("a"), "n", 1, "k")], "line 1, column 4: a cannot be changed alone"),
        ("a: &x !Sub v\nb: *x\n", [Replace(path("b.Fn::Sub"), "n")], "line 1, column 4: b.Fn::Sub cannot be"),
        ("a: &x [v]\nb: &y [*x]\nc: *y\n", changes(c_0_0="n"), "line 1, column 8: c[0][0] cannot be changed alone"),
        ("a: &x v\nb: &y [*x]\nc: *y\n", changes(b_0="n"), "line 1, column 4: b[0] cannot be changed alone"),
    ],
)
def test_a_shared_value_is_not_changed_for_one_place_only(text: str, edits: list[Edit], place: str) -> None:
    with pytest.raises(UnfaithfulEdit) as caught:
        edited(text, *edits)
    assert place in caught.value.cause
    assert caught.value.help.endswith("the file was left as it is")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "a:\n  k: &x v\nb: *x\n",
            "line 2, column 3: a cannot be changed alone: the anchor &x inside it is used in line 3",
        ),
        ("a:\n  &x k: v\nb: *x\n", "line 2, column 3: a cannot be changed alone: the anchor &x inside it"),
        ("a: !If [&x v]\n*x : w\n", "line 1, column 4: a cannot be changed alone: the anchor &x inside it"),
        ("a: {k: &x {l: v}}\nb:\n  <<: *x\n", "a cannot be changed alone: the anchor &x inside it is used in line 3"),
    ],
)
def test_an_anchor_that_is_used_elsewhere_is_not_removed(text: str, place: str) -> None:
    with pytest.raises(UnfaithfulEdit) as caught:
        edited(text, *changes(a="m"))
    assert place in caught.value.cause


def test_an_anchor_goes_with_all_that_uses_it() -> None:
    assert edited("a:\n  k: &x v\n  l: *x\nb: *x\n", *changes(a="m", b="n:1")) == "a: m\nb: n:1\n"


def test_the_error_reads_as_a_sentence() -> None:
    with pytest.raises(UnfaithfulEdit) as caught:
        edited(NESTED, *changes(b_k="n"))
    assert caught.value.diagnostics() == (
        "web.yaml, line 2, column 6: b.k cannot be changed alone: through the anchor &x of line 1 other places of the "
        "template have the same value and would change with it. Write the value out at this place instead of *x; the "
        "file was left as it is."
    )


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        (ALIASED, changes(a="n:1", b="n:1", c="n:1"), "a: &x n:1 # c\nb: *x # d\nc: *x\n"),
        (NESTED, changes(a_k="n", b_k="n"), 'a: &x\n  k: "n"\nb: *x\n'),
        (MERGED, changes(a_k="w", b_k="w"), "a: &x\n  k: w\n  l: w\nb:\n  <<: *x\n  l: z\n"),
        ("a: &x [v]\nb: &y [*x]\nc: *y\n", changes(a_0="m", b_0_0="m", c_0_0="m"), "a: &x [m]\nb: &y [*x]\nc: *y\n"),
        (
            "a: &x !Sub v\nb: *x\n",
            [Replace(path("a.Fn::Sub"), "m"), Replace(path("b.Fn::Sub"), "m")],
            "a: &x !Sub m\nb: *x\n",
        ),
        (NESTED, [InsertKey(path(place), "m", 1, "k") for place in "ab"], "a: &x\n  k: v\n  m: 1\nb: *x\n"),
    ],
)
def test_the_same_change_at_all_places_is_made_once_at_the_anchor(text: str, edits: list[Edit], expected: str) -> None:
    assert edited(text, *edits) == expected


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        (ALIASED, changes(b="n:1"), "a: &x repo:tag # c\nb: n:1 # d\nc: *x\n"),
        (ALIASED, changes(b="n:1", c="m:1"), "a: &x repo:tag # c\nb: n:1 # d\nc: m:1\n"),
        (NESTED, changes(b="m"), "a: &x\n  k: v\nb: m\n"),
        (MERGED, changes(a_l="m"), "a: &x\n  k: v\n  l: m\nb:\n  <<: *x\n  l: z\n"),
        (MERGED, changes(b_l="m"), "a: &x\n  k: v\n  l: w\nb:\n  <<: *x\n  l: m\n"),
        (MERGED, [InsertKey(path("b"), "m", 1, "l")], "a: &x\n  k: v\n  l: w\nb:\n  <<: *x\n  l: z\n  m: 1\n"),
        (MERGED, [InsertKey(path("b"), "m", 1, "k")], "a: &x\n  k: v\n  l: w\nb:\n  <<: *x\n  l: z\n  m: 1\n"),
        (MERGED_IN_LINE, changes(b_k="m"), "b:\n  <<: {k: m}\n  l: z\n"),
        ("a: &x v\nb: 1\n", changes(a="m"), "a: &x m\nb: 1\n"),
        ("a: 's3:*'\nb: &x v\n", changes(b="m"), "a: 's3:*'\nb: &x m\n"),
    ],
)
def test_what_can_be_written_at_its_own_place_is(text: str, edits: list[Edit], expected: str) -> None:
    assert edited(text, *edits) == expected


def test_a_map_replaced_in_place_of_an_alias_is_written_out() -> None:
    edit = Replace(path("b"), {"k": ["w"]})
    assert edited("a: &x\n  k: v\nb: *x # c\n", edit) == "a: &x\n  k: v\nb: # c\n  k:\n    - w\n"
