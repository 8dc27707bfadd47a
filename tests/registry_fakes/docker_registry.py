"""The real registry program, `docker-registry` of Debian, on loopback, and pushing to it by plain requests.

https://distribution.github.io/distribution/about/configuration/
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from image_pinner.core.images.digests import Digest

PROGRAM = "docker-registry"
USER, PASSWORD = "robot", "loopback-only"
# The line of an htpasswd file for that password, made once with bcrypt at its lowest cost.
_HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuucJNoj1zsjPrqk/a2HjbuRSfW87b9Cb2\n"
_READY_WITHIN = 20.0  # seconds; it takes 30 ms


@dataclass(frozen=True)
class DockerRegistry:
    """A running registry: where it is, and how images get there."""

    host: str
    login: Sequence[str] = ()
    client: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=4, retries=False))

    def push_blob(self, repository: str, blob: bytes) -> None:
        started = self._send("POST", f"/v2/{repository}/blobs/uploads/", b"", 202)
        parts = urlsplit(started.headers["Location"])
        self._send("PUT", f"{parts.path}?{parts.query}&digest={Digest.of(blob)}", blob, 201)

    def push_manifest(
        self, repository: str, manifest: bytes, media_type: str, *, tag: str = "", blobs: Sequence[bytes] = ()
    ) -> None:
        for blob in blobs:
            self.push_blob(repository, blob)
        name = tag or str(Digest.of(manifest))
        self._send("PUT", f"/v2/{repository}/manifests/{name}", manifest, 201, media_type)

    def _send(
        self, method: str, path: str, body: bytes, expected: int, media_type: str = "application/octet-stream"
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": media_type}
        if self.login:
            headers |= urllib3.make_headers(basic_auth=":".join(self.login))
        answer = self.client.request(method, f"http://{self.host}{path}", body=body, headers=headers)
        assert answer.status == expected, (method, path, answer.status, answer.data)
        return answer


@contextmanager
def docker_registry(directory: Path, *, with_login: bool = False, in_memory: bool = False) -> Iterator[DockerRegistry]:
    """Run a registry that keeps all it has in a directory; the test is skipped where the program is missing.

    In memory it is quicker to push to, and cannot list its tags.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.skip(f"{PROGRAM} is not installed")
    host = f"127.0.0.1:{_free_port()}"
    config, log = directory / "config.json", directory / "log"
    config.write_text(json.dumps(_config(directory, host, with_login=with_login, in_memory=in_memory)))
    with log.open("wb") as output:
        process = subprocess.Popen([program, "serve", str(config)], stdout=output, stderr=output)
    registry = DockerRegistry(host, (USER, PASSWORD) if with_login else ())
    try:
        _wait_for(process, host, log)
        yield registry
    finally:
        registry.client.clear()
        process.terminate()
        process.wait(10)


def _config(directory: Path, host: str, *, with_login: bool, in_memory: bool) -> dict[str, object]:
    directories = {"filesystem": {"rootdirectory": str(directory / "storage")}}
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"inmemory": {}} if in_memory else directories,
        "http": {"addr": host},
    }
    if with_login:
        htpasswd = directory / "htpasswd"
        htpasswd.write_text(_HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "loopback", "path": str(htpasswd)}}
    return config


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    name, port = host.split(":")
    begun = time.monotonic()
    while time.monotonic() - begun < _READY_WITHIN:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection((name, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.005)
        else:
            return
    pytest.fail(f"{PROGRAM} was not ready within {_READY_WITHIN} seconds")
