"""Roles: credentials that STS gives when they are first needed, and again before they expire.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from image_pinner.core.errors import SourceError
from image_pinner.core.images.ecr_roles import RegistryRole
from image_pinner.sources.aws.failures import (
    AwsFailure,
    aws_faults,
    denial_reason,
    explain_of,
    is_denied_a_role,
)

SESSION_NAME = "image-pinner"
"""How the sessions are named in the account's CloudTrail."""

# Many repositories of an account are asked at once, each on its own thread: what STS refuses one of them it would
# refuse all of them a moment later. The next run asks again, since a function lives longer than a mistake in a policy.
_REFUSAL_HOLDS_SECONDS = 5.0


def role_credentials(sts: Any, role: RegistryRole, clock: Callable[[], float] = time.monotonic) -> Any:
    """Give the credentials of a role, which ask for themselves when a request is signed with them.

    Args:
        sts: The client of STS that is asked, with the credentials of who may assume the role.
        role: The role.
        clock: A clock that never goes back, in seconds.

    Returns:
        Credentials of botocore. Signing with them raises `SourceError` where the role cannot be assumed.
    """
    from botocore.credentials import DeferredRefreshableCredentials  # noqa: PLC0415 - loaded with the first client

    return DeferredRefreshableCredentials(_Assumption(sts, role, clock), "assume-role")


def session_with(credentials: Any) -> Any:
    """Give a boto3 session that signs with credentials, and is else as the environment says.

    Args:
        credentials: Credentials of botocore.

    Returns:
        A `boto3.Session`.
    """
    import boto3  # noqa: PLC0415 - loaded with the first client
    from botocore.credentials import CredentialProvider, CredentialResolver  # noqa: PLC0415 - the same
    from botocore.session import get_session  # noqa: PLC0415 - the same

    class Given(CredentialProvider):  # type: ignore[misc] # botocore says nothing of its types
        METHOD = CANONICAL_NAME = credentials.method

        def load(self) -> Any:
            return credentials

    # It would log each refusal with a traceback, beside the message that we make of it.
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
    core = get_session()
    core.register_component("credential_provider", CredentialResolver([Given()]))
    return boto3.Session(botocore_session=core)


class _Assumption:
    """Assumes a role, one call at a time: botocore's credentials hold a lock meanwhile."""

    def __init__(self, sts: Any, role: RegistryRole, clock: Callable[[], float]) -> None:
        self._sts = sts
        self._role = role
        self._clock = clock
        self._refusal = AwsFailure("", "")
        self._refused_until = clock()

    def __call__(self) -> dict[str, str]:
        if self._clock() >= self._refused_until:
            try:
                return self._assume()
            except aws_faults() as error:
                self._refusal = _not_assumed(self._role, self._sts.meta.region_name, error)
                self._refused_until = self._clock() + _REFUSAL_HOLDS_SECONDS
        raise SourceError(*self._refusal)

    def _assume(self) -> dict[str, str]:
        request = {"RoleArn": self._role.arn, "RoleSessionName": SESSION_NAME}
        if self._role.external_id:
            request["ExternalId"] = self._role.external_id
        given = self._sts.assume_role(**request)["Credentials"]
        if given["Expiration"] <= datetime.now(UTC):
            raise SourceError(
                f"the credentials that STS gave for the role {self._role.arn} have expired already",
                "Correct the clock of this machine",
            )
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }


def _not_assumed(role: RegistryRole, region: str, error: Exception) -> AwsFailure:
    asked_for = f"the role {role.arn}, with which the registries of account {role.account_id} are asked,"
    if not is_denied_a_role(error):
        failure = explain_of(error, f"STS in {region}")
        return AwsFailure(f"{asked_for} could not be assumed: {failure.cause}", failure.remedy)
    reason = denial_reason(error)
    external_id = (
        "and ask for the very external id that is configured with it"
        if role.external_id
        else "and ask for no external id, since none is configured with it"
    )
    return AwsFailure(
        f"{asked_for} may not be assumed, says STS in {region}" + (f": {reason}" if reason else ""),
        "Allow sts:AssumeRole on it in the policy of the role that asks; "
        f"its trust policy must name that role, {external_id}",
    )
