from __future__ import annotations

from dataclasses import replace

import pytest

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, StackExport
from image_pinner.core.template.traversal import ConditionGuard, deployment_status

STAGE = StackExport("stage")
SCOPE = Scope(
    ssm_names=True,
    conditions={
        "Yes": {"Fn::Equals": ["a", "a"]},
        "No": {"Fn::Equals": ["a", "b"]},
        "Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "a"]},
        "Asked": {"Fn::Equals": [{"Fn::ImportValue": "stage"}, "prod"]},
    },
)


def guards(*written: str) -> tuple[ConditionGuard, ...]:
    return tuple(ConditionGuard(name.removeprefix("not "), expected=not name.startswith("not ")) for name in written)


@pytest.mark.parametrize(
    "conditions", [["No"], ["not Yes"], ["Yes", "No"], ["Open", "No"], ["Asked", "No"], ["Nope", "No"]]
)
def test_one_false_condition_excludes_a_property(conditions: list[str]) -> None:
    assert deployment_status(guards(*conditions), SCOPE) is False


@pytest.mark.parametrize("conditions", [["Open"], ["Yes", "Open"], ["Nope"]])
def test_an_undecided_condition_is_neither_true_nor_false(conditions: list[str]) -> None:
    assert deployment_status(guards(*conditions), SCOPE) is None


def test_a_condition_is_looked_up_and_then_decided() -> None:
    assert deployment_status(guards("Yes", "Asked", "Open"), SCOPE) == frozenset({STAGE})
    resolved = SCOPE.with_answers({STAGE: Known("prod")})
    assert deployment_status(guards("Asked"), resolved) is True
    assert deployment_status(guards("not Asked"), resolved) is False


def test_a_value_that_looks_like_a_name_in_an_event_decides_no_condition() -> None:
    event = replace(SCOPE, ssm_names=False)
    for scope in (event, event.with_answers({STAGE: Known("prod")})):
        assert deployment_status(guards("not Asked"), scope) is None


@pytest.mark.parametrize("conditions", [[], ["Yes"], ["Yes", "not No"]])
def test_without_a_false_condition_a_property_is_deployed(conditions: list[str]) -> None:
    assert deployment_status(guards(*conditions), SCOPE) is True


def test_a_condition_can_be_written_where_it_is_used() -> None:
    assert deployment_status((ConditionGuard({"Fn::Equals": ["a", "a"]}, expected=True),), SCOPE) is True
    assert deployment_status((ConditionGuard(5, expected=True),), SCOPE) is None
