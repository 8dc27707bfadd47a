"""Connections that can be aborted, that go only where they may, and whose responses have limited headers."""

from __future__ import annotations

import re
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from http.client import HTTPException
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
# In the message of `http.client.HTTPConnection`: https://github.com/python/cpython/blob/v3.13.0/Lib/http/client.py
_STATUS = re.compile(r"\ATunnel connection failed: ([0-9]{3})\b", re.ASCII)


class ForbiddenPeerError(Exception):
    """A connection has reached an address that it must not."""


class ProxyResponseError(Exception):
    """A proxy did not open a tunnel.

    `status` is that of its response; `None` if it sent no valid one.
    """

    def __init__(self, status: int | None, *, timed_out: bool = False) -> None:
        super().__init__(status)
        self.status = status
        self.timed_out = timed_out


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
                        connected = cast("socket.socket", super()._new_conn())
                        opened.add(connected)  # a proxy that responds slowly is cut too
                        return connected
                    if opened.is_over():
                        break
            finally:
                self._dns_host = name
            raise ConnectTimeoutError(self, "")

        def connect(self) -> None:
            super().connect()
            opened.add(_socket_of(self))
            self.peer = _check_peer(self, allowed_scope)
            if opened.is_over():
                raise ConnectTimeoutError(self, "")

        def getresponse(self) -> HTTPResponse:
            # A connection from the pool may have been opened for another request.
            opened.add(_socket_of(self))
            return cast("HTTPResponse", super().getresponse())

        def _tunnel(self) -> None:
            _open_tunnel(super()._tunnel)

    return cast("type[C]", GuardedConnection)


def _check_peer(connection: HTTPConnection, allowed_scope: AddressScope) -> AddressScope:
    """Return the scope of the address that a connection has reached, or raise `ForbiddenPeerError`.

    The address of a server behind a proxy is unknown, so that it counts as global. The proxy itself may have any
    address.
    """
    if connection.proxy is not None:
        return AddressScope.GLOBAL
    peer = scope_of_address(connection.sock.getpeername()[0])
    if peer > allowed_scope:
        raise ForbiddenPeerError
    return peer


def _open_tunnel(connect: Callable[[], None]) -> None:
    try:
        connect()
    except TimeoutError:
        raise ProxyResponseError(None, timed_out=True) from None
    except (OSError, HTTPException) as error:
        status = _STATUS.search(str(error))
        raise ProxyResponseError(int(status[1]) if status else None) from None


def _socket_of(connection: HTTPConnection) -> socket.socket:
    """Return the socket of a connection; TLS to a server inside of TLS to a proxy wraps that to the proxy."""
    return cast("socket.socket", getattr(connection.sock, "socket", connection.sock))


def _addresses_to_try(connection: HTTPConnection, name: str) -> list[str]:
    """Return the first addresses of a host: urllib3 would try all, which can be any number, each until the timeout."""
    try:
        return list(dict.fromkeys(addresses_of(name)))[:_MAX_ADDRESSES]
    except OSError as error:
        raise NameResolutionError(name, connection, cast("socket.gaierror", error)) from None
