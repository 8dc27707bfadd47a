"""Connections that can be aborted, that go only where they may, and whose responses have limited headers."""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar, cast

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse

from image_pinner.sources.http.addresses import AddressScope, addresses_of, scope_of_address
from image_pinner.sources.http.responses import LimitedHeadResponse
from image_pinner.sources.interface import Deadline

C = TypeVar("C", bound=HTTPConnection)
_MAX_ADDRESSES = 3


class ForbiddenPeerError(Exception):
    """A connection has reached an address that it must not."""


class OpenSockets:
    """The open sockets, each with the deadline of its request, so that they can be cut.

    A server that sends a byte now and then keeps a read alive: only shutting the socket down ends that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakKeyDictionary[socket.socket, Deadline | None] = weakref.WeakKeyDictionary()
        self._current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)

    @contextmanager
    def serving(self, deadline: Deadline) -> Iterator[None]:
        """Set the deadline of the sockets that this thread opens or uses."""
        token = self._current.set(deadline)
        try:
            yield
        finally:
            self._current.reset(token)

    def add(self, opened: socket.socket) -> None:
        """Record that a socket is in use for the current deadline."""
        with self._lock:
            self._sockets[opened] = self._current.get()

    def cut(self, deadline: Deadline | None = None) -> None:
        """End the reads and writes in progress: all, or those of a deadline."""
        with self._lock:
            opened = [one for one, served in self._sockets.items() if deadline is None or served is deadline]
        for one in opened:
            with suppress(OSError):
                # Not the method of a TLS socket, which would end the encryption of a read in progress.
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def is_over(self) -> bool:
        """Return whether the deadline of the current request has passed."""
        deadline = self._current.get()
        return deadline is not None and deadline.remaining() <= 0


def pool_classes(allowed_scope: AddressScope, opened: OpenSockets) -> dict[str, type[HTTPConnectionPool]]:
    """Return the pools by scheme, whose connections reach at most `allowed_scope` and are registered in `opened`."""

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = _guarded(HTTPConnection, allowed_scope, opened)

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = _guarded(HTTPSConnection, allowed_scope, opened)

    return {"http": PlainPool, "https": TlsPool}


def _guarded(kind: type[C], allowed_scope: AddressScope, opened: OpenSockets) -> type[C]:
    """Return a connection class that checks the address it has reached, registers its socket and limits headers.

    The address is checked again after connecting, before a request is sent: the name may resolve to another one now.
    """

    class GuardedConnection(kind):  # type: ignore[valid-type, misc] # the same for both of urllib3's classes
        response_class = LimitedHeadResponse
        peer: AddressScope = AddressScope.GLOBAL
        _dns_host: str

        def _new_conn(self) -> socket.socket:
            name = self._dns_host
            addresses = _addresses_to_try(self, name)
            try:
                for address in addresses:
                    self._dns_host = address
                    failures = (ConnectTimeoutError, NewConnectionError) if address != addresses[-1] else ()
                    with suppress(*failures):
                        return cast("socket.socket", super()._new_conn())
                    if opened.is_over():
                        break
            finally:
                self._dns_host = name
            raise ConnectTimeoutError(self, "")

        def connect(self) -> None:
            super().connect()
            opened.add(self.sock)
            self.peer = scope_of_address(self.sock.getpeername()[0])
            if self.peer > allowed_scope:
                raise ForbiddenPeerError
            if opened.is_over():
                raise ConnectTimeoutError(self, "")

        def getresponse(self) -> HTTPResponse:
            # A connection from the pool may have been opened for another request.
            opened.add(self.sock)
            return cast("HTTPResponse", super().getresponse())

    return cast("type[C]", GuardedConnection)


def _addresses_to_try(connection: HTTPConnection, name: str) -> list[str]:
    """Return the first addresses of a host: urllib3 would try all, which can be any number, each until the timeout."""
    try:
        return list(dict.fromkeys(addresses_of(name)))[:_MAX_ADDRESSES]
    except OSError as error:
        raise NameResolutionError(name, connection, cast("socket.gaierror", error)) from None
