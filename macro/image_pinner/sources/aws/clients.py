"""Create clients of AWS services, with assumed roles and a timeout for every request.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources import concurrency
from image_pinner.sources.aws.errors import AwsFailure, aws_faults, describe_denial, explain_request, is_denied_a_role
from image_pinner.sources.call_stats import CallStats

SESSION_NAME = "image-pinner"
"""The name of the role sessions in CloudTrail."""
CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0
# Four attempts with these limits and the pauses between them end within 40 s; a resolver's deadline ends them earlier.
ATTEMPTS = 4

_CONNECTIONS = 32  # more than there are workers: urllib3 discards connections above the size of its pool
# The repositories of an account are looked up on several threads. If STS denies one of them the role, it would deny the
# others a moment later. A later invocation retries, since a function lives longer than a mistake in a policy.
_DENIAL_HOLDS_SECONDS = 5.0


def default_session() -> Any:
    """Return a boto3 session with the credentials and the region of the environment."""
    import boto3  # noqa: PLC0415 - slow to load, and commands that work offline do not need it

    return boto3.Session()


def session_with(credentials: Any) -> Any:
    """Return a boto3 session that signs with botocore `credentials` and otherwise uses the environment."""
    import boto3  # noqa: PLC0415 - loaded with the first client
    from botocore.credentials import CredentialProvider, CredentialResolver  # noqa: PLC0415 - the same
    from botocore.session import get_session  # noqa: PLC0415 - the same

    class Provider(CredentialProvider):  # type: ignore[misc] # botocore has no type information
        METHOD = CANONICAL_NAME = credentials.method

        def load(self) -> Any:
            return credentials

    # Otherwise it logs a traceback for each denial, in addition to our message.
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
    core = get_session()
    core.register_component("credential_provider", CredentialResolver([Provider()]))
    return boto3.Session(botocore_session=core)


def role_credentials(sts: Any, role: RegistryRole, clock: Callable[[], float] = time.monotonic) -> Any:
    """Return botocore credentials that assume `role` when they first sign a request, and renew themselves.

    Signing raises `SourceError` if the client `sts` cannot assume the role.
    """
    from botocore.credentials import DeferredRefreshableCredentials  # noqa: PLC0415 - loaded with the first client

    return DeferredRefreshableCredentials(_RoleAssumption(sts, role, clock), "assume-role")


class _RoleAssumption:
    """Assume a role, and keep a failure for a moment. botocore's lock lets only one thread at a time call it."""

    def __init__(self, sts: Any, role: RegistryRole, clock: Callable[[], float]) -> None:
        self._sts = sts
        self._role = role
        self._clock = clock
        self._failure = AwsFailure("", "")
        self._fails_until = clock()

    def __call__(self) -> dict[str, str]:
        if self._clock() >= self._fails_until:
            try:
                return self._assume()
            except aws_faults() as error:
                self._failure = self._explain(error)
                self._fails_until = self._clock() + _DENIAL_HOLDS_SECONDS
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


class _ClientKey(NamedTuple):
    service: str
    region: str
    fips: bool = False
    dual_stack: bool = False
    role: RegistryRole | None = None

    def configuration(self) -> Any:
        from botocore.config import Config  # noqa: PLC0415 - loaded with the first client

        return Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html#adaptive-retry-mode
            retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
            max_pool_connections=_CONNECTIONS,
            user_agent_extra=f"image-pinner/{__version__}",
            # `None` leaves the decision to the environment.
            use_fips_endpoint=self.fips or None,
            use_dualstack_endpoint=self.dual_stack or None,
        )


class AwsClients:
    """Create clients of AWS services, one for each service, region, kind of endpoint and role.

    Sessions and clients may be used on several threads, but not created on several threads, so a lock guards that:
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients

    Args:
        session_factory: Returns a `boto3.Session`, or an object with its method `client`; called once, when needed.
        role_session_factory: Returns such a session for the credentials of a role.
        call_stats: Counts the requests, if set.
    """

    def __init__(
        self,
        session_factory: Callable[[], Any] = default_session,
        *,
        role_session_factory: Callable[[Any], Any] = session_with,
        call_stats: CallStats | None = None,
    ) -> None:
        self._session_factory = session_factory
        self._role_session_factory = role_session_factory
        self._call_stats = call_stats
        self._session: Any = None
        self._clients: dict[_ClientKey, Any] = {}
        self._lock = threading.Lock()

    def client(
        self,
        service: str,
        region: str,
        *,
        fips: bool = False,
        dual_stack: bool = False,
        role: RegistryRole | None = None,
    ) -> Any:
        """Return the boto3 client of a service in a region.

        Args:
            service: The name of the service in botocore, such as `ecr`.
            region: The region; empty for that of the environment.
            fips: Whether to use the endpoint with FIPS-validated cryptography.
            dual_stack: Whether to use the endpoint with IPv6 addresses.
            role: The role to assume with the first request, through STS in the same region. Requests raise
                `SourceError` if that fails.

        Raises:
            botocore.exceptions.BotoCoreError: The profile, the configuration or the region is not valid.
            ValueError: The endpoint in the environment is not a URL.
        """
        with self._lock:
            return self._client(_ClientKey(service, region, fips, dual_stack, role))

    def _client(self, key: _ClientKey) -> Any:
        if key not in self._clients:
            with concurrency.garbage_collection_paused():
                client = self._session_for(key).client(
                    key.service, region_name=key.region or None, config=key.configuration()
                )
            if self._call_stats:
                _count_requests(client, key.service, self._call_stats)
            self._clients[key] = client
        return self._clients[key]

    def _session_for(self, key: _ClientKey) -> Any:
        if key.role is None:
            self._session = self._session or self._session_factory()
            return self._session
        # Never the dual-stack endpoint: STS has none in some partitions, and the environment can select it.
        sts = self._client(_ClientKey("sts", key.region, key.fips))
        return self._role_session_factory(role_credentials(sts, key.role))


def _count_requests(client: Any, service: str, call_stats: CallStats) -> None:
    """Count the requests of a client by the names of their IAM actions, such as `ecr:DescribeImages`.

    botocore emits these two events with every attempt, on the thread that makes it:
    https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
    """
    current = threading.local()

    def action(event_name: str) -> str:
        return f"{service}:{event_name.rpartition('.')[2]}"

    def begin(event_name: str, **_: Any) -> None:
        current.began = call_stats.begin(action(event_name))

    def end(event_name: str, **_: Any) -> None:
        if (began := current.__dict__.pop("began", None)) is not None:
            call_stats.end(action(event_name), began)

    client.meta.events.register("before-send", begin)
    client.meta.events.register("response-received", end)
