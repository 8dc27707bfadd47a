"""Stop sending requests to a host that keeps failing, so that it does not fail once per image."""

from __future__ import annotations

import threading

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.endpoints import Endpoint
from image_pinner.sources.http.errors import HostFaultError, parse_http_url
from image_pinner.sources.http.messages import RETRYABLE_STATUSES, THROTTLED, Reply, Request, Sender
from image_pinner.sources.interface import Deadline

FAILURES_IN_A_ROW = 3
"""After this many failed requests in a row, each with all its attempts, a host gets no further request."""


class CircuitBreaker:
    """Sends requests with `sender`, and refuses further ones to a host that fails, for one run.

    A host that cannot be reached, does not respond, is not trusted or throttles is refused after one request; one that
    has errors of its own (5xx) after several in a row, since a single image may be broken.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._lock = threading.Lock()
        self._failed: dict[Endpoint, SourceError] = {}
        self._in_a_row: dict[Endpoint, int] = {}

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Send a request, unless its host has failed before. See `Sender.send`."""
        host = Endpoint.of(parse_http_url(request.url))
        if failed := self._failed.get(host):
            raise SourceError(f"no further requests to {host}: {failed.cause}", failed.help)
        try:
            reply = self._sender.send(request, deadline)
        except HostFaultError as fault:
            self._failed.setdefault(host, fault)
            raise
        self._count(host, reply)
        return reply

    def _count(self, host: Endpoint, reply: Reply) -> None:
        with self._lock:
            if reply.status not in RETRYABLE_STATUSES:
                self._in_a_row[host] = 0
                return
            self._in_a_row[host] = self._in_a_row.get(host, 0) + 1
            if reply.status == THROTTLED or self._in_a_row[host] >= FAILURES_IN_A_ROW:
                self._failed.setdefault(host, SourceError(str(reply), "retry in a few minutes"))
