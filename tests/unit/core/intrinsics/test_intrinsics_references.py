"""`Ref`, `Fn::GetAtt` and `Fn::ImportValue`."""

from __future__ import annotations

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, NoValue, Outcome, Pending, StackExport, Unknown

SCOPE = Scope(
    parameters={
        "Which": {"Type": "String", "Default": "Tag"},
        "Tag": {"Type": "String", "Default": "v1"},
        "Env": {"Type": "String"},
    },
    region="eu-central-1",
    account_id="123456789012",
)


@pytest.mark.parametrize("name", ["Nowhere", "", "tag", "AWS::Nothing", "AWS::"])
def test_an_undeclared_name_is_named(name: str) -> None:
    outcome = evaluate({"Ref": name}, SCOPE)
    assert isinstance(outcome, Unknown)
    assert name in outcome.reason
    assert outcome.help


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS::Region", "eu-central-1"),
        ("AWS::AccountId", "123456789012"),
        ("AWS::Partition", "aws"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ],
)
def test_pseudo_parameters_come_from_the_scope(name: str, value: str) -> None:
    assert evaluate({"Ref": name}, SCOPE) == Known(value)


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [("cn-north-1", "aws-cn", "amazonaws.com.cn"), ("us-gov-west-1", "aws-us-gov", "amazonaws.com")],
)
def test_the_region_determines_the_partition(region: str, partition: str, suffix: str) -> None:
    scope = Scope(region=region)
    assert evaluate({"Fn::Sub": "${AWS::Partition} ${AWS::URLSuffix}"}, scope) == Known(f"{partition} {suffix}")


@pytest.mark.parametrize("name", ["AWS::Region", "AWS::Partition", "AWS::URLSuffix"])
def test_a_missing_region_is_named(name: str) -> None:
    assert evaluate({"Ref": name}, Scope()) == Unknown("the AWS region is unknown", "set the AWS region", missing=True)


def test_a_missing_account_is_named() -> None:
    assert evaluate({"Ref": "AWS::AccountId"}, Scope()) == Unknown(
        "the AWS account ID is unknown", "set the AWS account ID", missing=True
    )


def test_a_region_of_no_partition_is_named() -> None:
    outcome = evaluate({"Ref": "AWS::URLSuffix"}, Scope(region="mars"))
    assert isinstance(outcome, Unknown)
    assert "'mars'" in outcome.reason


@pytest.mark.parametrize("name", ["AWS::StackName", "AWS::StackId", "AWS::NotificationARNs"])
def test_pseudo_parameters_of_the_stack_are_unknown(name: str) -> None:
    outcome = evaluate({"Ref": name}, SCOPE)
    assert isinstance(outcome, Unknown)
    assert name in outcome.reason


def test_the_pseudo_parameter_no_value() -> None:
    assert evaluate({"Ref": "AWS::NoValue"}, Scope()) == NoValue()


@pytest.mark.parametrize("name", [None, [], {}, ["Tag"]])
def test_a_ref_without_a_name_is_refused(name: object) -> None:
    outcome = evaluate({"Ref": name}, SCOPE)
    assert isinstance(outcome, Unknown)
    assert outcome.reason.startswith("the name in a Ref must be text")


def test_the_name_in_a_ref_may_be_an_expression() -> None:
    assert evaluate({"Ref": {"Ref": "Which"}}, SCOPE) == Known("v1")
    assert evaluate({"Ref": {"Fn::Sub": "T${Letter}g"}}, SCOPE.with_loop("Letter", Known("a"))) == Known("v1")


def test_a_partly_known_name_has_no_known_value() -> None:
    for function in ("Ref", "Fn::ImportValue", "Fn::GetAtt"):
        outcome = evaluate({function: {"Fn::Sub": "Repo-${Env}"}}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.prefix == ""


@pytest.mark.parametrize(
    "argument", [None, [], ["Repo"], ["Repo", "Arn", "more"], {"a": 1}, [[], "Arn"], ["Repo", None], 5]
)
def test_an_invalid_get_att_is_refused(argument: object) -> None:
    scope = Scope(resources={"Repo": {"Type": "AWS::ECR::Repository"}})
    outcome = evaluate({"Fn::GetAtt": argument}, scope)
    assert isinstance(outcome, Unknown)
    assert "Fn::GetAtt" in outcome.reason


def test_an_export_is_looked_up() -> None:
    expression = {"Fn::ImportValue": {"Fn::Sub": "${Tag}-uri"}}
    assert evaluate(expression, SCOPE) == Pending(frozenset({StackExport("v1-uri")}))


@pytest.mark.parametrize("answer", [Known("repo/app"), Unknown("there is no such export", "check its name")])
def test_the_answer_to_an_export_is_used(answer: Outcome) -> None:
    assert isinstance(answer, Known | Unknown)
    scope = SCOPE.with_answers({StackExport("Repo"): answer})
    assert evaluate({"Fn::ImportValue": "Repo"}, scope) == answer


def test_an_export_without_a_name_is_refused() -> None:
    assert evaluate({"Fn::ImportValue": ["a"]}, SCOPE) == Unknown(
        "the name in Fn::ImportValue must be text, got a list", "use a text value"
    )
