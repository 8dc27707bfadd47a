"""Create clients of AWS services, with assumed roles and a timeout for every request."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NamedTuple

from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources import concurrency
from image_pinner.sources.aws.errors import UnknownRegionError
from image_pinner.sources.call_stats import CallStats

MAX_CLIENTS = 32
"""The maximum number of clients that are kept; each takes about 400 KB, and the one used least recently is dropped."""


class _ClientKey(NamedTuple):
    service: str
    region: str
    fips: bool = False
    dual_stack: bool = False
    role: RegistryRole | None = None


class AwsClients:
    """Create clients of AWS services, one for each service, region, kind of endpoint and role, and keep `MAX_CLIENTS`.

    Sessions and clients may be used on several threads, but not created on several threads, so a lock guards that:
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients

    Args:
        session_factory: Returns a `boto3.Session`, or an object with its method `client`; called once, when needed. The
            default uses the environment.
        role_session_factory: Returns such a session for the credentials of a role.
        call_stats: Counts the requests, if set.
    """

    def __init__(
        self,
        session_factory: Callable[[], Any] | None = None,
        *,
        role_session_factory: Callable[[Any], Any] | None = None,
        call_stats: CallStats | None = None,
    ) -> None:
        self._session_factory = session_factory
        self._role_session_factory = role_session_factory
        self._call_stats = call_stats
        self._own_session: list[Any] = []  # at most one; the copies of `allowing` share it
        self._clients: dict[_ClientKey, Any] = {}
        self._lock = threading.Lock()
        self._regions: frozenset[str] = frozenset({""})

    def allowing(self, regions: Iterable[str]) -> AwsClients:
        """Return these clients with regions that are valid without a check, even if botocore does not know them."""
        allowing = copy.copy(self)
        allowing._regions = self._regions.union(regions)  # noqa: SLF001 - of the same class
        return allowing

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
            ValueError: The endpoint in the environment is not a URL, or the region is neither allowed nor known.
        """
        if region not in self._regions and region not in _sessions().known_regions():
            raise UnknownRegionError(region)
        with self._lock:
            return self._client(_ClientKey(service, region, fips, dual_stack, role))

    def _client(self, key: _ClientKey) -> Any:
        client = self._clients.pop(key, None) or self._create(key)
        self._clients[key] = client  # the last key is the one used most recently
        if len(self._clients) > MAX_CLIENTS:
            del self._clients[next(iter(self._clients))]
        return client

    def _create(self, key: _ClientKey) -> Any:
        with concurrency.garbage_collection_paused():
            client = self._session_for(key).client(
                key.service,
                region_name=key.region or None,
                config=_sessions().client_config(fips=key.fips, dual_stack=key.dual_stack),
            )
        if self._call_stats:
            _count_requests(client, key.service, self._call_stats)
        return client

    def _session_for(self, key: _ClientKey) -> Any:
        if key.role is None:
            if not self._own_session:
                self._own_session.append((self._session_factory or _sessions().default_session)())
            return self._own_session[0]
        # Never the dual-stack endpoint: STS has none in some partitions, and the environment can select it.
        sts = self._client(_ClientKey("sts", key.region, key.fips))
        session_with = self._role_session_factory or _sessions().session_with
        return session_with(_sessions().role_credentials(sts, key.role))


def _sessions() -> ModuleType:
    from image_pinner.sources.aws import sessions  # noqa: PLC0415 - see the docstring of that module

    return sessions


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
