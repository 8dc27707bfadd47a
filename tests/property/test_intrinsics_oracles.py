"""Two other evaluators agree, on generated expressions and on those of real templates.

cloud-radar evaluates what is fully known; its differences from CloudFormation:

- it does not know repositories: `Ref` returns the logical name, `Fn::GetAtt` the name and the attribute;
- it evaluates both branches of an `Fn::If` and all conditions, needed or not, raises if one cannot be evaluated, and
  requests availability zones from the network;
- it takes the names of conditions only, and an index only as a number;
- it joins texts only, no numbers and booleans, and finds no key of a mapping that YAML reads as a number;
- it writes booleans as Python does, and considers them different from text;
- it returns the value of an SSM parameter as text even if the type is a list;
- it does not strip the items of a list, and knows `AWS::NoValue` as an empty text.

cfn-lint yields every value that is possible with the parameters' defaults and allowed values, or none where it does
not know. Unlike CloudFormation, it writes booleans as Python does, does not evaluate inside mappings and lists, leaves
`${!Name}` as it is, stops after some values, and takes the default of an SSM parameter for its value.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.intrinsics import evaluate, evaluate_condition
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known, SsmParameter, text_of
from property.intrinsic_corpus import corpus, expressions_in
from property.intrinsic_strategies import (
    ACCOUNT,
    CONDITIONS,
    REGION,
    TEMPLATE,
    conditions,
    scope_with,
    texts,
)
from support.sampling import ALL_TESTS, examples

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    cloud_radar = pytest.importorskip("cloud_radar.cf.unit")
    lint_template = pytest.importorskip("cfnlint.template")
    lint_schema = pytest.importorskip("cfnlint.jsonschema")

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs: both use what will be removed from Python
KNOWN_EXPRESSIONS = texts(3, open_ends=False)
KNOWN_CONDITIONS = conditions(open_ends=False)


class CloudRadar:
    """cloud-radar on one template, given parameters without a default, and SSM parameters by name."""

    def __init__(
        self, template: dict[str, Any], values: dict[str, str] | None = None, stored: dict[str, str] | None = None
    ) -> None:
        parameters = {
            name: {"Type": declaration["Type"], "Value": text_of((values or {}).get(name, declaration.get("Default")))}
            for name, declaration in template.get("Parameters", {}).items()
        }
        content = {
            "Metadata": {"Cloud-Radar": {"Region": REGION}},
            "Parameters": parameters,
            "Mappings": template.get("Mappings", {}),
            "Resources": template["Resources"],
            "Conditions": json.loads(json.dumps(template.get("Conditions", {})), object_hook=_with_texts),
        }
        with contextlib.redirect_stdout(io.StringIO()):
            self._template = cloud_radar.Template({"Transform": "AWS::LanguageExtensions"}, {}, {"ssm": stored or {}})
        self._template.template = content  # not through the constructor, which writes it as YAML, taking its time
        self._template.AccountId = ACCOUNT
        for name, condition in content["Conditions"].items():
            with contextlib.suppress(TypeError):  # an index that is not a number
                content["Conditions"][name] = self.evaluate(condition)
        self.conditions = content["Conditions"]

    def evaluate(self, expression: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            return self._template.resolve_values(copy.deepcopy(expression))


def _with_texts(node: dict[str, Any]) -> dict[str, Any]:
    if "Fn::Equals" in node:
        node["Fn::Equals"] = [text_of(side) or side for side in node["Fn::Equals"]]
    return node


def lint_of(template: dict[str, Any]) -> Any:
    """Return the validator with which cfn-lint evaluates the expressions of a template."""
    content = lint_template.Template("", template, [REGION])
    return lint_schema.CfnTemplateValidator({}).evolve(context=content.context, cfn=content)


def possible_values(validator: Any, expression: Any) -> list[Any]:
    """Return the values that cfn-lint considers possible; none if it does not know."""
    try:
        return [value for value, _, error in validator.resolve_value(copy.deepcopy(expression)) if error is None]
    except TypeError:  # it keeps conditions in sets, and an inline one cannot be in a set
        return []


@examples(200)
@given(KNOWN_EXPRESSIONS, KNOWN_CONDITIONS)
def test_cloud_radar_agrees_on_what_is_known(expression: Any, section: dict[str, Any]) -> None:
    outcome = evaluate(expression, scope_with(section))
    try:
        other = CloudRadar({**TEMPLATE, "Conditions": section}).evaluate(expression)
    except IndexError:  # also in what is not needed
        return
    assert outcome == Known(other)


# Plain ones: cfn-lint hands them to a solver, which takes minutes for some of the others.
PLAIN_CONDITIONS = st.fixed_dictionaries(
    dict.fromkeys(
        CONDITIONS,
        st.sampled_from([("Stage", "prod"), ("Stage", "dev"), ("Empty", ""), ("Tag", "v1")]).map(
            lambda pair: {"Fn::Equals": [{"Ref": pair[0]}, pair[1]]}
        ),
    )
)


@examples(300)
@given(texts(2, open_ends=False), PLAIN_CONDITIONS)
def test_cfn_lint_holds_possible_what_is_known(expression: Any, section: dict[str, Any]) -> None:
    outcome = evaluate(expression, scope_with(section))
    possible = possible_values(lint_of({**TEMPLATE, "Conditions": section}), expression)
    if isinstance(outcome, Known) and possible and "${!" not in json.dumps(expression):
        assert outcome.value in possible


def at_least(number: int) -> int:
    """Return how many comparisons a test of the corpus makes; a sample of it makes a tenth of them or more."""
    return number if ALL_TESTS else number // 10


@pytest.mark.corpus
def test_the_index_of_the_corpus_agrees() -> None:
    compared = 0
    for template in corpus():
        scope = Scope.of_template(template.content, {}, region=REGION, account_id=ACCOUNT, ssm_names=True)
        for image in template.images:
            outcome = evaluate(image["value"], scope)
            if "resolved_with_defaults" in image:
                assert outcome == Known(image["resolved_with_defaults"]), template.name
                compared += 1
            else:
                assert not isinstance(outcome, Known), template.name
    assert compared > at_least(500)


def _without_secrets(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template without NoEcho, which both evaluators ignore."""
    parameters = {
        name: {key: value for key, value in declaration.items() if key != "NoEcho"}
        for name, declaration in template.get("Parameters", {}).items()
    }
    return {**template, "Parameters": parameters}


