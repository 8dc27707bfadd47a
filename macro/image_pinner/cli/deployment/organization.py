"""The organization whose accounts a stack set reaches."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.cli.deployment.aws_access import Asker, AskFailed
from image_pinner.cli.deployment.identity import Identity
from image_pinner.core.errors import ConfigurationError


class Organization(NamedTuple):
    """An organization, as its administrator sees it.

    Args:
        identifier: Its id, `o-…`.
        call_as: As what stack sets are asked for: the management account itself, or one that it delegated this to.
    """

    identifier: str
    call_as: str


def organization_of(asker: Asker, region: str, owner: Identity) -> Organization:
    """Ask for the caller's organization.

    Raises:
        ConfigurationError: The account is in none.
        AskFailed: Organizations could not be asked.
    """
    try:
        told = asker.ask("organizations", region, "describe_organization")["Organization"]
    except AskFailed as failure:
        if failure.code != "AWSOrganizationsNotInUseException":
            raise
        raise ConfigurationError(
            f"the account {owner.account} is in no organization, so that no stack set reaches others",
            "Leave --stack-set out, or sign in to the management account",
        ) from failure
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html, CallAs
    return Organization(told["Id"], "SELF" if told["MasterAccountId"] == owner.account else "DELEGATED_ADMIN")


def root_of(asker: Asker, region: str) -> str:
    """Ask for the root, under which all accounts are: accounts are named as a part of a unit.

    Raises:
        AskFailed: Organizations could not be asked.
    """
    return str(asker.ask("organizations", region, "list_roots")["Roots"][0]["Id"])
