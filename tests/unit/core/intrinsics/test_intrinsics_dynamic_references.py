"""Dynamic references in finished texts."""

from __future__ import annotations

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Pending, SsmParameter, Unknown

REFERENCE = "{{resolve:ssm:/images/web}}"
LOOKUP = SsmParameter("/images/web")
SCOPE = Scope(
    parameters={
        "Stage": {"Type": "String", "Default": "web"},
        "Reference": {"Type": "String", "Default": REFERENCE},
        "Missing": {"Type": "String"},
    }
)
ANSWERED = SCOPE.with_answers({LOOKUP: Known("app:1"), SsmParameter("tag", 3): Known("v3")})


@pytest.mark.parametrize(
    "text",
    [
        "{{resolve:ssm-secure:/password:1}}",
        "{{resolve:secretsmanager:secret:SecretString:key}}",
        "app:{{resolve:ssm:tag}}-{{resolve:secretsmanager:secret}}",
    ],
)
def test_a_secret_is_never_resolved(text: str) -> None:
    outcome = evaluate(text, SCOPE)
    assert isinstance(outcome, Unknown)
    assert "secret" in outcome.reason
    assert "template" in outcome.reason


@pytest.mark.parametrize(
    "text",
    [
        "{{resolve:ssm:}}",
        "{{resolve:ssm}}",
        "{{resolve:}}",
        "{{resolve:ssm:name:latest}}",
        "{{resolve:ssm:name:}}",
        "{{resolve:ssm:name:1:2}}",
        "{{resolve:ssm:na me}}",
        "{{resolve:ssm:arn:aws:ssm:us-east-1:123456789012:parameter/x}}",
        "{{resolve:s3:bucket}}",
        "{{resolve:SSM:name}}",
        "{{resolve:ssm:{{resolve:ssm:name}}}}",
        "{{resolve:ssm:name",
        "{{resolve:ssm:name}",
    ],
)
def test_another_form_is_refused(text: str) -> None:
    outcome = evaluate(f"app:{text}", SCOPE)
    assert isinstance(outcome, Unknown)
    assert "dynamic reference" in outcome.reason
    assert outcome.prefix == "app:"


@pytest.mark.parametrize("text", ["{{resolve", "{resolve:ssm:name}", "{{ resolve:ssm:name}}", "{{Resolve:ssm:name}}"])
def test_other_braces_are_plain_text(text: str) -> None:
    assert evaluate(text, SCOPE) == Known(text)


def test_the_value_of_a_parameter_is_not_shown_in_the_reason() -> None:
    scope = Scope(parameters={"Part": {"Type": "String"}}, values={"Part": "not to be shown"})
    outcome = evaluate({"Fn::Sub": "{{resolve:ssm:${Part}}}"}, scope)
    assert isinstance(outcome, Unknown)
    assert "not to be shown" not in repr(outcome)


@pytest.mark.parametrize(
    ("text", "lookup"),
    [
        (REFERENCE, LOOKUP),
        ("{{resolve:ssm:tag}}", SsmParameter("tag")),
        ("{{resolve:ssm:tag:3}}", SsmParameter("tag", 3)),
        ("{{resolve:ssm:a.b_c-d/e:12}}", SsmParameter("a.b_c-d/e", 12)),
    ],
)
def test_a_parameter_is_looked_up(text: str, lookup: SsmParameter) -> None:
    assert evaluate(f"app:{text}", SCOPE) == Pending(frozenset({lookup}), "app:")


def test_several_are_looked_up_at_once() -> None:
    outcome = evaluate(f"!PinDigest {REFERENCE}:{{{{resolve:ssm:tag:3}}}}", SCOPE)
    assert outcome == Pending(frozenset({LOOKUP, SsmParameter("tag", 3)}), "!PinDigest ")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (REFERENCE, "app:1"),
        ("repo/app:{{resolve:ssm:tag:3}}-arm64", "repo/app:v3-arm64"),
        ({"Fn::Join": ["", ["x/{{resolve:ssm:/images/", {"Ref": "Stage"}, "}}"]]}, "x/app:1"),
        ({"Fn::Sub": "{{resolve:ssm:/images/${Stage}}}-arm64"}, "app:1-arm64"),
        ({"Ref": "Reference"}, "app:1"),
        ({"Fn::Sub": "x/${Reference}"}, "x/app:1"),
        ([REFERENCE, {"a": REFERENCE, "b": 1}], ["app:1", {"a": "app:1", "b": 1}]),
        ("{{{resolve:ssm:tag:3}}}", "{v3}"),
    ],
)
def test_answers_replace_the_references(expression: object, value: object) -> None:
    assert evaluate(expression, ANSWERED) == Known(value)


def test_an_answer_is_not_resolved_again() -> None:
    scope = SCOPE.with_answers({LOOKUP: Known("{{resolve:ssm:other}}")})
    assert evaluate(REFERENCE, scope) == Known("{{resolve:ssm:other}}")


def test_a_list_of_strings_is_its_text() -> None:
    assert evaluate(REFERENCE, SCOPE.with_answers({LOOKUP: Known(["a", "b"])})) == Known("a,b")


def test_an_unknown_answer_keeps_its_reason() -> None:
    answer = Unknown("the parameter does not exist", "Create it")
    assert evaluate(f"x{REFERENCE}", SCOPE.with_answers({LOOKUP: answer})) == Unknown(*_parts(answer), "x")


def _parts(answer: Unknown) -> tuple[str, str]:
    return answer.reason, answer.help


def test_split_comes_before_resolving() -> None:
    outcome = evaluate({"Fn::Select": [0, {"Fn::Split": ["/", REFERENCE]}]}, ANSWERED)
    assert outcome == Unknown("a dynamic reference is not closed", "close {{resolve:…}} with two braces")
    assert evaluate({"Fn::Select": [1, {"Fn::Split": ["+", f"a+{REFERENCE}"]}]}, ANSWERED) == Known("app:1")


def test_inside_a_list_or_mapping_one_is_pending() -> None:
    for expression in ([REFERENCE], {"a": REFERENCE}, [{"a": [REFERENCE]}]):
        assert evaluate(expression, SCOPE) == Pending(frozenset({LOOKUP}))


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        (f"a{REFERENCE}b${{Missing}}", "aapp:1b"),
        ("a{{resolve:ssm:${Missing}}}", "a"),
        (f"a{REFERENCE}b{{{{resolve:ssm:${{Missing}}}}}}", "aapp:1b"),
        ("a{{resolve:s${Missing}", "a"),
        ("a{${Missing}", "a"),
        (f"a{REFERENCE}{{{{${{Missing}}", "aapp:1"),
    ],
)
def test_a_prefix_is_resolved_as_far_as_it_is_certain(text: str, prefix: str) -> None:
    outcome = evaluate({"Fn::Sub": text}, ANSWERED)
    assert isinstance(outcome, Unknown)
    assert outcome.prefix == prefix


def test_references_in_the_prefix_are_looked_up_with_the_others() -> None:
    expression = {"Fn::Join": ["", [f"a{REFERENCE}b", {"Fn::ImportValue": "E"}]]}
    outcome = evaluate(expression, SCOPE)
    assert isinstance(outcome, Pending)
    assert LOOKUP in outcome.external_values
    assert len(outcome.external_values) == 2
    assert outcome.prefix == "a"
