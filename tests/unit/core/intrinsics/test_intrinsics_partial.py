"""Values that are known in part."""

from __future__ import annotations

import math

import pytest

from image_pinner.core.intrinsics.values import (
    MAX_TEXT,
    Known,
    NoValue,
    PartialList,
    Pending,
    SsmParameter,
    StackExport,
    Unknown,
    all_unresolved,
    as_list,
    as_text,
    collapse,
    concatenate,
    text_of,
    trim_partial,
    without_prefix,
)

A, B = (frozenset({StackExport(name)}) for name in "AB")


@pytest.mark.parametrize("value", [None, [], {}, ["a"], math.inf, math.nan, 1 << 5000, b"bytes", object()])
def test_only_scalars_have_a_text_form(value: object) -> None:
    assert text_of(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("app:1", "app:1"),
        ("", ""),
        (5, "5"),
        (-1, "-1"),
        (123456789012, "123456789012"),
        (True, "true"),
        (False, "false"),
        (1.1, "1.1"),
        (1.0, "1.0"),
        (0.0, "0.0"),
        (-9999999.5, "-9999999.5"),
        # CloudFormation can write them as a power of ten.
        (1e22, None),
        (10000000.0, None),
        (0.0001, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_a_scalar_becomes_the_text_that_json_has_for_it(value: object, text: str | None) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Known(None), "null"),
        (Known({}), "a mapping"),
        (Known([]), "a list"),
        (Known(object()), "an unsupported type"),
        (NoValue(), "AWS::NoValue"),
        (PartialList((Unknown("why"),), 1), "a list"),
    ],
)
def test_the_reason_names_the_actual_type(value: Known | NoValue | PartialList, kind: str) -> None:
    assert as_text(value, "the tag") == Unknown(f"the tag must be text, got {kind}", "use a text value")


@pytest.mark.parametrize("value", [Known("a"), Known(1), Known(None), Known({}), NoValue()])
def test_only_lists_are_lists(value: Known | NoValue) -> None:
    assert as_list(value, "the argument") == Unknown("the argument is not a list", "use a list")


def test_texts_are_concatenated() -> None:
    assert concatenate([Known("a"), Known(""), Known("b")]) == Known("ab")
    assert concatenate([]) == Known("")


def test_the_prefix_ends_where_the_first_piece_is_not_known() -> None:
    pieces = [Known("a-"), Pending(A, "b"), Known("c"), Pending(B, "d")]
    assert concatenate(pieces) == Pending(A | B, "a-b")
    assert concatenate([*pieces, Unknown("why", "do", "e")]) == Unknown("why", "do", "a-b")


def test_all_reasons_are_returned_as_far_as_a_message_can_be_long() -> None:
    one, two = (Unknown(f"why {name}", "do", missing=name) for name in ("One", "Two"))
    assert concatenate([Pending(A), one, two, one]) == Unknown("why One, and why Two", "do", missing="One,Two")
    assert concatenate([one, Unknown("why", "do"), Unknown("how")]) == Unknown("why, and how", "do")
    failed = Unknown("down", "retry", failed_lookup=True)
    assert concatenate([Unknown("why"), failed]) == Unknown("why, and down", "retry", failed_lookup=True)
    many = concatenate(Unknown(f"{number}" * 100) for number in range(100))
    assert isinstance(many, Unknown)
    assert len(many.reason) < 600


def test_each_reason_of_a_text_is_returned_once() -> None:
    one, two = (Unknown(f"why {name}", f"do {name}", missing=name) for name in ("One", "Two"))
    both = Unknown("why One, and why Two", "do One; do Two", missing="One,Two")
    assert concatenate([concatenate([one, two]), Known(":"), two]) == both
    assert concatenate([one, concatenate([one, two]), concatenate([two, one])]) == both
    condition = Unknown("the condition depends on One", "do One", missing="One")
    assert concatenate([condition, one]) == Unknown(
        "the condition depends on One, and why One", "do One", missing="One"
    )


def test_a_text_longer_than_any_template_is_refused() -> None:
    piece = Known("x" * (MAX_TEXT // 10))
    assert concatenate([piece] * 10) == Known("x" * MAX_TEXT)
    assert concatenate([piece] * 11) == Unknown(
        "the expression produces a text of more than 1,000,000 characters", "shorten it"
    )


def test_a_partial_list_is_known_if_all_elements_are() -> None:
    assert collapse(PartialList((Known("a"), NoValue(), Known("b")), 1)) == Known(["a", "b"])
    assert collapse(PartialList((Known("a"), Pending(A)), 2)) == Pending(A)
    assert collapse(PartialList((Known("a"),), 1, Pending(B))) == Pending(B)
    assert collapse(NoValue()) == NoValue()


def test_unresolved_outcomes_combine_their_lookups_unless_one_is_unknown() -> None:
    assert all_unresolved([Pending(A, "a"), Pending(B)]) == Pending(A | B)
    assert all_unresolved([Pending(A), Unknown("why", "do", "prefix")]) == Unknown("why", "do")


def test_a_value_that_was_not_set_is_a_reason_only_without_another() -> None:
    not_set = Unknown("the AWS account ID is unknown", "set it", missing="AWS::AccountId")
    generated = Unknown("the name is generated by CloudFormation", "set it")
    assert all_unresolved([not_set, Pending(A), generated]) == generated
    assert all_unresolved([Pending(A), not_set, Unknown("b", missing="b")]) == Unknown(
        "the AWS account ID is unknown, and b", "set it", missing="AWS::AccountId,b"
    )


def test_a_prefix_is_dropped() -> None:
    assert without_prefix(Pending(A, "a")) == Pending(A)
    assert without_prefix(Unknown("why")) == Unknown("why")


@pytest.mark.parametrize(
    ("text", "mark", "certain"),
    [
        ("", "::", ""),
        ("a", "::", "a"),
        ("a:", "::", "a"),
        ("a:b", "::", "a:b"),
        ("a:", ":", "a:"),
        ("x{{resol", "{{resolve:", "x"),
        ("x{{{", "{{resolve:", "x{"),
        ("aa", "aaa", ""),
    ],
)
def test_a_partial_delimiter_is_trimmed(text: str, mark: str, certain: str) -> None:
    assert trim_partial(text, mark) == certain


def test_values_of_different_types_are_different_outcomes() -> None:
    assert Known(1) != Known(value=True)
    assert Known("why") != Unknown("why")
    assert hash(Known("a")) == hash(Known("a"))
    assert SsmParameter("name") != StackExport("name")
