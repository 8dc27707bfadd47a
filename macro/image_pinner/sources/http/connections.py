"""Connections that know whom they have reached, and that can be cut from outside."""

from __future__ import annotations

import socket
import ssl
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from image_pinner.core.errors import ConfigurationError
from image_pinner.sources.http.addresses import AddressScope, scope_of_address, too_near

C = TypeVar("C", bound=HTTPConnection)

# More hosts than one template names: urllib3 forgets a pool, and with it the bound per host, beyond this number.
_HOSTS = 1024


class OpenSockets:
    """The sockets that are open, so that all of them can be cut when the time is up.

    A server that sends a byte now and then keeps a read alive for as long as it likes; only closing the socket under
    the read ends it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def add(self, opened: socket.socket) -> None:
        """Remember a socket for as long as it is in use."""
        with self._lock:
            self._sockets.add(opened)

    def cut(self) -> None:
        """End all reads and writes that are under way."""
        with self._lock:
            opened = list(self._sockets)
        for one in opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def pools(nearest: AddressScope, opened: OpenSockets, per_host: int, context: ssl.SSLContext | None) -> PoolManager:
    """Give connection pools for hosts that are no nearer than a scope.

    The address is looked at once the connection stands, before a request is sent: what a name means may have changed
    since it was asked.

    Args:
        nearest: The nearest scope that a connection may reach.
        opened: Where the sockets are remembered.
        per_host: How many connections one host gets; further requests wait for one.
        context: Which certificates are trusted, or `None` for hosts by plain http.

    Returns:
        The pools; their responses' connections have the `AddressScope` reached as `peer`.
    """
    manager = PoolManager(_HOSTS, maxsize=per_host, block=True, ssl_context=context)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = _watched(HTTPConnection, nearest, opened)

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = _watched(HTTPSConnection, nearest, opened)

    manager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return manager


def _watched(kind: type[C], nearest: AddressScope, opened: OpenSockets) -> type[C]:
    class WatchedConnection(kind):  # type: ignore[valid-type, misc] # the same for both of urllib3's classes
        peer: AddressScope = AddressScope.GLOBAL

        def connect(self) -> None:
            super().connect()
            opened.add(self.sock)
            self.peer = scope_of_address(self.sock.getpeername()[0])
            if self.peer > nearest:
                raise too_near(self.host)

    return cast("type[C]", WatchedConnection)


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Give the certificates that are trusted: the system's, and those of a file beside them.

    Args:
        ca_file: A file of further certificates of authorities in PEM form, or `None`.

    Returns:
        A context that verifies certificate and host name.

    Raises:
        ConfigurationError: The file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    system = ssl.get_default_verify_paths()
    if system.cafile is None and system.capath is None:
        _trust_certifi(context)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ConfigurationError(
                f"{ca_file}, which is to hold the certificates to trust, cannot be used: {error.strerror or error}",
                "Name a file with the authority's certificate in PEM form",
            ) from None
    return context


def _trust_certifi(context: ssl.SSLContext) -> None:
    # Python for macOS comes without certificates; botocore's users have certifi more often than not.
    with suppress(ImportError):
        import certifi  # noqa: PLC0415 - needed on systems without certificates only

        context.load_verify_locations(certifi.where())
