"""Requests without an HTTP library: the time that the registry and the network take for any client.

The arguments are the registry's host, the file with its CA certificate and the number of connections. Standard input
has the paths. Prints the duration in seconds and the digests of the bodies as JSON.
"""

from __future__ import annotations

import hashlib
import json
import queue
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

_ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
_CHUNK = 65536


def main(host: str, ca_file: str, connections: int) -> None:
    """Request all paths and print the result."""
    paths = sys.stdin.read().split()
    todo: queue.SimpleQueue[str] = queue.SimpleQueue()
    digests: dict[str, str] = {}
    for path in paths:
        todo.put(path)
    started = time.perf_counter()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_file)
    with ThreadPoolExecutor(connections) as workers:
        running = [workers.submit(_request_all, host, context, todo, digests) for _ in range(connections)]
    for future in running:
        future.result()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": [seconds], "digests": [digests[path] for path in paths]}))  # noqa: T201


def _request_all(host: str, context: ssl.SSLContext, todo: queue.SimpleQueue[str], digests: dict[str, str]) -> None:
    name, port = host.split(":")
    with (
        socket.create_connection((name, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=name) as wire,
    ):
        while True:
            try:
                path = todo.get_nowait()
            except queue.Empty:
                return
            wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {_ACCEPT}\r\n\r\n".encode())
            digests[path] = f"sha256:{hashlib.sha256(_body(wire)).hexdigest()}"


def _body(wire: ssl.SSLSocket) -> bytes:
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _receive(wire)
    lines = received[:end].lower().split(b"\r\n")
    (length,) = (int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    while len(received) < end + 4 + length:
        received += _receive(wire)
    return received[end + 4 :]


def _receive(wire: ssl.SSLSocket) -> bytes:
    received = wire.recv(_CHUNK)
    if not received:
        raise ConnectionError("the registry closed the connection within a response")
    return received


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
