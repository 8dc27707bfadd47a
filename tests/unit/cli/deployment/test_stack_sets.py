"""Installing into the accounts of an organization."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.cli.deployment.requests import Outcome
from image_pinner.cli.deployment.stack_set_installing import install_everywhere
from image_pinner.cli.deployment.stack_set_targets import Targets, checked_accounts
from image_pinner.core.errors import ConfigurationError, SourceError
from unit.cli.deployment.answering_clients import ACCOUNT, Refusal
from unit.cli.deployment.fake_stack_sets import FakeOrganization, FakeStackSets
from unit.cli.deployment.installations import Scene, code, request

REGIONS = ("eu-central-1", "us-east-1")
OTHERS = ("222233334444", "333344445555")
UNITS = Targets(REGIONS, ("ou-abcd-12345678",), ())


@pytest.fixture
def sets(aws: Scene) -> FakeStackSets:
    sets = FakeStackSets()
    sets.results = {(account, region): ("SUCCEEDED", "") for account in OTHERS for region in REGIONS}
    aws.answers |= {"organizations": FakeOrganization().answer, "cloudformation": sets.answer}
    return sets


def install(aws: Scene, targets: Targets = UNITS, **more: Any) -> Outcome:
    return install_everywhere(aws.surroundings, "pinner", targets, request(**more))


def test_a_number_that_is_no_account_is_refused() -> None:
    for account in ("12345", "11112222333x", "1111 2222 3333"):
        with pytest.raises(ConfigurationError, match="is no account"):
            checked_accounts((account,))


def test_an_account_without_organization_has_no_stack_sets(aws: Scene, sets: FakeStackSets) -> None:
    def alone(operation: str, given: object) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise Refusal("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")

    aws.answers["organizations"] = alone
    with pytest.raises(ConfigurationError, match=f"the account {ACCOUNT} is in no organization"):
        install(aws)
    assert sets.asked == []


def test_a_stack_set_of_something_else_is_left_as_it_is(aws: Scene, sets: FakeStackSets) -> None:
    sets.stack_set = {"StackSetName": "pinner", "Parameters": [{"ParameterKey": "Vpc", "ParameterValue": "x"}]}
    with pytest.raises(ConfigurationError, match="was not made from ImagePinner's template"):
        install(aws)
    assert sets.changes() == []


def test_an_upgrade_needs_a_stack_set(aws: Scene, sets: FakeStackSets) -> None:
    with pytest.raises(ConfigurationError, match="there is no stack set pinner in eu-central-1 to upgrade"):
        install(aws, must_exist=True)
    assert sets.changes() == []


@pytest.mark.parametrize("agreeing", [True, False])
def test_who_only_looks_or_does_not_agree_changes_nothing(aws: Scene, sets: FakeStackSets, agreeing: bool) -> None:  # noqa: FBT001
    aws.told.agreeing = agreeing
    assert install(aws, dry_run=agreeing) is (Outcome.SHOWN if agreeing else Outcome.DECLINED)
    assert (sets.changes(), aws.s3.buckets) == ([], {})
    assert "  To all accounts in ou-abcd-12345678; regions eu-central-1, us-east-1" in aws.told.lines


def test_an_operation_of_somebody_else_is_told(aws: Scene, sets: FakeStackSets) -> None:
    sets.refusals["CreateStackInstances"] = Refusal("OperationInProgressException", "Another Operation", 409)
    with pytest.raises(SourceError, match="the stack set pinner is being changed by somebody else"):
        install(aws)


def test_what_failed_is_told_by_account_and_region(aws: Scene, sets: FakeStackSets) -> None:
    sets.status = "FAILED"
    sets.results[OTHERS[1], "us-east-1"] = ("FAILED", "ResourceLogicalId:Role, denied by a boundary")
    with pytest.raises(SourceError) as caught:
        install(aws)
    assert caught.value.cause == (
        f"the stack set pinner failed in 1 place, first in {OTHERS[1]} us-east-1:"
        " ResourceLogicalId:Role, denied by a boundary"
    )
    assert f"  SUCCEEDED  {OTHERS[0]} eu-central-1" in aws.told.lines
    assert f"  FAILED     {OTHERS[1]} us-east-1: ResourceLogicalId:Role, denied by a boundary" in aws.told.lines


def test_what_failed_is_brought_up_to_date_by_the_next_run_although_nothing_else_has_changed(
    aws: Scene, sets: FakeStackSets
) -> None:
    install(aws)
    sets.results[OTHERS[1], "us-east-1"] = ("FAILED", "the role may not")
    with pytest.raises(SourceError, match="failed in 1 place,"):
        install(aws, code=code(b"new"))
    sets.results[OTHERS[1], "us-east-1"] = ("SUCCEEDED", "")
    sets.instances = [
        {"Account": account, "Region": region, "Status": "CURRENT" if region == "eu-central-1" else "OUTDATED"}
        for account in OTHERS
        for region in REGIONS
    ]
    sets.asked.clear()

    assert install(aws, code=code(b"new")) is Outcome.DONE

    assert "UpdateStackSet" in sets.changes()
    assert f"Behind: {OTHERS[1]} us-east-1: OUTDATED" in aws.told.text
    sets.instances = None
    assert install(aws, code=code(b"new")) is Outcome.UNCHANGED


def test_an_operation_that_fails_without_results_is_a_failure(aws: Scene, sets: FakeStackSets) -> None:
    sets.status, sets.results = "STOPPED", {}
    with pytest.raises(SourceError, match="the operation op-2 says no more"):
        install(aws)


def test_a_first_install_makes_buckets_that_the_organization_reads_and_stacks_everywhere(
    aws: Scene, sets: FakeStackSets
) -> None:
    assert install(aws) is Outcome.DONE

    assert sorted(aws.s3.buckets) == [f"image-pinner-{ACCOUNT}-{region}" for region in REGIONS]
    for name, bucket in aws.s3.buckets.items():
        assert bucket.region == name.removeprefix(f"image-pinner-{ACCOUNT}-")
        assert "o-exampleorgid" in json.dumps(json.loads(bucket.policy))
        assert list(bucket.objects) == [code().key]
    made = sets.given_to("CreateStackSet")
    assert (made["PermissionModel"], made["CallAs"]) == ("SERVICE_MANAGED", "SELF")
    values = {one["ParameterKey"]: one["ParameterValue"] for one in made["Parameters"]}
    assert (values["CodeBucket"], values["CodeBucketPerRegion"]) == (f"image-pinner-{ACCOUNT}", "true")
    assert sets.given_to("CreateStackInstances")["DeploymentTargets"] == {"OrganizationalUnitIds": list(UNITS.units)}


def test_accounts_alone_are_named_under_the_root(aws: Scene, sets: FakeStackSets) -> None:
    aws.answers["organizations"] = FakeOrganization("999988887777").answer
    install(aws, Targets(REGIONS, (), OTHERS))
    given = sets.given_to("CreateStackInstances")
    assert given["CallAs"] == "DELEGATED_ADMIN"
    assert given["DeploymentTargets"] == {
        "OrganizationalUnitIds": ["r-abcd"],
        "Accounts": list(OTHERS),
        "AccountFilterType": "INTERSECTION",
    }


def test_a_second_install_of_the_same_has_nothing_to_change(aws: Scene, sets: FakeStackSets) -> None:
    install(aws)
    before = len(sets.changes())
    assert install(aws) is Outcome.UNCHANGED
    assert len(sets.changes()) == before


def test_a_new_region_or_account_is_something_to_change(aws: Scene, sets: FakeStackSets) -> None:
    install(aws, UNITS._replace(regions=REGIONS[:1]))
    assert install(aws) is Outcome.DONE
    assert install(aws, UNITS._replace(accounts=("444455556666",))) is Outcome.DONE
    assert "UpdateStackSet" not in sets.changes()


def test_an_update_keeps_what_was_given_before(aws: Scene, sets: FakeStackSets) -> None:
    install(aws, parameters={"Pin": "All"}, tags={"Team": "A"})
    assert install(aws, code=code(b"new"), must_exist=True) is Outcome.DONE
    assert sets.stack_set is not None
    values = {one["ParameterKey"]: one["ParameterValue"] for one in sets.stack_set["Parameters"]}
    assert (values["Pin"], values["CodeKey"]) == ("All", code(b"new").key)


def test_a_new_tag_is_something_to_change_and_the_others_stay(aws: Scene, sets: FakeStackSets) -> None:
    install(aws, tags={"Team": "A"})
    assert install(aws, tags={"Cost": "1"}) is Outcome.DONE
    assert {one["Key"] for one in sets.given_to("UpdateStackSet")["Tags"]} == {"Team", "Cost"}
    assert install(aws) is Outcome.UNCHANGED


def test_buckets_of_the_users_need_a_policy_of_theirs(aws: Scene, sets: FakeStackSets) -> None:
    del sets
    with pytest.raises(ConfigurationError, match="there is no bucket mine-eu-central-1"):
        install(aws, bucket="mine")
