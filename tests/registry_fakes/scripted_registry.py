"""A registry that does what a test tells it: a real HTTP server on loopback, over TLS with a certificate."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: HTTPMessage
    body: bytes

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")


@dataclass(frozen=True)
class Answer:
    """A whole answer; `Content-Length` is added unless the headers have one."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Raw:
    """Bytes on the wire as the test writes them; the event is set when the server stops."""

    write: Callable[[BinaryIO, threading.Event], object]


Script = Callable[[Seen], Answer | Raw]


class ScriptedRegistry:
    """Runs a script for each request, and remembers the requests."""

    def __init__(self, script: Script, *, certificate: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._certificate = certificate
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._certificate else 'http'}://{self.host}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.cut()
        self._server.server_close()

    def secure(self, connection: socket.socket) -> socket.socket:
        self.connections += 1
        if self._certificate is None:
            return connection
        return self._certificate.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def handle(self, seen: Seen, wire: BinaryIO) -> bool:
        """Answer one request, and tell whether the connection is to be closed."""
        with self._lock:
            self.seen.append(seen)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = self.script(seen)
        finally:
            with self._lock:
                self._at_once -= 1
        if isinstance(answer, Raw):
            answer.write(wire, self._stopping)
            return True
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        wire.write(f"HTTP/1.1 {answer.status} Scripted\r\n{lines}\r\n".encode("latin-1") + answer.body)
        return False


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, registry: ScriptedRegistry) -> None:
        self.registry = registry
        self._open: list[socket.socket] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        secured = self.registry.secure(connection)
        self._open.append(secured)
        return secured, address

    def cut(self) -> None:
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = Seen(self.command, parts.path, parse_qs(parts.query), self.headers, body)
        self.close_connection = self.server.registry.handle(seen, self.wfile)  # type: ignore[arg-type]

    do_GET = do_POST = do_HEAD = handle_any  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""
