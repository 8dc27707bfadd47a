"""A reverse proxy that adds TLS and latency to a registry, like a remote registry, and counts requests.

It runs in a process of its own, so that it does not share an interpreter with the measured client.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, cast

from support.certificates import create_ca

_ADDRESS = "127.0.0.1"
_STOP_TIMEOUT = 10.0  # seconds


class Traffic(NamedTuple):
    """The traffic since the last report."""

    manifest_gets: int
    manifest_heads: int
    versions: int
    """Requests for `/v2/`, with which clients detect a registry and its authentication."""
    tokens: int
    others: int
    connections: int
    most_at_once: int
    """The highest number of open connections."""

    @property
    def requests(self) -> int:
        return self.manifest_gets + self.manifest_heads + self.versions + self.tokens + self.others


class DelayingProxy:
    """A running proxy: its host, its CA certificate and its traffic."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.host, ca_file = self._read()
        self.ca_file = Path(ca_file)

    def traffic(self) -> Traffic:
        """Return the traffic since the last call; all connections must be closed."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Traffic(*self._read())

    def _read(self) -> list[str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the proxy exited early"
        return cast("list[str]", json.loads(line))


@contextmanager
def delaying_proxy(directory: Path, registry: str, latency: float) -> Iterator[DelayingProxy]:
    """Run a proxy in front of a registry on loopback, which it requests over plain HTTP.

    Each response is delayed by `latency` seconds, those of several connections at the same time. Connecting is not
    delayed.
    """
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-m", "benchmarks.delaying_proxy", str(directory), registry, str(latency)]
    paths = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    with process:
        try:
            yield DelayingProxy(process)
        finally:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()  # at which it exits
            try:
                process.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


class _Meter:
    """Counts the traffic between two reports."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._connections = self._most = self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def opened(self) -> None:
        self._connections += 1
        self._open += 1
        self._most = max(self._most, self._open)
        self._idle.clear()

    def closed(self) -> None:
        self._open -= 1
        if not self._open:
            self._idle.set()

    def count(self, method: str, path: str) -> None:
        if "/manifests/" in path:
            self._kinds[f"manifest {method}"] += 1
        else:
            self._kinds["version" if path == "/v2/" else "token" if path.startswith("/token") else "other"] += 1

    async def report(self) -> Traffic:
        with suppress(TimeoutError):  # the end of a connection may still be in transit
            await asyncio.wait_for(self._idle.wait(), 1.0)
        names = ("manifest GET", "manifest HEAD", "version", "token", "other")
        seen = Traffic(*(self._kinds[name] for name in names), self._connections, self._most)
        self._kinds.clear()
        self._connections, self._most = 0, self._open
        return seen


class _Requests:
    """Parses the requests of a client; all clients here send `Content-Length` with a body."""

    def __init__(self) -> None:
        self._unread = bytearray()
        self._body_left = 0

    def read(self, data: bytes) -> Iterator[tuple[str, str]]:
        """Yield method and path of each request whose header is complete."""
        self._unread += data
        while self._unread:
            length = min(self._body_left, len(self._unread))
            self._body_left -= length
            del self._unread[:length]
            end = self._unread.find(b"\r\n\r\n")
            if self._body_left or end < 0:
                return
            first, *fields = self._unread[:end].decode("latin-1").split("\r\n")
            del self._unread[: end + 4]
            lengths = [one.partition(":")[2] for one in fields if one.lower().startswith("content-length:")]
            self._body_left = int(lengths[0]) if lengths else 0
            method, path, _ = first.split(" ")
            yield method, path


class _Client(asyncio.Protocol):
    """A connection of a client, with its own connection to the registry."""

    def __init__(self, registry: str, latency: float, meter: _Meter) -> None:
        self._registry = registry
        self._latency = latency
        self._meter = meter
        self._requests = _Requests()
        self._pending: list[bytes] = []
        self._upstream: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._meter.opened()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        host, port = self._registry.rsplit(":", 1)
        loop = asyncio.get_running_loop()
        try:
            upstream, _ = await loop.create_connection(
                lambda: _Upstream(self.transport, self._latency), host, int(port)
            )
        except OSError:
            self.transport.abort()
            return
        if self.transport.is_closing():
            upstream.close()
            return
        upstream.writelines(self._pending)
        self._upstream = upstream

    def data_received(self, data: bytes) -> None:
        for method, path in self._requests.read(data):
            self._meter.count(method, path)
        if self._upstream is None:
            self._pending.append(data)
        else:
            self._upstream.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._meter.closed()
        if self._upstream is not None:
            self._upstream.close()


class _Upstream(asyncio.Protocol):
    """The connection to the registry for one client."""

    def __init__(self, client: asyncio.Transport, latency: float) -> None:
        self._client = client
        self._latency = latency
        self._in_transit: deque[bytes] = deque()

    def data_received(self, data: bytes) -> None:
        self._in_transit.append(data)
        asyncio.get_running_loop().call_later(self._latency, self._arrive)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        asyncio.get_running_loop().call_later(self._latency, self._client.close)

    def _arrive(self) -> None:
        data = self._in_transit.popleft()
        if not self._client.is_closing():
            self._client.write(data)


async def _serve(directory: Path, registry: str, latency: float) -> None:
    """Serve until standard input ends; write a report for each of its lines."""
    loop = asyncio.get_running_loop()
    certificate = create_ca(directory).issue(directory, _ADDRESS)
    meter = _Meter()
    server = await loop.create_server(
        lambda: _Client(registry, latency, meter), _ADDRESS, 0, ssl=certificate.context, backlog=128
    )
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    async with server:
        _write([f"{_ADDRESS}:{server.sockets[0].getsockname()[1]}", str(certificate.ca_file)])
        while await commands.readline():
            _write(await meter.report())


def _write(values: list[str] | Traffic) -> None:
    print(json.dumps(values), flush=True)  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
