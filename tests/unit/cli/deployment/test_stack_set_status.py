"""What is told of a macro in the accounts of an organization."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from image_pinner.cli.deployment.stack_set_installing import install_everywhere
from image_pinner.cli.deployment.stack_set_reading import stack_set_status_of
from image_pinner.cli.deployment.stack_set_status import StackSetStatus
from image_pinner.cli.deployment.stack_set_targets import Targets
from image_pinner.core.errors import ConfigurationError
from unit.cli.deployment.answering_clients import Refusal, denied
from unit.cli.deployment.fake_stack_sets import FakeOrganization, FakeStackSets
from unit.cli.deployment.installations import REGION, Scene, code, request, template

REGIONS = (REGION, "us-east-1")
OTHER = "222233334444"
UNIT = "ou-abcd-12345678"


@pytest.fixture
def sets(aws: Scene) -> FakeStackSets:
    sets = FakeStackSets()
    sets.results = {(OTHER, region): ("SUCCEEDED", "") for region in REGIONS}
    aws.answers |= {"organizations": FakeOrganization().answer, "cloudformation": sets.answer}
    return sets


@pytest.fixture
def installed(aws: Scene, sets: FakeStackSets) -> FakeStackSets:
    wanted = request(parameters={"Pin": "All"})
    install_everywhere(aws.surroundings, "pinner", Targets(REGIONS, (UNIT,), ()), wanted)
    assert sets.stack_set is not None
    sets.stack_set["Status"] = "ACTIVE"
    return sets


def status(aws: Scene) -> StackSetStatus:
    return stack_set_status_of(aws.surroundings, REGION, "pinner", template())


def an_operation(identifier: str, day: int, **more: Any) -> dict[str, Any]:
    begun = datetime(2026, 1, day, tzinfo=UTC)
    return {"OperationId": identifier, "Action": "UPDATE", "Status": "SUCCEEDED", "CreationTimestamp": begun, **more}


def test_a_stack_set_that_is_not_there_says_how_to_get_one(aws: Scene, sets: FakeStackSets) -> None:
    del sets
    found = status(aws)
    assert not found.is_well
    assert list(found.lines("1")) == [
        f"{REGION}: no stack set pinner; image-pinner install --stack-set pinner --region {REGION} makes one"
    ]
    assert found.to_json()["status"] is None


def test_a_stack_set_of_something_else_has_no_status(aws: Scene, sets: FakeStackSets) -> None:
    sets.stack_set = {"StackSetName": "pinner", "Status": "ACTIVE"}
    with pytest.raises(ConfigurationError, match="was not made from ImagePinner's template"):
        status(aws)


def test_who_does_not_administer_the_organization_is_told_so(aws: Scene, installed: FakeStackSets) -> None:
    words = "Account used is not a delegated administrator"
    installed.refusals["DescribeStackSet"] = Refusal("ValidationError", words)
    with pytest.raises(ConfigurationError, match="is neither in the organization's management account"):
        status(aws)


def test_what_cannot_be_found_out_does_not_hide_the_rest(aws: Scene, installed: FakeStackSets) -> None:
    for name in ("ListStackInstances", "ListStackSetOperations"):
        installed.refusals[name] = denied(f"cloudformation:{name}")
    found = status(aws)
    assert not found.is_well
    assert found.version == "1.2.3"
    assert ["cloudformation:List" in one for one in found.unknown] == [True, True]
    assert "  no stack of it is known" in found.lines("1")
    assert any(line.startswith("  unknown: ") for line in found.lines("1"))


def test_a_stack_that_is_behind_is_told_with_its_reason(aws: Scene, installed: FakeStackSets) -> None:
    installed.instances = [
        {"Account": OTHER, "Region": REGION, "Status": "CURRENT", "DriftStatus": "DRIFTED"},
        {
            "Account": OTHER,
            "Region": "us-east-1",
            "Status": "OUTDATED",
            "StatusReason": "denied by a boundary",
            "StackInstanceStatus": {"DetailedStatus": "FAILED"},
        },
    ]
    found = status(aws)
    assert not found.is_well
    assert [one.region for one in found.behind] == ["us-east-1"]
    lines = list(found.lines("1"))
    assert "  WARNING: 1 of 2 stacks are not current" in lines
    assert f"  {OTHER} {REGION}: CURRENT, changed by somebody" in lines
    assert f"  {OTHER} us-east-1: OUTDATED (FAILED): denied by a boundary" in lines
    told = found.to_json()
    assert (told["not_current"], told["instances"][1]["detailed_status"]) == (1, "FAILED")


def test_the_last_operation_is_told_with_what_failed_in_it(aws: Scene, installed: FakeStackSets) -> None:
    installed.operations = [
        an_operation("old", 1),
        an_operation("new", 3, Status="FAILED", StatusReason="too many failed"),
        an_operation("older", 2),
    ]
    installed.results = {(OTHER, REGION): ("SUCCEEDED", ""), (OTHER, "us-east-1"): ("FAILED", "no bucket")}
    found = status(aws)
    assert installed.given_to("ListStackSetOperationResults")["OperationId"] == "new"
    lines = list(found.lines("1"))
    assert lines[-2:] == [
        "  last operation UPDATE of 2026-01-03T00:00:00+00:00: FAILED: too many failed",
        f"    FAILED     {OTHER} us-east-1: no bucket",
    ]
    failed = found.to_json()["last_operation"]["failed"]
    assert failed == [{"account": OTHER, "region": "us-east-1", "status": "FAILED", "reason": "no bucket"}]


def test_all_is_told_of_a_stack_set_that_works(aws: Scene, installed: FakeStackSets) -> None:
    installed.operations = [an_operation("op", 1)]
    found = status(aws)
    assert found.is_well
    assert (found.version, found.macro, found.code_key) == ("1.2.3", "ImagePinner", code().key)
    assert found.configuration == {"Pin": "All"}
    lines = list(found.lines("9.9"))
    assert lines[:2] == [
        f"{REGION}: stack set pinner is ACTIVE",
        "  macro ImagePinner, ImagePinner 1.2.3, this command is 9.9",
    ]
    assert {f"  code {code().key}", f"  revision {found.revision}", "  Pin = All", "  all 2 stacks are current"} <= {
        *lines
    }
    assert len(found.revision) == 12
    assert json.loads(json.dumps(found.to_json()))["last_operation"]["failed"] == []


def test_a_delegated_administrator_asks_as_one(aws: Scene, installed: FakeStackSets) -> None:
    aws.answers["organizations"] = FakeOrganization("999988887777").answer
    assert status(aws).is_well
    assert installed.given_to("ListStackInstances")["CallAs"] == "DELEGATED_ADMIN"


def test_a_stack_set_without_stacks_or_operations_is_not_well(aws: Scene, installed: FakeStackSets) -> None:
    installed.instances = []
    found = status(aws)
    assert (found.is_well, found.last_operation) == (False, None)
    assert found.to_json()["last_operation"] is None
