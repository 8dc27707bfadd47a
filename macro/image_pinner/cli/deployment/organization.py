"""The organization that the macro is installed in, and the stack instances of its stack set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from image_pinner.cli.deployment.aws import AwsApi, AwsApiError, Identity
from image_pinner.cli.deployment.stacks import Stack
from image_pinner.core.errors import ConfigurationError

_SERVICE_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization; `call_as` is `SELF` in its management account, else `DELEGATED_ADMIN`."""

    identifier: str
    call_as: str


@dataclass(frozen=True, slots=True)
class StackInstance:
    """The stack of one account and region.

    `status` is CURRENT, OUTDATED or INOPERABLE; `detailed_status` is how its last operation ended:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceSummary.html
    """

    account: str
    region: str
    organizational_unit: str
    status: str
    detailed_status: str
    reason: str
    drift: str

    @property
    def is_current(self) -> bool:
        """Whether it has the template and the parameters of the stack set."""
        return self.status == "CURRENT"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: value or None for name, value in asdict(self).items()}

    def __str__(self) -> str:
        detailed = f" ({self.detailed_status})" if self.detailed_status else ""
        drift = ", drifted" if self.drift == "DRIFTED" else ""
        return (
            f"{self.account} {self.region}: {self.status}{detailed}{drift}{f': {self.reason}' if self.reason else ''}"
        )


def find_organization(api: AwsApi, region: str, owner: Identity) -> Organization:
    """Return the caller's organization, after checking that stack sets can be deployed to it from here.

    Raises `ConfigurationError` if the account is in no organization or does not administer its stack sets, or if
    CloudFormation has no trusted access to it.
    """
    try:
        found = api.call("organizations", region, "describe_organization")["Organization"]
    except AwsApiError as error:
        if error.code != "AWSOrganizationsNotInUseException":
            raise
        raise ConfigurationError(
            f"account {owner.account} is not in an organization", "omit --organization, or sign in to another account"
        ) from error
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html, CallAs
    call_as = "SELF" if found["MasterAccountId"] == owner.account else "DELEGATED_ADMIN"
    _check_access(api, region, call_as)
    return Organization(found["Id"], call_as)


def list_stack_instances(api: AwsApi, region: str, stack: Stack) -> tuple[StackInstance, ...]:
    """Return the stack instances of an organization's stack, sorted by account and region."""
    parameters = {"StackSetName": stack.name, "CallAs": stack.parameters.get("CallAs", "SELF")}
    try:
        pages = api.pages("cloudformation", region, "list_stack_instances", **parameters)
        found = [_read_instance(one) for page in pages for one in page.get("Summaries", ())]
    except AwsApiError as error:
        # So it is if the stack could not be created.
        if error.code != "StackSetNotFoundException":
            raise
        return ()
    return tuple(sorted(found, key=lambda one: (one.account, one.region)))


def read_stack_set_template(api: AwsApi, region: str, stack: Stack) -> str:
    """Return the template that the stack set of an organization deploys."""
    parameters = {"StackSetName": stack.name, "CallAs": stack.parameters.get("CallAs", "SELF")}
    response = api.call("cloudformation", region, "describe_stack_set", **parameters)
    return str(response["StackSet"].get("TemplateBody", ""))


def _check_access(api: AwsApi, region: str, call_as: str) -> None:
    """Check trusted access.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
    """
    try:
        status = api.call("cloudformation", region, "describe_organizations_access", CallAs=call_as).get("Status")
    except AwsApiError as error:
        # The service has one code for every invalid request, so only its message identifies the cause.
        if error.code not in {"ValidationError", "InvalidOperationException"}:
            raise
        raise ConfigurationError(
            f"{api.caller} is neither in the organization's management account nor in a delegated administrator"
            " account for stack sets",
            "sign in to one of them, or register this account in the management account: aws organizations"
            f" register-delegated-administrator --service-principal {_SERVICE_PRINCIPAL} --account-id ACCOUNT",
        ) from error
    if status != "ENABLED":
        raise ConfigurationError(
            "CloudFormation StackSets has no trusted access to the organization",
            "activate it in the management account: aws cloudformation activate-organizations-access",
        )


def _read_instance(response: Mapping[str, Any]) -> StackInstance:
    return StackInstance(
        response["Account"],
        response["Region"],
        response.get("OrganizationalUnitId", ""),
        response.get("Status", ""),
        response.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
        response.get("StatusReason", ""),
        response.get("DriftStatus", ""),
    )
