"""Connections that know whom they have reached, and that can be cut from outside."""

from __future__ import annotations

import socket
import ssl
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar, cast

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from image_pinner.sources.http.addresses import AddressScope, forbidden_address, scope_of_address
from image_pinner.sources.interface import Deadline

C = TypeVar("C", bound=HTTPConnection)

# More hosts than one template names: urllib3 forgets a pool, and with it the bound per host, beyond this number.
_HOSTS = 1024


class OpenSockets:
    """The sockets that are open, each with the deadline of the request that it serves, so that they can be cut.

    A server that sends a byte now and then keeps a read alive for as long as it likes; only closing the socket under
    the read ends it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakKeyDictionary[socket.socket, Deadline | None] = weakref.WeakKeyDictionary()
        self._current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)

    @contextmanager
    def serving(self, deadline: Deadline) -> Iterator[None]:
        """Say for which deadline sockets are opened and used on this thread from now on."""
        token = self._current.set(deadline)
        try:
            yield
        finally:
            self._current.reset(token)

    def add(self, opened: socket.socket) -> None:
        """Remember a socket for as long as it is in use, with the deadline that it serves now."""
        with self._lock:
            self._sockets[opened] = self._current.get()

    def cut(self, deadline: Deadline | None = None) -> None:
        """End the reads and writes that are under way: all of them, or those that serve a deadline."""
        with self._lock:
            opened = [one for one, served in self._sockets.items() if deadline is None or served is deadline]
        for one in opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def pools(
    allowed_scope: AddressScope, opened: OpenSockets, per_host: int, context: ssl.SSLContext | None
) -> PoolManager:
    """Give connection pools for hosts that are no nearer than a scope.

    The address is looked at once the connection stands, before a request is sent: what a name means may have changed
    since it was asked.

    Args:
        allowed_scope: The nearest scope that a connection may reach.
        opened: Where the sockets are remembered.
        per_host: How many connections one host gets; further requests wait for one.
        context: Which certificates are trusted, or `None` for hosts by plain http.

    Returns:
        The pools; their responses' connections have the `AddressScope` reached as `peer`.
    """
    manager = PoolManager(_HOSTS, maxsize=per_host, block=True, ssl_context=context)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = _watched(HTTPConnection, allowed_scope, opened)

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = _watched(HTTPSConnection, allowed_scope, opened)

    manager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return manager


def _watched(kind: type[C], allowed_scope: AddressScope, opened: OpenSockets) -> type[C]:
    class WatchedConnection(kind):  # type: ignore[valid-type, misc] # the same for both of urllib3's classes
        peer: AddressScope = AddressScope.GLOBAL

        def connect(self) -> None:
            super().connect()
            opened.add(self.sock)
            self.peer = scope_of_address(self.sock.getpeername()[0])
            if self.peer > allowed_scope:
                raise forbidden_address(self.host)

        def getresponse(self) -> HTTPResponse:
            # A connection of the pool may have been opened for another request.
            opened.add(self.sock)
            return cast("HTTPResponse", super().getresponse())

    return cast("type[C]", WatchedConnection)
