"""Templates that the service rejects before a macro runs are rejected here too."""

from __future__ import annotations

import pytest

from e2e.engine.environment import ROOT
from e2e.service_facts import MAX_BODY, MAX_TEMPLATE, parsed, refusal

TEMPLATE = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"


def _image(value: str, top: str = "") -> str:
    return f"{top}Resources:\n  Task:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      Image: {value}\n"


def _transform(parameters: str) -> str:
    return f"Transform: {{Name: ImagePinner, Parameters: {parameters}}}\n{TEMPLATE}"


@pytest.mark.parametrize("value", ["!PinDigest repo:1", "!PinDigest {Image: repo:1}", "!Length [1]", "!sub repo"])
def test_a_tag_that_the_service_does_not_know_is_rejected(value: str) -> None:
    assert (
        refusal(_image(value))
        == f"Template format error: the tag {value.partition(' ')[0]} in line 5 is none of the service's"
    )


@pytest.mark.parametrize("value", ["{Fn::PinDigest: repo:1}", "{'Fn::Sub ': repo:1}"])
def test_a_function_that_the_service_does_not_know_is_rejected(value: str) -> None:
    assert "Encountered unsupported function: Fn::" in refusal(_image(value))


def test_a_function_in_json_is_rejected_too() -> None:
    assert "Encountered unsupported function" in refusal('{"Resources": {"A": {"Fn::PinDigest": "repo:1"}}}')


def test_a_body_is_smaller_than_what_lies_in_a_bucket() -> None:
    large = TEMPLATE + "#" * (MAX_BODY + 1 - len(TEMPLATE))
    assert "less than or equal to 51200" in refusal(large)
    assert refusal(large[:-1]) == ""
    assert refusal(large, by_url=True) == ""
    assert "may not exceed" in refusal(TEMPLATE + "#" * MAX_TEMPLATE, by_url=True)


def test_size_is_counted_in_bytes() -> None:
    assert refusal(TEMPLATE + "#" + "é" * (MAX_BODY // 2)) != ""


def test_too_many_resources_and_parameters_are_rejected() -> None:
    resources = "Resources:\n" + "".join(f"  A{number}: {{Type: AWS::SNS::Topic}}\n" for number in range(501))
    assert "resources exceeds 500" in refusal(resources)
    parameters = "Parameters:\n" + "".join(f"  A{number}: {{Type: String}}\n" for number in range(201))
    assert "parameters exceeds 200" in refusal(parameters + TEMPLATE)


@pytest.mark.parametrize(
    "parameters",
    ["{Pin: {Only: web}}", "{Pin: [{Name: web}]}", "{Pin: [[web]]}", "{Pin: {'Fn::ImportValue': x}}", "{Pin: null}"],
)
def test_parameters_of_a_macro_are_flat(parameters: str) -> None:
    assert "must resolve to a string, number, boolean or a list of any of these" in refusal(_transform(parameters))


@pytest.mark.parametrize("parameters", ["{Pin: All}", "{Pin: [web, 1, true]}", "{Pin: !Ref X}", "{Pin: [!Sub '${X}']}"])
def test_flat_parameters_pass(parameters: str) -> None:
    assert refusal(_transform(parameters)) == ""


def test_parameters_of_a_snippet_are_flat_too() -> None:
    snippet = "{'Fn::Transform': {Name: ImagePinner, Parameters: {Image: {Name: repo}}}}"
    assert "The value of parameter Image under transform ImagePinner" in refusal(_image(snippet))


@pytest.mark.parametrize(
    "top", ["Transform: {Name: !Ref Macro}\n", "Transform: [{Parameters: {}}]\n", "Transform: [1]\n"]
)
def test_the_name_of_a_macro_is_a_text(top: str) -> None:
    assert refusal(top + TEMPLATE) == "Key Name of transform definition must be a string."


def test_an_empty_list_of_macros_is_rejected() -> None:
    assert "Transform" in refusal("Transform: []\n" + TEMPLATE)


def test_invalid_templates_are_rejected() -> None:
    assert "unsupported structure" in refusal("- a list")


@pytest.mark.parametrize("path", sorted((ROOT / "templates").glob("*.*")), ids=lambda path: path.name)
def test_the_templates_that_users_copy_pass(path: object) -> None:
    assert refusal(path.read_text("utf-8")) == ""


def test_short_forms_become_long() -> None:
    text = """
A: !GetAtt B.Arn.More
C: !Ref D
E: !Sub ["${F}", {F: !Ref G}]
When: 2012-10-17
H: !If [I, "!PinDigest a:1", b]
"""
    assert parsed(text) == {
        "A": {"Fn::GetAtt": ["B", "Arn.More"]},
        "C": {"Ref": "D"},
        "E": {"Fn::Sub": ["${F}", {"F": {"Ref": "G"}}]},
        "When": "2012-10-17",
        "H": {"Fn::If": ["I", "!PinDigest a:1", "b"]},
    }
