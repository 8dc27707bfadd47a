"""Clients of AWS services, with assumed roles and a timeout for every call.

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
from image_pinner.sources.aws.errors import (
    AwsFailure,
    aws_faults,
    denial_reason,
    explain_of,
    is_denied_a_role,
)
from image_pinner.sources.call_stats import CallStats

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
        return AwsFailure(f"{asked_for} could not be assumed: {failure.cause}", failure.help)
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


CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0
# Four attempts with these limits and the waits between them end within 40 s; a resolver's deadline ends them earlier.
ATTEMPTS = 4
_CONNECTIONS = 32  # above the number of workers: urllib3 throws connections beyond it away


def default_session() -> Any:
    """Give a boto3 session with the credentials and the region that its user's environment names.

    Returns:
        A `boto3.Session`. boto3 is loaded here, because commands that ask nobody must not wait for it.
    """
    import boto3  # noqa: PLC0415 - see above

    return boto3.Session()


class _Kind(NamedTuple):
    """What tells one client from another."""

    service: str
    region: str
    fips: bool = False
    dual_stack: bool = False
    role: RegistryRole | None = None

    def configuration(self) -> Any:
        from botocore.config import Config  # noqa: PLC0415 - loaded with the first client, not before

        return Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html#adaptive-retry-mode
            retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
            max_pool_connections=_CONNECTIONS,
            user_agent_extra=f"image-pinner/{__version__}",
            # Where nothing is asked for, the environment decides.
            use_fips_endpoint=self.fips or None,
            use_dualstack_endpoint=self.dual_stack or None,
        )


class AwsClients:
    """Gives clients, the same one for the same service, region, kind of endpoint and role, for as long as it lives.

    Making a session or a client is not safe on two threads at once, using a client is, so making them is guarded here:
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients

    boto3 itself honours `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.

    Args:
        session_factory: Gives a `boto3.Session`, or what has its method `client`; called once, when first needed.
        role_session_factory: Gives such a session for the credentials of a role.
        call_stats: Counts the calls.
    """

    def __init__(
        self,
        session_factory: Callable[[], Any] = default_session,
        role_session_factory: Callable[[Any], Any] = session_with,
        call_stats: CallStats | None = None,
    ) -> None:
        self._session_factory = session_factory
        self._role_session_factory = role_session_factory
        self._tally = call_stats
        self._session: Any = None
        self._clients: dict[_Kind, Any] = {}
        self._making = threading.Lock()

    def client(
        self,
        service: str,
        region: str,
        *,
        fips: bool = False,
        dual_stack: bool = False,
        role: RegistryRole | None = None,
    ) -> Any:
        """Give the client of a service in a region.

        Args:
            service: The service by botocore's name, `ecr` for example.
            region: The region; empty for the one that the environment names.
            fips: Whether to ask the endpoint with validated cryptography.
            dual_stack: Whether to ask the endpoint that has IPv6 addresses.
            role: As whom to ask. STS is asked for it in the same region, with the first request; for the caller itself
                without.

        Returns:
            A boto3 client. Its requests raise `SourceError` where the role cannot be assumed.

        Raises:
            botocore.exceptions.BotoCoreError: The profile, the configuration or the region cannot be used.
            ValueError: The endpoint that the environment names is no URL.
        """
        kind = _Kind(service, region, fips, dual_stack, role)
        with self._making:
            if kind in self._clients:
                return self._clients[kind]
            with concurrency.garbage_collection_paused():
                return self._client(kind)

    def _client(self, kind: _Kind) -> Any:
        if kind not in self._clients:
            client = self._session_for(kind).client(
                kind.service, region_name=kind.region or None, config=kind.configuration()
            )
            if self._tally:
                _count_calls(client, kind.service, self._tally)
            self._clients[kind] = client
        return self._clients[kind]

    def _session_for(self, kind: _Kind) -> Any:
        if kind.role is None:
            self._session = self._session or self._session_factory()
            return self._session
        # Not its dual-stack endpoint: STS has none in some partitions, and the environment can ask for it.
        sts = self._client(_Kind("sts", kind.region, kind.fips))
        return self._role_session_factory(role_credentials(sts, kind.role))


def _count_calls(client: Any, service: str, call_stats: CallStats) -> None:
    """Count the requests of a client by the names that IAM has for actions: `ecr:DescribeImages`.

    Of botocore's events these two come with every try, and both on the thread that makes it:
    https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
    """
    under_way = threading.local()

    def begin(event_name: str, **_: Any) -> None:
        under_way.began = call_stats.begin(_action(service, event_name))

    def end(event_name: str, **_: Any) -> None:
        if (began := under_way.__dict__.pop("began", None)) is not None:
            call_stats.end(_action(service, event_name), began)

    client.meta.events.register("before-send", begin)
    client.meta.events.register("response-received", end)


def _action(service: str, event_name: str) -> str:
    return f"{service}:{event_name.rpartition('.')[2]}"
