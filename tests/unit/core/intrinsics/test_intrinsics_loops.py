"""Loop variables of `Fn::ForEach`, in functions and in plain texts."""

from __future__ import annotations

import pytest

from image_pinner.core.intrinsics import evaluate, evaluate_condition
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Pending, StackExport, Unknown

SCOPE = Scope(
    parameters={"Tag": {"Type": "String", "Default": "1"}},
    conditions={"IsApi": {"Fn::Equals": ["a", "a"]}},
    resources={"RepoApi": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "api-repo"}}},
    account_id="123456789012",
    region="us-east-1",
).with_loop("Name", Known("Api"))
UNKNOWN = Unknown("the loop has several values", "Use a literal", "")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Name"}, "Api"),
        ("app/${Name}:1", "app/Api:1"),
        ("app/&{Name}:1", "app/Api:1"),
        ("app/${Other}:1", "app/${Other}:1"),
        ("no placeholder", "no placeholder"),
        ({"Fn::Sub": "${Name}-&{Name}:${Tag}"}, "Api-Api:1"),
        ({"Fn::Join": ["/", ["app", "${Name}"]]}, "app/Api"),
        ({"Ref": "Repo${Name}"}, "api-repo"),
        ({"Fn::GetAtt": ["Repo${Name}", "RepositoryUri"]}, "123456789012.dkr.ecr.us-east-1.amazonaws.com/api-repo"),
        ({"Fn::If": ["Is${Name}", "yes", "no"]}, "yes"),
        ({"Fn::Sub": "${!Name}"}, "${Name}"),
    ],
)
def test_a_known_loop_variable_is_replaced_everywhere(expression: object, value: str) -> None:
    assert evaluate(expression, SCOPE) == Known(value)


def test_the_second_form_keeps_letters_and_digits_only() -> None:
    scope = Scope().with_loop("Address", Known("10.0.0.0/16"))
    assert evaluate("net-&{Address}-${Address}", scope) == Known("net-1000016-10.0.0.0/16")


@pytest.mark.parametrize(
    "expression",
    ["!PinDigest app/${Name}:1", {"Fn::Sub": "!PinDigest app/${Name}:1"}, {"Fn::Sub": "!PinDigest app/&{Name}:1"}],
)
def test_an_unknown_loop_variable_leaves_the_prefix(expression: object) -> None:
    outcome = evaluate(expression, SCOPE.with_loop("Name", UNKNOWN))
    assert outcome == Unknown(UNKNOWN.reason, UNKNOWN.help, "!PinDigest app/")


def test_the_beginning_of_a_loop_variable_is_cleaned_as_well() -> None:
    pending = Pending(frozenset({StackExport("A")}), "a-b")
    assert evaluate("&{Name}", Scope().with_loop("Name", pending)) == Pending(pending.external_values, "ab")


def test_a_loop_variable_that_is_a_list_is_refused() -> None:
    outcome = evaluate("${Name}", Scope().with_loop("Name", Known(["a"])))
    assert outcome == Unknown("the loop variable 'Name' must be text, got a list", "use a text value")


def test_a_condition_named_by_an_unknown_loop_variable_is_unknown() -> None:
    assert evaluate_condition("Is${Name}", SCOPE.with_loop("Name", UNKNOWN)) == UNKNOWN


def test_a_variable_of_fn_sub_with_the_name_of_a_loop_variable_is_unknown() -> None:
    expression = {"Fn::Sub": ["app/${Name}:${Tag}", {"Name": "other"}]}
    outcome = evaluate(expression, SCOPE)
    assert outcome == Unknown("'Name' is a variable of Fn::Sub and of a loop", "rename one of them", "app/")
    assert evaluate(expression, Scope(parameters=SCOPE.parameters)) == Known("app/other:1")


@pytest.mark.parametrize("name", ["Tag", "RepoApi"])
@pytest.mark.parametrize("expression", [{"Ref": "{}"}, {"Fn::Sub": "${{{}}}"}, {"Fn::Sub": "${{ {} }}"}], ids=str)
def test_a_loop_variable_with_a_name_of_the_template_is_unknown(name: str, expression: dict[str, str]) -> None:
    ((function, text),) = expression.items()
    outcome = evaluate({function: text.format(name)}, SCOPE.with_loop(name, Known("good")))
    assert outcome == Unknown(f"{name!r} is a variable of a loop and a name of the template", "rename one of them")


@pytest.mark.parametrize("made", [{"${Name}": "evil"}, {"Fn::ForEach::L": ["X", ["Api"], {"${X}": "evil"}]}], ids=str)
def test_variables_of_fn_sub_that_a_loop_makes_are_refused(made: dict[str, object]) -> None:
    outcome = evaluate({"Fn::Sub": ["${Api}", {"Api": "good", **made}]}, SCOPE)
    assert isinstance(outcome, Unknown)
    assert outcome.reason.startswith("Fn::Sub has an invalid argument")
