"""Who installs: the account and its partition."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.cli.deployment.aws_access import Asker


class Identity(NamedTuple):
    """Who asks.

    Args:
        account: The account's number.
        partition: `aws`, `aws-cn` and so on.
        arn: The caller.
    """

    account: str
    partition: str
    arn: str


def who_asks(asker: Asker, region: str) -> Identity:
    """Ask STS who the caller is; no policy can forbid that.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html

    Args:
        asker: Asks AWS; it learns the caller's name for its messages.
        region: The region to ask in, which shows as well that it can be used.

    Returns:
        The caller.

    Raises:
        AskFailed: There are no credentials, or none for this region.
    """
    told = asker.ask("sts", region, "get_caller_identity")
    asker.caller = told["Arn"]
    return Identity(told["Account"], told["Arn"].split(":")[1], told["Arn"])
