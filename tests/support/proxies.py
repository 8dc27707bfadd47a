"""An HTTP proxy on loopback, which opens tunnels for CONNECT and forwards requests with an absolute URL."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_MAX_HEAD = 64 * 1024
_SECONDS = 30.0

Behaviour = Callable[[socket.socket, threading.Event], object]
"""Answers a client instead of the proxy; the event is set when the proxy stops."""


@dataclass(frozen=True)
class Forwarded:
    """A request that the proxy received: method, target, and the headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


def responding(status: int, text: str = "Refused") -> Behaviour:
    """Send a status to each request."""
    head = f"HTTP/1.1 {status} {text}\r\nContent-Length: 0\r\n\r\n".encode()
    return lambda client, _: client.sendall(head)


def hanging(_: socket.socket, stopping: threading.Event) -> None:
    """Send nothing until the proxy stops."""
    stopping.wait(_SECONDS)


def dripping(client: socket.socket, stopping: threading.Event) -> None:
    """Send a response that never ends, slowly."""
    client.sendall(b"HTTP/1.1 200 Connected\r\nX: ")
    while not stopping.wait(0.05):
        client.sendall(b"x")


def sending(content: bytes) -> Behaviour:
    """Send something, and close the connection."""
    return lambda client, _: client.sendall(content)


class Proxy:
    """Forwards to where `routes` lead: the address for a target, by default the target itself.

    Args:
        routes: The port on loopback by target, `host:port`; a host need not exist in DNS.
        credentials: The `user:password` to require, or empty.
        behaviour: What it does instead of forwarding.
        certificate: The context to serve over TLS.
    """

    def __init__(
        self,
        routes: Mapping[str, int] | None = None,
        *,
        credentials: str = "",
        behaviour: Behaviour | None = None,
        certificate: ssl.SSLContext | None = None,
    ) -> None:
        self.received: list[Forwarded] = []
        self._routes = dict(routes or {})
        self._authorization = f"Basic {base64.b64encode(credentials.encode()).decode()}" if credentials else ""
        self._behaviour = behaviour
        self._certificate = certificate
        self._stopping = threading.Event()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._accepting = threading.Thread(target=self._accept)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def targets(self) -> list[str]:
        return [request.target for request in self.received]

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for opened in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()
        for thread in (self._accepting, *self._threads):
            thread.join(5)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            client.settimeout(_SECONDS)
            if self._certificate:
                client = self._certificate.wrap_socket(client, server_side=True)
                self._open.append(client)
            stack.callback(client.close)
            head, body = _read_head(client)
            request = _parse(head)
            self.received.append(request)
            if self._behaviour:
                self._behaviour(client, self._stopping)
            elif self._authorization and request.headers.get("proxy-authorization") != self._authorization:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            else:
                self._forward(client, request, body)

    def _forward(self, client: socket.socket, request: Forwarded, body: bytes) -> None:
        is_tunnel = request.method == "CONNECT"
        target = request.target if is_tunnel else urlsplit(request.target).netloc
        host, _, port = target.rpartition(":")
        address = ("127.0.0.1", self._routes[target]) if target in self._routes else (host.strip("[]"), int(port))
        try:
            upstream = socket.create_connection(address, _SECONDS)
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        self._open.append(upstream)
        if is_tunnel:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            parts = urlsplit(request.target)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            names = {name: value for name, value in request.headers.items() if not name.startswith("proxy-")}
            lines = "".join(f"{name}: {value}\r\n" for name, value in {**names, "connection": "close"}.items())
            upstream.sendall(f"{request.method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
        back.start()
        _copy(client, upstream)
        back.join(_SECONDS)


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _MAX_HEAD:
        chunk = client.recv(4096)
        if not chunk:
            break
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


def _parse(head: bytes) -> Forwarded:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return Forwarded(method, target, {name.strip().lower(): value.strip() for name, _, value in pairs})


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(64 * 1024):
            target.sendall(chunk)
    for opened in (source, target):
        with contextlib.suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)
