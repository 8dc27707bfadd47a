"""Clients of AWS services: each made once, and with a limit on every wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from image_pinner import __version__
from image_pinner.sources import collector

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


class AwsClients:
    """Gives clients, the same one for the same service, region and kind of endpoint, for as long as it lives.

    Making a session or a client is not safe on two threads at once, using a client is, so making them is guarded here:
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients

    boto3 itself honours `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.

    Args:
        session_factory: Gives a `boto3.Session`, or what has its method `client`; called once, when first needed.
    """

    def __init__(self, session_factory: Callable[[], Any] = default_session) -> None:
        self._session_factory = session_factory
        self._session: Any = None
        self._clients: dict[tuple[str, str, bool, bool], Any] = {}
        self._making = threading.Lock()

    def client(self, service: str, region: str, *, fips: bool = False, dual_stack: bool = False) -> Any:
        """Give the client of a service in a region.

        Args:
            service: The service by botocore's name, `ecr` for example.
            region: The region; empty for the one that the environment names.
            fips: Whether to ask the endpoint with validated cryptography.
            dual_stack: Whether to ask the endpoint that has IPv6 addresses.

        Returns:
            A boto3 client.

        Raises:
            botocore.exceptions.BotoCoreError: The profile, the configuration or the region cannot be used.
            ValueError: The endpoint that the environment names is no URL.
        """
        key = (service, region, fips, dual_stack)
        with self._making:
            if key not in self._clients:
                with collector.paused():
                    self._session = self._session or self._session_factory()
                    self._clients[key] = self._session.client(
                        service, region_name=region or None, config=_configuration(fips=fips, dual_stack=dual_stack)
                    )
            return self._clients[key]


def _configuration(*, fips: bool, dual_stack: bool) -> Any:
    from botocore.config import Config  # noqa: PLC0415 - loaded with the first client, not before

    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html#adaptive-retry-mode
        retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
        max_pool_connections=_CONNECTIONS,
        user_agent_extra=f"image-pinner/{__version__}",
        # Where nothing is asked for, the environment decides.
        use_fips_endpoint=fips or None,
        use_dualstack_endpoint=dual_stack or None,
    )
