"""Taking the macro away from the accounts of an organization: not unasked, and nothing of others with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from image_pinner.cli.deployment.requests import Outcome
from image_pinner.cli.deployment.stack_set_installing import install_everywhere
from image_pinner.cli.deployment.stack_set_operations import PREFERENCES
from image_pinner.cli.deployment.stack_set_removing import uninstall_everywhere
from image_pinner.cli.deployment.stack_set_targets import Targets
from image_pinner.cli.deployment.uninstalling import Removal, StillNeeded
from image_pinner.core.errors import ConfigurationError, SourceError
from unit.cli.deployment.answering_clients import ACCOUNT, Refusal, denied
from unit.cli.deployment.fake_stack_sets import FakeOrganization, FakeStackSets
from unit.cli.deployment.installations import CALLER, REGION, Scene, request

REGIONS = (REGION, "us-east-1")
OTHERS = ("222233334444", "333344445555")
UNIT = "ou-abcd-12345678"
BUCKETS = [f"image-pinner-{ACCOUNT}-{region}" for region in REGIONS]


@pytest.fixture
def sets(aws: Scene) -> FakeStackSets:
    """Give an organization in whose accounts the macro is installed."""
    sets = FakeStackSets()
    sets.results = {(account, region): ("SUCCEEDED", "") for account in OTHERS for region in REGIONS}
    aws.answers |= {"organizations": FakeOrganization().answer, "cloudformation": sets.answer}
    install_everywhere(aws.surroundings, "pinner", Targets(REGIONS, (UNIT,), ()), request())
    sets.asked.clear()
    aws.told.lines.clear()
    aws.told.questions.clear()
    return sets


def remove(aws: Scene, *, even_if_used: bool = True, **more: Any) -> Outcome:
    return uninstall_everywhere(aws.surroundings, REGION, Removal("pinner", even_if_used, **more))


def an_operation(status: str) -> dict[str, Any]:
    begun = datetime(2026, 1, 2, tzinfo=UTC)
    return {"OperationId": "op-9", "Action": "UPDATE", "Status": status, "CreationTimestamp": begun}


def test_templates_of_other_accounts_might_name_the_macro(aws: Scene, sets: FakeStackSets) -> None:
    with pytest.raises(StillNeeded) as caught:
        remove(aws, even_if_used=False)
    assert caught.value.cause == (
        "whether templates name the macro ImagePinner is not known: the stack set pinner reaches other accounts, and"
        " their templates cannot be read from here"
    )
    assert "--even-if-used" in caught.value.help
    assert f"  {OTHERS[0]} {REGION}: CURRENT" in aws.told.lines
    assert sets.changes() == []


def test_a_stack_set_that_is_not_there_is_told(aws: Scene, sets: FakeStackSets) -> None:
    sets.stack_set = None
    with pytest.raises(ConfigurationError, match=f"there is no stack set pinner in {REGION}"):
        remove(aws)


def test_a_stack_set_of_something_else_is_left_as_it_is(aws: Scene, sets: FakeStackSets) -> None:
    sets.stack_set = {"StackSetName": "pinner", "Parameters": [{"ParameterKey": "Vpc", "ParameterValue": "x"}]}
    with pytest.raises(ConfigurationError, match="was not made from ImagePinner's template"):
        remove(aws)
    assert sets.changes() == []


def test_a_stack_set_with_roles_of_the_users_is_left_to_them(aws: Scene, sets: FakeStackSets) -> None:
    assert sets.stack_set is not None
    sets.stack_set["PermissionModel"] = "SELF_MANAGED"
    with pytest.raises(ConfigurationError, match="has permissions of your own"):
        remove(aws)
    assert sets.changes() == []


@pytest.mark.parametrize(
    "words",
    [
        "You must be the management account or delegated admin account of an organization before operating a stack set",
        "Account used is not a delegated administrator",
    ],
)
def test_who_does_not_administer_the_organization_is_told_so(aws: Scene, sets: FakeStackSets, words: str) -> None:
    sets.refusals["DescribeStackSet"] = Refusal("ValidationError", words)
    with pytest.raises(ConfigurationError) as caught:
        remove(aws)
    assert caught.value.cause == (
        f"{CALLER} is neither in the organization's management account nor in a delegated administrator of stack sets,"
        " and only those see the stack set pinner"
    )
    assert "register-delegated-administrator" in caught.value.help


def test_an_organization_without_access_for_stack_sets_is_told(aws: Scene, sets: FakeStackSets) -> None:
    words = "You must enable organizations access to operate a service managed stack set"
    sets.refusals["ListStackInstances"] = Refusal("ValidationError", words)
    with pytest.raises(ConfigurationError, match="CloudFormation has no access to the organization") as caught:
        remove(aws)
    assert "activate-organizations-access" in caught.value.help


def test_a_refusal_of_another_kind_keeps_its_own_words(aws: Scene, sets: FakeStackSets) -> None:
    sets.refusals["DeleteStackInstances"] = denied("cloudformation:DeleteStackInstances")
    with pytest.raises(SourceError, match=f"{CALLER} may not cloudformation:DeleteStackInstances"):
        remove(aws)


@pytest.mark.parametrize("state", ["RUNNING", "QUEUED", "STOPPING"])
def test_a_stack_set_that_somebody_changes_is_left(aws: Scene, sets: FakeStackSets, state: str) -> None:
    sets.operations = [an_operation(state)]
    with pytest.raises(SourceError, match=f"is being changed by somebody else: UPDATE of 2026-01-02.*{state}"):
        remove(aws)
    assert sets.changes() == []


def test_an_operation_that_somebody_begins_in_the_meantime_is_told(aws: Scene, sets: FakeStackSets) -> None:
    sets.refusals["DeleteStackInstances"] = Refusal("OperationInProgressException", "Another Operation", 409)
    with pytest.raises(SourceError, match="the stack set pinner is being changed by somebody else"):
        remove(aws)
    assert sets.stack_set is not None


@pytest.mark.parametrize("agreeing", [True, False])
def test_who_only_looks_or_does_not_agree_keeps_all(aws: Scene, sets: FakeStackSets, agreeing: bool) -> None:  # noqa: FBT001
    aws.told.agreeing = agreeing
    outcome = remove(aws, dry_run=agreeing, delete_bucket=True)
    assert outcome is (Outcome.SHOWN if agreeing else Outcome.DECLINED)
    assert (sets.changes(), sorted(aws.s3.buckets)) == ([], BUCKETS)
    what = f"the stack set pinner with 4 stacks of the macro ImagePinner and what is ours in {', '.join(BUCKETS)}"
    assert f"{REGION}: {what} would be deleted" in aws.told.lines or aws.told.questions == [f"Delete {what}?"]


def test_what_could_not_be_deleted_is_told_and_the_set_and_the_code_stay(aws: Scene, sets: FakeStackSets) -> None:
    sets.results[OTHERS[1], "us-east-1"] = ("FAILED", "Cannot delete a policy attached to entities")
    sets.instances = [
        {"Account": account, "Region": region, "Status": "CURRENT", "OrganizationalUnitId": UNIT}
        for account in OTHERS
        for region in REGIONS
    ]
    with pytest.raises(SourceError) as caught:
        remove(aws, delete_bucket=True)
    assert caught.value.cause == (
        f"the stacks of the stack set pinner could not be deleted in 1 place, first in {OTHERS[1]} us-east-1:"
        " Cannot delete a policy attached to entities"
    )
    assert f"  FAILED     {OTHERS[1]} us-east-1: Cannot delete a policy attached to entities" in aws.told.lines
    assert sets.changes() == ["DeleteStackInstances"]
    assert sorted(aws.s3.buckets) == BUCKETS


def test_a_stack_that_came_in_the_meantime_keeps_the_set(aws: Scene, sets: FakeStackSets) -> None:
    sets.refusals["DeleteStackSet"] = Refusal("StackSetNotEmptyException", "StackSet is not empty", 409)
    with pytest.raises(SourceError, match="has got new stacks while its others were deleted"):
        remove(aws)
    assert sets.stack_set is not None


def test_a_bucket_that_cannot_go_does_not_keep_the_others(aws: Scene, sets: FakeStackSets) -> None:
    aws.s3.buckets[BUCKETS[0]].owner = "999988887777"
    with pytest.raises(SourceError, match=f"the code is still in {BUCKETS[0]}$"):
        remove(aws, delete_bucket=True)
    assert sorted(aws.s3.buckets) == BUCKETS[:1]
    assert sets.stack_set is None


def test_the_stacks_go_everywhere_then_the_set_and_the_buckets_stay(aws: Scene, sets: FakeStackSets) -> None:
    assert remove(aws) is Outcome.DONE
    assert sets.changes() == ["DeleteStackInstances", "DeleteStackSet"]
    given = sets.given_to("DeleteStackInstances")
    assert (given["DeploymentTargets"], given["Regions"]) == ({"OrganizationalUnitIds": [UNIT]}, list(REGIONS))
    assert (given["OperationPreferences"], given["CallAs"]) == (PREFERENCES, "SELF")
    assert aws.told.questions == ["Delete the stack set pinner with 4 stacks of the macro ImagePinner?"]
    assert f"  SUCCEEDED  {OTHERS[0]} {REGION}" in aws.told.lines
    assert sorted(aws.s3.buckets) == BUCKETS


def test_the_bucket_of_each_region_goes_unless_others_keep_something_in_it(aws: Scene, sets: FakeStackSets) -> None:
    aws.s3.buckets[BUCKETS[1]].put("theirs", b"1")
    assert remove(aws, delete_bucket=True) is Outcome.DONE
    assert sets.stack_set is None
    assert list(aws.s3.buckets) == BUCKETS[1:]
    assert list(aws.s3.buckets[BUCKETS[1]].objects) == ["theirs"]


def test_units_with_other_regions_have_their_own_operation(aws: Scene, sets: FakeStackSets) -> None:
    assert sets.stack_set is not None
    sets.stack_set |= {"OrganizationalUnitIds": ["ou-1", "ou-2"], "Regions": [REGION]}
    sets.instances = [
        {"Account": OTHERS[0], "Region": REGION, "Status": "CURRENT", "OrganizationalUnitId": "ou-1"},
        {"Account": OTHERS[1], "Region": "us-east-1", "Status": "CURRENT", "OrganizationalUnitId": "ou-3"},
    ]
    remove(aws)
    asked = [given for name, given in sets.asked if name == "DeleteStackInstances"]
    assert [(one["DeploymentTargets"]["OrganizationalUnitIds"], one["Regions"]) for one in asked] == [
        (["ou-1", "ou-2"], [REGION]),
        (["ou-3"], ["us-east-1"]),
    ]


def test_a_stack_of_which_no_unit_is_told_is_reached_by_the_root(aws: Scene, sets: FakeStackSets) -> None:
    assert sets.stack_set is not None
    sets.stack_set |= {"OrganizationalUnitIds": [], "Regions": []}
    sets.instances = [{"Account": OTHERS[0], "Region": REGION, "Status": "INOPERABLE"}]
    assert remove(aws) is Outcome.DONE
    assert sets.given_to("DeleteStackInstances")["DeploymentTargets"] == {"OrganizationalUnitIds": ["r-abcd"]}


def test_a_stack_set_without_stacks_needs_no_more_than_a_yes(aws: Scene, sets: FakeStackSets) -> None:
    assert sets.stack_set is not None
    sets.stack_set |= {"OrganizationalUnitIds": [], "Regions": []}
    sets.instances = []
    assert remove(aws, even_if_used=False, delete_bucket=True) is Outcome.DONE
    assert sets.changes() == ["DeleteStackSet"]
    assert f"look for image-pinner-{ACCOUNT}-REGION yourself" in aws.told.text


def test_a_bucket_that_all_regions_share_is_that_of_the_home_region(aws: Scene, sets: FakeStackSets) -> None:
    assert sets.stack_set is not None
    values = {"CodeBucket": BUCKETS[0], "CodeKey": "k", "CodeBucketPerRegion": "false", "MacroName": "Mine"}
    sets.stack_set["Parameters"] = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
    assert remove(aws, delete_bucket=True) is Outcome.DONE
    assert list(aws.s3.buckets) == BUCKETS[1:]
    assert "the macro Mine with it" in aws.told.text