def _values(template: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    values, stored = {}, {}
    for number, (name, declaration) in enumerate(template.get("Parameters", {}).items()):
        if "Default" not in declaration:
            values[name] = str(number) if declaration["Type"] == "Number" else f"value{number}"
        if declaration["Type"].startswith("AWS::SSM::Parameter::Value"):
            stored[values.get(name, declaration.get("Default", ""))] = f"stored{number}"
    return values, stored


def _differs_from_cloud_radar(expression: Any, template: dict[str, Any]) -> bool:
    """Return whether one of the differences listed above concerns an expression; they are rare in real templates."""
    text = json.dumps(expression)
    repositories = [
        name
        for name, resource in template["Resources"].items()
        if isinstance(resource, dict) and resource.get("Type") == "AWS::ECR::Repository"
    ]
    stored_lists = [
        name
        for name, declaration in template.get("Parameters", {}).items()
        if declaration["Type"].startswith("AWS::SSM::Parameter::Value<") and "List" in declaration["Type"]
    ]
    return (
        any(name in text for name in (*repositories, *stored_lists))
        or '{"Fn::If": [{' in text
        or ('"Fn::If"' in text and ('"Fn::ImportValue"' in text or '"Fn::GetAZs"' in text))
        or '"Fn::Select": ["' in text
        or ('"Fn::FindInMap"' in text and _has_numbers(template.get("Mappings", {})))
    )


def _has_numbers(mappings: Any) -> bool:
    if isinstance(mappings, dict):
        return any(not isinstance(key, str) or _has_numbers(value) for key, value in mappings.items())
    return isinstance(mappings, int | float)


@pytest.mark.corpus
def test_cloud_radar_agrees_on_real_expressions() -> None:
    compared = left_out = 0
    for template in corpus():
        content = _without_secrets(template.content)
        values, stored = _values(content)
        answers: dict[ExternalValue, Answer] = {SsmParameter(name): Known(value) for name, value in stored.items()}
        scope = Scope.of_template(content, values, region=REGION, account_id=ACCOUNT, ssm_names=True)
        scope = scope.with_answers(answers)
        other = CloudRadar(content, values, stored)
        for name, truth in other.conditions.items():
            outcome = evaluate_condition(name, scope)
            if isinstance(truth, bool):
                assert outcome == Known(truth), (template.name, name)
        for expression in expressions_in(content["Resources"]):
            outcome = evaluate(expression, scope)
            if isinstance(outcome, Known):
                if _differs_from_cloud_radar(expression, content):
                    left_out += 1
                else:
                    assert other.evaluate(expression) == outcome.value, (template.name, expression)
                    compared += 1
    assert compared > at_least(6000)
    assert left_out < compared / 20


@pytest.mark.corpus
def test_real_expressions_evaluate_to_what_cfn_lint_considers_possible() -> None:
    compared = 0
    for template in corpus():
        content = _without_secrets(template.content)
        scope = Scope.of_template(content, {}, region=REGION, account_id=ACCOUNT, ssm_names=True)
        lint = lint_of(content)
        distinct = {json.dumps(each): each for each in expressions_in(content["Resources"])}
        for text, expression in distinct.items():
            outcome = evaluate(expression, scope)
            if isinstance(outcome, Known) and isinstance(outcome.value, str):
                possible = [_as_cloudformation(value) for value in possible_values(lint, expression)]
                assert not possible or outcome.value in possible, (template.name, text)
                compared += bool(possible)
    assert compared > at_least(1500)


def _as_cloudformation(value: Any) -> Any:
    return {"True": "true", "False": "false"}.get(value, value) if isinstance(value, str) else text_of(value)
