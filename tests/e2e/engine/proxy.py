"""A proxy on loopback: it forwards requests unchanged, may respond to some itself, and reports each."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self

from e2e.engine.recording import Request

_IDLE = 30.0  # seconds
_UPSTREAM = 180.0  # seconds; the engine responds to `Invoke` after the function has
_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


class Reply(NamedTuple):
    """An HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Gate = Callable[[Request], Reply | None]
"""Responds to a request, or returns `None` to forward it."""
Correction = Callable[[Request, Reply], Reply]
"""Converts a response to that of the service."""
Witness = Callable[[Request, int], None]
"""Receives each request and the status of its response."""


class Proxy:
    """Forwards requests to one port on loopback."""

    def __init__(
        self,
        upstream: int,
        *,
        gate: Gate | None = None,
        correct: Correction | None = None,
        record: Witness | None = None,
    ) -> None:
        self._upstream = upstream
        self._gate, self._correct, self._record = gate, correct, record
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: Request) -> Reply:
        """Respond to a request."""
        reply = self._gate(request) if self._gate else None
        if reply is None:
            reply = self._forward(request)
            reply = self._correct(request, reply) if self._correct else reply
        if self._record:
            self._record(request, reply.status)
        return reply

    def _forward(self, request: Request) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=_UPSTREAM)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() not in {*_OF_ONE_CONNECTION, "expect"} - {"date"}:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(request.body)))
            connection.putheader("Connection", "close")
            connection.endheaders(request.body)
            response = connection.getresponse()
            body = response.read()
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _OF_ONE_CONNECTION]
            if request.method == "HEAD":
                headers.append(("Content-Length", response.getheader("Content-Length", "0")))
            return Reply(response.status, headers, body)
        except OSError as error:
            return Reply(502, [], f"the proxy could not reach what is behind it: {error}".encode())
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    # `server_close` joins the threads, so that none is left running.
    daemon_threads = False

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: object) -> None:
        """Ignore errors, because a disconnected client does not fail a test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    server: _Server

    def log_message(self, *_: object) -> None:
        """Log nothing, because the proxy reports requests itself."""

    def _serve(self) -> None:
        # One connection for each request, so that none is idle at the end of the test.
        self.close_connection = True
        request = Request(self.command, self.path, dict(self.headers.items()), self._body())
        reply = self.server.proxy.answer(request)
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _serve  # noqa: N815
