"""Clients of AWS services: each made once, and with a limit on every wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from image_pinner import __version__
from image_pinner.core.images.ecr_roles import RegistryRole
from image_pinner.sources import collector
from image_pinner.sources.aws.roles import role_credentials, session_with
from image_pinner.sources.call_tally import CallTally

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
        tally: Counts the calls.
    """

    def __init__(
        self,
        session_factory: Callable[[], Any] = default_session,
        role_session_factory: Callable[[Any], Any] = session_with,
        tally: CallTally | None = None,
    ) -> None:
        self._session_factory = session_factory
        self._role_session_factory = role_session_factory
        self._tally = tally
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
            with collector.paused():
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


def _count_calls(client: Any, service: str, tally: CallTally) -> None:
    """Count the requests of a client by the names that IAM has for actions: `ecr:DescribeImages`.

    Of botocore's events these two come with every try, and both on the thread that makes it:
    https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
    """
    under_way = threading.local()

    def begin(event_name: str, **_: Any) -> None:
        under_way.began = tally.begin(_action(service, event_name))

    def end(event_name: str, **_: Any) -> None:
        if (began := under_way.__dict__.pop("began", None)) is not None:
            tally.end(_action(service, event_name), began)

    client.meta.events.register("before-send", begin)
    client.meta.events.register("response-received", end)


def _action(service: str, event_name: str) -> str:
    return f"{service}:{event_name.rpartition('.')[2]}"
