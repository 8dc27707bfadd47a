"""Where a stack set is to be, and whether it is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from image_pinner.core.errors import ConfigurationError


class Targets(NamedTuple):
    """Where to.

    Args:
        regions: The regions.
        units: The organizational units.
        accounts: The only accounts in them; empty for all.
    """

    regions: tuple[str, ...]
    units: tuple[str, ...]
    accounts: tuple[str, ...]

    def to_request(self) -> dict[str, Any]:
        """Give the targets as a request has them.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
        """
        units: dict[str, Any] = {"OrganizationalUnitIds": list(self.units)}
        if not self.accounts:
            return units
        return units | {"Accounts": list(self.accounts), "AccountFilterType": "INTERSECTION"}

    def __str__(self) -> str:
        whom = f"accounts {', '.join(self.accounts)}" if self.accounts else f"all accounts in {', '.join(self.units)}"
        return f"{whom}; regions {', '.join(self.regions)}"


class ResultLine(NamedTuple):
    """What an operation came to in an account and region.

    Args:
        account: The account.
        region: The region.
        status: The status.
        reason: Why, or empty.
    """

    account: str
    region: str
    status: str
    reason: str

    def __str__(self) -> str:
        return f"  {self.status:<10} {self.account} {self.region}{f': {self.reason}' if self.reason else ''}"


def checked_accounts(accounts: tuple[str, ...]) -> tuple[str, ...]:
    """See that accounts are given by their numbers.

    Raises:
        ConfigurationError: One is not.
    """
    for account in accounts:
        if len(account) != len("111122223333") or not account.isascii() or not account.isdigit():
            raise ConfigurationError(f"{account!r} is no account", "Write the twelve digits of its number")
    return accounts


def home_of(regions: tuple[str, ...], name: str, *, stack_named: bool) -> str:
    """Give the region that a stack set is kept in, where all that it reaches is meant.

    Args:
        regions: The regions that were given.
        name: The stack set's name as it was given.
        stack_named: Whether a single stack was named too.

    Raises:
        ConfigurationError: The options speak of a part of it, or of none.
    """
    if not name:
        # An empty variable of a script must not come to mean the stack of this account.
        raise ConfigurationError("--stack-set has no name", "Write --stack-set NAME, or leave it out")
    if stack_named:
        raise ConfigurationError(
            "--stack-name is for one stack, and a stack set makes its own", "Leave --stack-name out"
        )
    if len(regions) > 1:
        raise ConfigurationError(
            "a stack set is kept in one region, and all regions that it reaches are meant",
            "Give only the region that it is kept in, which is the first one of install",
        )
    return regions[0]


def reaches(told: Mapping[str, Any], instances: set[tuple[str, str]], targets: Targets) -> bool:
    """Tell whether a stack set is everywhere where it is to be.

    Args:
        told: The stack set, from DescribeStackSet.
        instances: The accounts and regions that it has stacks in.
        targets: Where it is to be.

    Returns:
        Whether nothing is missing.
    """
    if not set(targets.regions) <= set(told.get("Regions", ())):
        return False
    if targets.accounts:
        return {(account, region) for account in targets.accounts for region in targets.regions} <= instances
    return set(targets.units) <= set(told.get("OrganizationalUnitIds", ()))


def read_results(told: Mapping[str, Any]) -> list[ResultLine]:
    """Read what an operation came to from an answer of ListStackSetOperationResults."""
    return [
        ResultLine(one.get("Account", ""), one.get("Region", ""), one.get("Status", ""), one.get("StatusReason", ""))
        for one in told.get("Summaries", ())
    ]


def counted(failed: Sequence[ResultLine]) -> str:
    """Say in how many accounts and regions an operation failed."""
    return f"{len(failed)} place{'s' if len(failed) > 1 else ''}"
