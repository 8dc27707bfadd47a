"""Giving up: a host that keeps failing is told about once in a run, and not asked again for every image."""

from __future__ import annotations

import threading
from typing import NamedTuple

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.endpoints import Endpoint
from image_pinner.sources.http.errors import HostFaultError, parsed
from image_pinner.sources.http.messages import Reply, Request, Sender, told
from image_pinner.sources.http.transport import RETRYABLE_STATUSES
from image_pinner.sources.interface import Deadline

FAILURES_IN_A_ROW = 3
"""After so many requests in a row that a host failed at, each tried several times, it is given up."""

_THROTTLED = 429  # says that the host wants fewer requests, whatever they are about


class _Given(NamedTuple):
    cause: str
    help: str


class CircuitBreaker:
    """Sends requests until a host turns out to fail, and refuses further requests to it from then on, for one run.

    A host that cannot be reached, does not answer, is not trusted or is throttling is given up at once, after the tries
    that each request has; one that has faults of its own (5xx) after some in a row, for a single image may be broken.

    Args:
        sender: Sends the requests.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._lock = threading.Lock()
        self._given_up: dict[Endpoint, _Given] = {}
        self._in_a_row: dict[Endpoint, int] = {}

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Send a request. See `Sender.send`.

        Raises:
            SourceError: Also where the host was given up before.
        """
        host = Endpoint.of(parsed(request.url))
        if given := self._given_up.get(host):
            raise SourceError(f"{host} was given up, since {given.cause}", given.help)
        try:
            reply = self._sender.send(request, deadline)
        except HostFaultError as fault:
            self._given_up.setdefault(host, _Given(fault.cause, fault.help))
            raise
        self._note(host, reply)
        return reply

    def _note(self, host: Endpoint, reply: Reply) -> None:
        with self._lock:
            if reply.status not in RETRYABLE_STATUSES:
                self._in_a_row[host] = 0
                return
            self._in_a_row[host] = self._in_a_row.get(host, 0) + 1
            if reply.status == _THROTTLED or self._in_a_row[host] >= FAILURES_IN_A_ROW:
                cause = f"{reply.url} answered {reply.status}{told(reply.attempts)}"
                self._given_up.setdefault(host, _Given(cause, "Try again in some minutes"))
