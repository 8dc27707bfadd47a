"""The macro in the accounts of an organization: installed, updated, inspected and uninstalled as a stack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.session import DeploymentOutcome
from image_pinner.cli.deployment.status import InstallationStatus, read_status
from image_pinner.cli.deployment.uninstall import MacroInUseError, uninstall
from image_pinner.core.errors import ConfigurationError, SourceError
from support.deployment.fake_clients import ACCOUNT, Refusal, denied
from support.deployment.fake_organization import FakeOrganization
from support.deployment.fake_s3 import FakeBucket
from support.deployment.scene import REGION, Scene, code, for_organization, removal, request, template

REGIONS = (REGION, "us-east-1")
ACCOUNTS = ("222233334444", "333344445555")
UNIT = "ou-abcd-12345678"
TARGETS = {"OrganizationalUnitIds": UNIT, "Regions": ",".join(REGIONS)}
BUCKETS = [f"image-pinner-{ACCOUNT}-{region}" for region in REGIONS]


@pytest.fixture
def organization(aws: Scene) -> Scene:
    aws.answers["organizations"] = FakeOrganization().answer
    aws.cloud.accounts = ACCOUNTS
    return aws


@pytest.fixture
def installed(organization: Scene) -> Scene:
    run(organization)
    organization.cloud.requests.clear()
    organization.console.prompts.clear()
    return organization


def run(aws: Scene, parameters: dict[str, str] | None = None, **more: Any) -> DeploymentOutcome:
    given = TARGETS if parameters is None else parameters
    return install(aws.session, REGION, request(organization=for_organization(), parameters=given, **more))


def remove(aws: Scene, **more: Any) -> DeploymentOutcome:
    return uninstall(aws.session, REGION, removal(organization=True, **more))


def status(aws: Scene) -> InstallationStatus:
    return read_status(aws.session, REGION, "image-pinner", for_organization())


def test_an_account_outside_of_an_organization_is_refused(organization: Scene) -> None:
    def alone(operation: str, given: object) -> dict[str, Any]:  # noqa: ARG001 - the signature of a fake
        raise Refusal("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")

    organization.answers["organizations"] = alone
    with pytest.raises(ConfigurationError, match=f"account {ACCOUNT} is not in an organization"):
        run(organization)
    assert organization.cloud.operations() == []


def test_an_account_that_does_not_administer_stack_sets_is_refused(organization: Scene) -> None:
    words = "Account used is not a delegated administrator"
    organization.cloud.refusals["DescribeOrganizationsAccess"] = Refusal("ValidationError", words)
    with pytest.raises(ConfigurationError, match="neither in the organization's management account nor") as caught:
        run(organization)
    assert "register-delegated-administrator" in caught.value.help
    assert organization.cloud.operations() == []


def test_missing_trusted_access_is_refused(organization: Scene) -> None:
    organization.cloud.access = "DISABLED"
    with pytest.raises(ConfigurationError, match="no trusted access") as caught:
        run(organization)
    assert "activate-organizations-access" in caught.value.help
    assert organization.cloud.operations() == []


def test_an_install_without_organizational_unit_is_refused(organization: Scene) -> None:
    with pytest.raises(ConfigurationError, match="'OrganizationalUnitIds' has no value") as caught:
        run(organization, {})
    assert caught.value.help == "pass --organizational-unit"


def test_an_upgrade_requires_an_existing_stack(organization: Scene) -> None:
    with pytest.raises(ConfigurationError, match="there is no stack image-pinner in eu-central-1 to upgrade"):
        run(organization, must_exist=True)
    assert organization.cloud.operations() == []


def test_the_stacks_of_an_account_and_of_an_organization_are_not_confused(installed: Scene) -> None:
    with pytest.raises(ConfigurationError, match="installs the macro in accounts of an organization"):
        install(installed.session, REGION, request())
    with pytest.raises(ConfigurationError, match="installs the macro in accounts of an organization"):
        uninstall(installed.session, REGION, removal(even_if_used=True))
    install(installed.session, REGION, request(stack_name="single"))
    with pytest.raises(ConfigurationError, match="installs the macro in this account only"):
        run(installed, stack_name="single")


@pytest.mark.parametrize("confirms", [True, False])
def test_nothing_is_left_by_a_dry_run_or_if_the_user_declines(organization: Scene, confirms: bool) -> None:  # noqa: FBT001
    organization.console.confirms = confirms
    expected = DeploymentOutcome.DRY_RUN if confirms else DeploymentOutcome.DECLINED
    assert run(organization, dry_run=confirms) is expected
    assert [stack.status for stack in organization.cloud.stacks] == ["DELETE_COMPLETE"]
    assert organization.s3.buckets == {}
    for shown in (f"OrganizationalUnitIds = {UNIT}", f"Bucket {BUCKETS[1]} (will be created)", "+ StackSet"):
        assert shown in organization.console.text


def test_buckets_that_the_user_named_must_exist_in_each_region(organization: Scene) -> None:
    organization.s3.buckets[f"mine-{REGION}"] = FakeBucket(REGION)
    with pytest.raises(ConfigurationError, match="bucket mine-us-east-1 does not exist"):
        run(organization, bucket="mine")
    organization.s3.buckets["mine-us-east-1"] = FakeBucket("us-east-1")
    assert run(organization, bucket="mine") is DeploymentOutcome.DONE
    assert "its policy must allow the organization o-exampleorgid" in organization.console.text
    assert organization.s3.buckets["mine-us-east-1"].settings == {}


def test_an_account_in_which_the_deployment_failed_is_reported_and_deployed_again(organization: Scene) -> None:
    organization.cloud.broken = {(ACCOUNTS[1], "us-east-1"): "iam:CreateRole is denied"}
    with pytest.raises(SourceError) as caught:
        run(organization)
    assert caught.value.cause == (
        f"the macro is not current in 1 of 4 accounts and regions, first in {ACCOUNTS[1]} us-east-1: OUTDATED (FAILED):"
        " iam:CreateRole is denied"
    )
    assert organization.cloud.live("image-pinner").status == "CREATE_COMPLETE"

    organization.cloud.broken = {}
    assert run(organization, {}) is DeploymentOutcome.DONE
    assert f"Not current: {ACCOUNTS[1]} us-east-1" in organization.console.text
    assert run(organization, {}) is DeploymentOutcome.UNCHANGED


def test_a_first_install_creates_a_readable_bucket_in_each_region_and_a_stack_set(organization: Scene) -> None:
    assert run(organization) is DeploymentOutcome.DONE

    assert sorted(organization.s3.buckets) == BUCKETS
    for name, bucket in organization.s3.buckets.items():
        assert bucket.region == name.removeprefix(f"image-pinner-{ACCOUNT}-")
        assert "o-exampleorgid" in json.dumps(json.loads(bucket.policy))
        assert code().key in bucket.objects
    stack = organization.cloud.live("image-pinner")
    values = stack.parameters
    assert stack.protected
    assert (values["CodeBucket"], values["CallAs"]) == (f"image-pinner-{ACCOUNT}", "SELF")
    # The object has another version in each region, so the hash alone binds the code there.
    assert values["CodeSha256"] == code().checksum
    assert "CodeObjectVersion" not in values
    uploaded = organization.s3.buckets[BUCKETS[0]].objects[values["TemplateKey"]]
    assert uploaded[-1][1].decode() == template().text
    assert values["TemplateKey"] not in organization.s3.buckets[BUCKETS[1]].objects
    assert organization.cloud.request("CreateChangeSet")["Capabilities"] == []
    assert f"  {ACCOUNTS[0]} us-east-1: CURRENT (SUCCEEDED)" in organization.console.lines
    assert organization.console.lines[-1] == (f"{REGION}: installed macro ImagePinner: ImagePinner 1.2.3, organization")


def test_a_caller_who_may_not_read_the_stack_set_is_warned(organization: Scene) -> None:
    organization.cloud.refusals["DescribeStackSet"] = denied("cloudformation:DescribeStackSet")
    assert run(organization) is DeploymentOutcome.DONE
    assert "cannot check the template of the stack set: " in organization.console.text


def test_the_bucket_of_the_stacks_own_region_has_the_template_even_if_it_is_not_a_target(organization: Scene) -> None:
    run(organization, TARGETS | {"Regions": "us-east-1"})
    assert sorted(organization.s3.buckets) == BUCKETS


def test_the_macro_is_installed_in_the_region_of_the_stack_by_default(organization: Scene) -> None:
    run(organization, {"OrganizationalUnitIds": UNIT})
    assert organization.cloud.live("image-pinner").parameters["Regions"] == REGION


def test_a_delegated_administrator_calls_as_one(organization: Scene) -> None:
    organization.answers["organizations"] = FakeOrganization("999988887777").answer
    run(organization)
    assert organization.cloud.live("image-pinner").parameters["CallAs"] == "DELEGATED_ADMIN"
    assert organization.cloud.request("DescribeOrganizationsAccess")["CallAs"] == "DELEGATED_ADMIN"
    assert organization.cloud.request("ListStackInstances")["CallAs"] == "DELEGATED_ADMIN"
    assert status(organization).healthy


def test_a_second_identical_install_has_no_changes(installed: Scene) -> None:
    assert run(installed) is DeploymentOutcome.UNCHANGED
    assert installed.cloud.operations("CreateChangeSet", "DeleteChangeSet") == []


def test_a_new_region_is_a_change(installed: Scene) -> None:
    assert run(installed, {"Regions": f"{TARGETS['Regions']},eu-west-1"}) is DeploymentOutcome.DONE
    assert f"image-pinner-{ACCOUNT}-eu-west-1" in installed.s3.buckets
    assert len(status(installed).instances or ()) == 6


def test_an_upgrade_keeps_targets_and_parameters(organization: Scene) -> None:
    run(organization, TARGETS | {"Pin": "All"}, tags={"Team": "A"})
    assert run(organization, {}, code=code(b"new"), tags={"Cost": "1"}, must_exist=True) is DeploymentOutcome.DONE
    stack = organization.cloud.live("image-pinner")
    assert (stack.parameters["Pin"], stack.parameters["Regions"]) == ("All", TARGETS["Regions"])
    assert stack.parameters["CodeKey"] == code(b"new").key
    assert stack.tags == {"Team": "A", "Cost": "1"}


def test_the_status_has_each_account_and_region(installed: Scene) -> None:
    found = status(installed)
    assert found.healthy
    assert found.configuration == {"OrganizationalUnitIds": UNIT, "Regions": TARGETS["Regions"]}
    lines = list(found.lines("1.2.3"))
    assert lines[:2] == [
        f"{REGION}: stack image-pinner is in CREATE_COMPLETE",
        "  macro ImagePinner, ImagePinner 1.2.3",
    ]
    assert "  4 accounts and regions, all current" in lines
    assert lines[-1] == f"  {ACCOUNTS[1]} us-east-1: CURRENT (SUCCEEDED)"
    instances = json.loads(json.dumps(found.to_json()))["instances"]
    assert [(one["account"], one["region"]) for one in instances] == [
        (account, region) for account in ACCOUNTS for region in REGIONS
    ]


def test_the_status_of_an_account_that_is_not_current_has_the_reason(installed: Scene) -> None:
    stack = installed.cloud.live("image-pinner")
    assert stack.instances
    stack.instances[0] |= {"DriftStatus": "DRIFTED"}
    stack.instances[1] |= {"Status": "OUTDATED", "StatusReason": "denied by a boundary"}
    found = status(installed)
    assert not found.healthy
    lines = list(found.lines("1"))
    assert "  WARNING: 1 of 4 accounts and regions are not current" in lines
    assert f"  {ACCOUNTS[0]} {REGION}: CURRENT (SUCCEEDED), drifted" in lines
    assert f"  {ACCOUNTS[0]} us-east-1: OUTDATED (SUCCEEDED): denied by a boundary" in lines


def test_accounts_that_cannot_be_listed_do_not_hide_the_others(installed: Scene) -> None:
    installed.cloud.refusals["ListStackInstances"] = denied("cloudformation:ListStackInstances")
    found = status(installed)
    assert (found.healthy, found.version) == (False, "1.2.3")
    assert "cloudformation:ListStackInstances" in found.unknown[0]


def test_a_macro_in_other_accounts_is_not_uninstalled_without_even_if_used(installed: Scene) -> None:
    with pytest.raises(MacroInUseError, match="templates cannot be read from here") as caught:
        remove(installed)
    assert "--even-if-used" in caught.value.help
    assert installed.cloud.operations() == []
    assert f"  {ACCOUNTS[0]} us-east-1: CURRENT (SUCCEEDED)" in installed.console.lines


def test_a_stack_set_that_was_never_created_can_be_removed(installed: Scene) -> None:
    installed.cloud.live("image-pinner").instances = None
    assert remove(installed, dry_run=True) is DeploymentOutcome.DRY_RUN


def test_a_bucket_that_cannot_be_deleted_does_not_stop_the_others(installed: Scene) -> None:
    installed.s3.buckets[BUCKETS[0]].owner = "999988887777"
    with pytest.raises(SourceError, match="1 of 2 buckets were not deleted"):
        remove(installed, even_if_used=True, delete_bucket=True)
    assert list(installed.s3.buckets) == [BUCKETS[0]]
    assert installed.cloud.stacks[0].status == "DELETE_COMPLETE"


def test_uninstall_deletes_the_stack_and_the_code_in_each_region(installed: Scene) -> None:
    assert remove(installed, even_if_used=True, delete_bucket=True) is DeploymentOutcome.DONE
    assert installed.cloud.operations() == ["UpdateTerminationProtection", "DeleteStack"]
    assert installed.console.prompts == [
        f"Delete stack image-pinner with macro ImagePinner and ImagePinner's files in {', '.join(BUCKETS)} in {REGION}?"
    ]
    assert installed.s3.buckets == {}
