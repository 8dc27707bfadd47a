"""The real registry program, `docker-registry` of Debian, on loopback, and pushing to it by plain requests.

https://distribution.github.io/distribution/about/configuration/
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from image_pinner.core.images.references import Digest
from support.certificates import ServerCertificate

PROGRAM = "docker-registry"
USER, PASSWORD = "robot", "loopback-only"
ACCEPTS_SCHEMA1: Mapping[str, Any] = {"compatibility": {"schema1": {"enabled": True}}}
"""A part of the configuration: manifests of schema 1 may be pushed."""

# The line of an htpasswd file for that password, made once with bcrypt at its lowest cost.
_HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuucJNoj1zsjPrqk/a2HjbuRSfW87b9Cb2\n"
_BASIC = urllib3.make_headers(basic_auth=f"{USER}:{PASSWORD}")["authorization"]
_READY_WITHIN = 20.0  # seconds; it takes 30 ms
_LISTENING = re.compile(r'msg="listening on ([^",]+)[",]')


@dataclass(frozen=True)
class DockerRegistry:
    """A running registry: where it is, whom to trust for it, and how images get there."""

    host: str
    client: urllib3.PoolManager
    ca_file: Path | None = None
    authorization: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        return f"{'https' if self.ca_file else 'http'}://{self.host}"

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

    def get(self, path: str, accept: str = "") -> urllib3.BaseHTTPResponse:
        """Send an anonymous request, with an `Accept` header if it is not empty."""
        return self.client.request("GET", f"{self.url}{path}", headers={"Accept": accept} if accept else {})

    def _send(
        self, method: str, path: str, body: bytes, expected: int, media_type: str = "application/octet-stream"
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": media_type}
        if self.authorization:
            headers["Authorization"] = self.authorization
        reply = self.client.request(method, f"{self.url}{path}", body=body, headers=headers)
        assert reply.status == expected, (method, path, reply.status, reply.data)
        return reply


@contextmanager
def docker_registry(
    directory: Path,
    *,
    with_password: bool = False,
    in_memory: bool = False,
    certificate: ServerCertificate | None = None,
    address: str = "127.0.0.1",
    more: Mapping[str, Any] | None = None,
) -> Iterator[DockerRegistry]:
    """Run a registry with its storage in a directory; skip the test if the program is not installed.

    Pushing is faster with `in_memory`, but tags cannot be listed. With a certificate, the registry serves HTTPS only.
    `more` is added to its configuration: `pull_through`, `ACCEPTS_SCHEMA1`.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.skip(f"{PROGRAM} is not installed")
    config, log = directory / "config.json", directory / "log"
    storage = {"inmemory": {}} if in_memory else {"filesystem": {"rootdirectory": str(directory / "storage")}}
    auth = _auth_config(directory) if with_password else {}
    config.write_text(json.dumps({**_config(address, certificate), "storage": storage, **auth, **(more or {})}))
    ca_file = certificate.ca_file if certificate else None
    trusting = {"ca_certs": str(ca_file)} if ca_file else {}
    client = urllib3.PoolManager(maxsize=4, retries=False, **trusting)
    with log.open("wb") as output:
        process = subprocess.Popen([program, "serve", str(config)], stdout=output, stderr=output)
    try:
        yield DockerRegistry(_listening(process, log), client, ca_file, _BASIC if with_password else "")
    finally:
        client.clear()
        process.terminate()
        process.wait(10)


def pull_through(upstream: DockerRegistry) -> Mapping[str, Any]:
    """Return the configuration of a pull-through cache of another registry."""
    return {"proxy": {"remoteurl": upstream.url}}


def _config(address: str, certificate: ServerCertificate | None) -> dict[str, Any]:
    files = {"certificate": str(certificate.chain_file), "key": str(certificate.key_file)} if certificate else {}
    return {
        "version": 0.1,
        # The registry chooses a free port, so that no other process can take it first, and logs it on this level.
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "http": {"addr": f"{address}:0", "tls": files},
        # The descriptors of Windows layers have URLs to another registry.
        "validation": {"manifests": {"urls": {"allow": [".*"]}}},
    }


def _auth_config(directory: Path) -> dict[str, Any]:
    htpasswd = directory / "htpasswd"
    htpasswd.write_text(_HTPASSWD)
    return {"auth": {"htpasswd": {"realm": "loopback", "path": str(htpasswd)}}}


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    started = time.monotonic()
    while time.monotonic() - started < _READY_WITHIN:
        if listening := _LISTENING.search(log.read_text()):
            return listening[1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.005)
    pytest.fail(f"{PROGRAM} was not ready within {_READY_WITHIN} seconds: {log.read_text()}")
