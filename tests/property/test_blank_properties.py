"""Blanks inside `${ }` make no difference, whatever reads the variables of an `Fn::Sub`."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.marker_search import may_contain_marker
from image_pinner.core.template.markers import remove_marker, with_marker
from support.templates import REGION, pin, template_of

PARAMETERS = {
    "Tag": {"Type": "String", "Default": "1"},
    "Marked": {"Type": "String", "Default": "!PinDigest shop/web:1"},
    "Unset": {"Type": "String"},
}
SECTIONS: dict[str, Any] = {
    "Parameters": PARAMETERS,
    "Resources": {"Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}}},
}
SCOPE = Scope.of_template(SECTIONS, {}, region=REGION, account_id="111122223333")
NAMES = st.sampled_from(
    [
        "Tag",
        "Marked",
        "Unset",
        "Own",
        "Nope",
        "AWS::Region",
        "AWS::AccountId",
        "Repo",
        "Repo.Arn",
        "!Literal",
        "T ag",
        "",
    ]
)
BLANKS = st.text(alphabet=" \t\n", max_size=3)
PIECES = st.lists(
    st.tuples(st.sampled_from(["", "a", "/b:", "!PinDigest shop/", " "]), NAMES, BLANKS, BLANKS), max_size=4
)


def text_of(pieces: list[tuple[str, str, str, str]], *, blanks: bool) -> str:
    return "".join(
        f"{before}${{{left if blanks else ''}{name}{right if blanks else ''}}}" for before, name, left, right in pieces
    )


@given(PIECES, st.booleans())
def test_blanks_do_not_change_an_outcome(pieces: list[tuple[str, str, str, str]], own: bool) -> None:  # noqa: FBT001
    plain, blank = text_of(pieces, blanks=False), text_of(pieces, blanks=True)
    variables: list[Any] = [{"Own": "x"}] if own else []

    def expression(text: str) -> Any:
        return {"Fn::Sub": [text, *variables]} if variables else {"Fn::Sub": text}

    assert evaluate(expression(blank), SCOPE) == evaluate(expression(plain), SCOPE)
    assert may_contain_marker(expression(blank), SCOPE) == may_contain_marker(expression(plain), SCOPE)


@given(BLANKS, BLANKS, st.sampled_from(["Tag", "AWS::Region", "Repo"]))
def test_a_marker_is_written_and_removed_next_to_blanks(left: str, right: str, name: str) -> None:
    expression = {"Fn::Sub": f"${{{left}{name}{right}}}/a:1"}

    assert remove_marker(with_marker(expression)) == expression
    assert remove_marker(with_marker(expression, f"Platform=${{{left}Tag{right}}}")) == expression


def _pinned(left: str, right: str) -> Any:
    names = (f"${{{left}{name}{right}}}" for name in ("AWS::AccountId", "Repo", "Tag"))
    image = "!PinDigest {}.dkr.ecr.us-east-1.amazonaws.com/{}:{}".format(*names)
    template = template_of({"Fn::Sub": image}, Parameters=PARAMETERS)
    template["Resources"] |= SECTIONS["Resources"]
    return pin(template).answer


@given(BLANKS, BLANKS)
def test_an_image_with_blanks_is_pinned(left: str, right: str) -> None:
    answer = _pinned(left, right)

    assert answer == _pinned("", "")
    assert "PinDigest" not in str(answer["Resources"])
