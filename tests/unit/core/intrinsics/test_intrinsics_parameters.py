"""Values of parameters: by type, by default, from the Parameter Store, and never a secret."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known, Outcome, Pending, SsmParameter, Unknown

SSM = "AWS::SSM::Parameter::Value<String>"
NAME = "/images/web"


def value_of(
    declaration: object,
    value: object = None,
    *,
    ssm_names: bool = False,
    answers: dict[ExternalValue, Answer] | None = None,
) -> Outcome:
    values = {} if value is None else {"Image": value}
    scope = Scope(parameters={"Image": declaration}, values=values, ssm_names=ssm_names, answers=answers or {})
    return evaluate({"Ref": "Image"}, scope)


@pytest.mark.parametrize("declaration", [None, "String", [], 5])
def test_a_declaration_that_is_not_a_mapping_is_refused(declaration: object) -> None:
    assert value_of(declaration, "app:1") == Unknown(
        "the declaration of the parameter 'Image' has no Type", "declare it with a Type"
    )


def test_a_parameter_without_value_and_default_is_named() -> None:
    assert value_of({"Type": "String"}) == Unknown(
        "the parameter 'Image' has no value and no default", "set the parameter Image or its Default", missing=True
    )


@pytest.mark.parametrize("no_echo", [True, "true", "True", "TRUE", " true ", "yes", 1, None, {"Ref": "X"}])
@pytest.mark.parametrize("source", ["value", "default"])
@pytest.mark.parametrize("kind", ["String", SSM, "CommaDelimitedList"])
def test_a_secret_is_never_used(no_echo: object, source: str, kind: str) -> None:
    declaration: dict[str, Any] = {"Type": kind, "NoEcho": no_echo}
    if source == "default":
        declaration["Default"] = "hunter2"
    outcome = value_of(declaration, "hunter2" if source == "value" else None)
    assert isinstance(outcome, Unknown)
    assert "NoEcho" in outcome.reason
    assert "hunter2" not in repr(outcome)


@pytest.mark.parametrize(
    "expression",
    [
        {"Fn::Sub": "app:${Image}"},
        {"Fn::Join": ["", ["app:", {"Ref": "Image"}]]},
        {"Fn::Select": [0, {"Fn::Split": ["n", {"Ref": "Image"}]}]},
        {"Fn::If": [{"Fn::Equals": [{"Ref": "Image"}, "hunter2"]}, "a", "b"]},
        {"Fn::FindInMap": ["Map", {"Ref": "Image"}, "key"]},
        {"Ref": {"Ref": "Image"}},
        {"Fn::ImportValue": {"Fn::Sub": "${Image}-export"}},
        {"Fn::Base64": {"Ref": "Image"}},
        {"Fn::ToJsonString": [{"Ref": "Image"}]},
    ],
)
def test_no_function_shows_a_secret(expression: object) -> None:
    scope = Scope(
        parameters={"Image": {"Type": "String", "NoEcho": "true"}},
        values={"Image": "hunter2"},
        mappings={"Map": {"hunter2": {"key": "found"}}},
    )
    outcome = evaluate(expression, scope)
    assert isinstance(outcome, Unknown)
    assert "hunter2" not in repr(outcome)
    assert "NoEcho" in outcome.reason


@pytest.mark.parametrize("no_echo", [False, "false", "False"])
def test_a_parameter_that_is_plainly_no_secret_is_used(no_echo: object) -> None:
    assert value_of({"Type": "String", "NoEcho": no_echo}, "app:1") == Known("app:1")


@pytest.mark.parametrize("value", [{"a": 1}, ["a", {}], [["a"]], ["a", None]])
def test_a_value_that_is_neither_text_nor_a_list_of_texts_is_refused(value: object) -> None:
    assert value_of({"Type": "String"}, value) == Unknown(
        "the value of the parameter 'Image' is neither text nor a list of texts", "set another value"
    )


def test_a_value_comes_before_the_default() -> None:
    assert value_of({"Type": "String", "Default": "app:1"}, "app:2") == Known("app:2")
    assert value_of({"Type": "String", "Default": "app:1"}) == Known("app:1")
    assert value_of({"Type": "String", "Default": "app:1"}, "") == Known("")


@pytest.mark.parametrize("declaration", [{"Type": "Number"}, {"Type": ["odd"]}])
@pytest.mark.parametrize(("value", "text"), [(5, "5"), ("5", "5"), (1.5, "1.5"), (True, "true"), ("1.10", "1.10")])
def test_a_value_is_text_however_it_is_written(declaration: dict[str, Any], value: object, text: str) -> None:
    assert value_of(declaration, value) == Known(text)


@pytest.mark.parametrize("kind", ["CommaDelimitedList", "List<Number>", "List<AWS::EC2::Subnet::Id>"])
@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("a,b", ["a", "b"]),
        (" a , b ,c", ["a", "b", "c"]),
        (["a", "b"], ["a", "b"]),
        (",", ["", ""]),
        # https://github.com/aws-cloudformation/cfn-language-discussion/issues/102
        ("", [""]),
        (5, ["5"]),
        ([5, "6"], ["5", "6"]),
    ],
)
def test_a_list_may_come_as_a_list_or_as_text(kind: str, value: object, items: list[str]) -> None:
    assert value_of({"Type": kind}, value) == Known(items)


def test_the_name_of_an_ssm_parameter_is_plain_text() -> None:
    assert value_of({"Type": "AWS::SSM::Parameter::Name"}, NAME, ssm_names=True) == Known(NAME)


@pytest.mark.parametrize("value", ["", ["a"], {"a": 1}])
def test_an_invalid_name_is_not_looked_up(value: object) -> None:
    outcome = value_of({"Type": SSM}, value, ssm_names=True)
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "the parameter 'Image' is not the name of an SSM parameter"


@pytest.mark.parametrize("name", [NAME, "web-image", "arn:aws:ssm:us-east-1:123456789012:parameter/web"])
def test_names_are_looked_up(name: str) -> None:
    assert value_of({"Type": SSM}, name, ssm_names=True) == Pending(frozenset({SsmParameter(name)}))


def test_resolved_values_are_not_looked_up() -> None:
    assert value_of({"Type": SSM, "Default": NAME}, "app:1") == Known("app:1")
    kind = "AWS::SSM::Parameter::Value<List<String>>"
    assert value_of({"Type": kind, "Default": NAME}, ["a", "b"]) == Known(["a", "b"])


@pytest.mark.parametrize(
    ("declaration", "value"),
    [
        ({"Type": SSM, "Default": NAME}, None),
        ({"Type": SSM, "Default": NAME}, NAME),
        ({"Type": SSM}, NAME),
        ({"Type": SSM, "Default": "/another"}, NAME),
    ],
)
def test_a_name_that_was_not_resolved_is_looked_up(declaration: dict[str, Any], value: str | None) -> None:
    assert value_of(declaration, value) == Pending(frozenset({SsmParameter(NAME)}))


def test_an_answer_replaces_the_pending_value() -> None:
    answers: dict[ExternalValue, Answer] = {SsmParameter(NAME): Known("a:1, b:2")}
    assert value_of({"Type": SSM}, NAME, answers=answers) == Known("a:1, b:2")
    for kind in ("List<String>", "CommaDelimitedList"):
        outcome = value_of({"Type": f"AWS::SSM::Parameter::Value<{kind}>"}, NAME, answers=answers)
        assert outcome == Known(["a:1", "b:2"])


def test_an_unknown_answer_keeps_its_reason() -> None:
    answer = Unknown("the SSM parameter does not exist", "Create it")
    assert value_of({"Type": SSM}, NAME, answers={SsmParameter(NAME): answer}) == answer


def test_an_answer_that_is_not_text_is_refused() -> None:
    outcome = value_of({"Type": SSM}, NAME, answers={SsmParameter(NAME): Known({"a": 1})})
    assert outcome == Unknown(
        "the value of the SSM parameter '/images/web' is neither text nor a list of texts", "set another value"
    )


def test_a_snippet_uses_only_the_values_that_the_configuration_lists() -> None:
    scope = Scope.of_snippet({"Image": "app:1", "Other": "hunter2"}, ("Image", "Absent"), region="", account_id="")
    assert evaluate({"Ref": "Image"}, scope) == Known("app:1")
    outcome = evaluate({"Fn::Sub": "app:${Other}"}, scope)
    assert isinstance(outcome, Unknown)
    assert "a snippet cannot use the parameter 'Other'" in outcome.reason
    assert "IMAGE_PINNER_SNIPPET_PARAMETERS" in outcome.help
    assert isinstance(evaluate({"Ref": "Absent"}, scope), Unknown)


def test_a_template_that_declares_nothing_uses_no_value() -> None:
    assert isinstance(evaluate({"Ref": "Image"}, Scope(values={"Image": "app:1"})), Unknown)


def test_a_value_that_a_template_does_not_declare_is_not_used() -> None:
    scope = Scope(parameters={"Tag": {"Type": "String"}}, values={"Image": "app:1"})
    assert isinstance(evaluate({"Ref": "Image"}, scope), Unknown)
