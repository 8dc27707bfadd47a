"""boto3 sessions, assumed roles, and the configuration of clients.

`clients` imports this module with the first client: boto3 is slow to load, and offline commands do not need it.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from botocore.loaders import create_loader
from botocore.session import Session

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.attempts import limit_attempts
from image_pinner.sources.aws.errors import AwsFailure, aws_faults, describe_denial, explain_request, is_denied_a_role
from image_pinner.sources.concurrency import job_deadline
from image_pinner.sources.interface import Deadline

SESSION_NAME = "image-pinner"
"""The name of the role sessions in CloudTrail."""
CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0

_CONNECTIONS = 32  # more than there are workers: urllib3 discards connections above the size of its pool
# The repositories of an account are looked up on several threads. If STS denies one of them the role, it would deny the
# others a moment later. A later invocation sends its own request: the failure may have been a throttled request.
_DENIAL_HOLDS_SECONDS = 5.0


def default_session(profile: str = "") -> Any:
    """Return a boto3 session with the credentials and the region of the environment, or of a profile.

    Raises:
        botocore.exceptions.BotoCoreError: The profile or the configuration is not valid.
    """
    core = Session(profile=profile or None)
    with _unusable_credentials():
        providers = core.get_component("credential_provider").providers
    core.register_component("credential_provider", _CredentialResolver(providers))
    session = boto3.Session(botocore_session=core)
    limit_attempts(session.events)
    return session


class _CredentialResolver(CredentialResolver):  # type: ignore[misc] # botocore has no type information
    """A resolver that raises nothing but exceptions of botocore, whatever a provider reads or runs."""

    def load_credentials(self) -> Any:
        with _unusable_credentials():
            return super().load_credentials()


@contextmanager
def _unusable_credentials() -> Iterator[None]:
    """Convert the exceptions of other libraries: a program or file may be missing, and its output may be anything."""
    try:
        yield
    except aws_faults():
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise CredentialRetrievalError(provider="the AWS configuration", error_msg=reason) from error


class _RoleSession(Session):  # type: ignore[misc] # botocore has no type information
    """A session of botocore with the method of a boto3 session that `AwsClients` calls."""

    def client(self, *names: str, **options: Any) -> Any:
        return self.create_client(*names, **options)


def session_with(credentials: Any) -> Any:
    """Return a session that signs with botocore `credentials` and otherwise uses the environment.

    It has the method `client` of a boto3 session. All these sessions share their data: there is one for each role and
    region, and each took 6 MB more otherwise.
    """

    class Provider(CredentialProvider):  # type: ignore[misc] # botocore has no type information
        METHOD = CANONICAL_NAME = credentials.method

        def load(self) -> Any:
            return credentials

    # Otherwise it logs a traceback for each denial, in addition to our message.
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
    session = _RoleSession()
    session.register_component("data_loader", _data_loader())
    session.register_component("credential_provider", CredentialResolver([Provider()]))
    limit_attempts(session.get_component("event_emitter"))
    return session


@cache
def _data_loader() -> Any:
    return create_loader(Session().get_config_variable("data_path"))


def role_credentials(sts: Any, role: RegistryRole, clock: Callable[[], float] = time.monotonic) -> Any:
    """Return botocore credentials that assume `role` when they first sign a request, and renew themselves.

    Signing raises `SourceError` if the client `sts` cannot assume the role.
    """
    return DeferredRefreshableCredentials(_RoleAssumption(sts, role, clock), "assume-role")


@cache
def known_regions() -> frozenset[str]:
    """Return the names of the regions of all partitions in the data of the installed botocore."""
    partitions = _data_loader().load_data("endpoints")["partitions"]
    return frozenset(region for partition in partitions for region in partition["regions"])


def client_config(*, fips: bool, dual_stack: bool) -> Any:
    """Return the botocore configuration of a client: timeouts, connections and endpoint; `limit_attempts` retries."""
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        # A client outlives the invocation, and botocore keeps state in it: `adaptive` has a rate limiter, `standard` a
        # quota of retries, which a single attempt never uses.
        # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=_CONNECTIONS,
        user_agent_extra=f"image-pinner/{__version__}",
        # `None` leaves the decision to the environment.
        use_fips_endpoint=fips or None,
        use_dualstack_endpoint=dual_stack or None,
    )


class _RoleAssumption:
    """Assume a role, and keep a failure for a moment. botocore's lock lets only one thread at a time call it."""

    def __init__(self, sts: Any, role: RegistryRole, clock: Callable[[], float]) -> None:
        self._sts = sts
        self._role = role
        self._clock = clock
        self._failure = AwsFailure("", "")
        self._fails_until = clock()
        self._fails_for: Deadline | None = None

    def __call__(self) -> dict[str, str]:
        if self._clock() >= self._fails_until or self._fails_for != job_deadline():
            try:
                return self._assume()
            except aws_faults() as error:
                self._failure = self._explain(error)
                self._fails_until, self._fails_for = self._clock() + _DENIAL_HOLDS_SECONDS, job_deadline()
        raise SourceError(*self._failure)

    def _assume(self) -> dict[str, str]:
        request = {"RoleArn": self._role.arn, "RoleSessionName": SESSION_NAME}
        if self._role.external_id:
            request["ExternalId"] = self._role.external_id
        credentials = self._sts.assume_role(**request)["Credentials"]
        if credentials["Expiration"] <= datetime.now(UTC):
            raise SourceError(
                f"the credentials that STS returned for role {self._role.arn} have already expired",
                "correct the clock of this machine",
            )
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }

    def _explain(self, error: Exception) -> AwsFailure:
        role, region = self._role, self._sts.meta.region_name
        purpose = f"cannot assume role {role.arn} for the registries of account {role.account_id}"
        if not is_denied_a_role(error):
            failure = explain_request(error, f"STS in {region}")
            return AwsFailure(f"{purpose}: {failure.cause}", failure.help)
        external_id = "require the configured external ID" if role.external_id else "require no external ID"
        return AwsFailure(
            f"{purpose}: {describe_denial(error, f'in {region}', 'sts:AssumeRole')}",
            "allow sts:AssumeRole on it in the policy of the caller's role; "
            f"its trust policy must allow the caller's role and {external_id}",
        )
