"""The source for OCI registries under test: with a registry in this process, and with the docker-registry program."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from contract.open_source import OpenSource, Push
from image_pinner.core.images.references import Digest
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.credentials.interface import AnonymousCredentials
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.oci.resolver import OciRegistryResolver
from support.images import StoredImage
from support.registries import Answer, ScriptedRegistry, Seen, open_transport
from support.registry_program import docker_registry

_UNKNOWN = Answer(404, {"Content-Type": "application/json"}, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')


@contextmanager
def registry_in_process(images: Sequence[StoredImage]) -> Iterator[OpenSource]:
    stored: dict[str, Answer] = {}

    def push(image: StoredImage) -> None:
        for name in {image.tag, image.digest} - {""}:
            path = f"/v2/{image.repository}/manifests/{name}"
            stored[path] = Answer(200, {"Content-Type": image.media_type}, image.manifest)
        for blob in image.blobs:
            at = f"/v2/{image.repository}/blobs/{Digest.of(blob)}"
            stored[at] = Answer(200, {"Content-Type": "application/octet-stream"}, blob)

    def script(seen: Seen) -> Answer:
        return stored.get(seen.path, _UNKNOWN)

    with ScriptedRegistry(script) as registry, _opened_at(registry.host, push) as opened:
        for image in images:
            push(image)
        yield opened


@contextmanager
def registry_program(images: Sequence[StoredImage]) -> Iterator[OpenSource]:
    with tempfile.TemporaryDirectory() as directory, docker_registry(Path(directory), in_memory=True) as registry:

        def push(image: StoredImage) -> None:
            registry.push_manifest(image.repository, image.manifest, image.media_type, tag=image.tag, blobs=image.blobs)

        with _opened_at(registry.host, push) as opened:
            for image in images:
                push(image)
            yield opened


@contextmanager
def _opened_at(host: str, push: Push) -> Iterator[OpenSource]:
    call_stats = CallStats()
    with open_transport(call_stats=call_stats) as transport:
        resolver = OciRegistryResolver(transport, AnonymousCredentials(), RegistryHosts([host]))
        yield OpenSource(resolver, host, push, call_stats)
