"""The sources under test: one function each, and one line in `SOURCES`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import urllib3
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from contract.open_source import Factory, OpenSource
from contract.registries_under_test import registry_in_process, registry_program
from image_pinner.core.images.references import Digest
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.images import StoredImage
from support.registries import Answer, ScriptedRegistry, Seen


@contextmanager
def in_memory(images: Sequence[StoredImage]) -> Iterator[OpenSource]:
    resolvers, registry = InMemoryRegistry(), "registry.example.com"

    def push(image: StoredImage) -> None:
        name = f"{registry}/{image.repository}"
        if image.config:
            resolvers.push_config(image.config)
        resolvers.push(
            f"{name}:{image.tag}" if image.tag else f"{name}@{image.digest}", image.manifest, image.media_type
        )

    for image in images:
        push(image)
    yield OpenSource(resolvers, registry, push, CallStats())


@contextmanager
def ecr_on_moto(images: Sequence[StoredImage]) -> Iterator[OpenSource]:
    call_stats = CallStats()
    clients = AwsClients(call_stats=call_stats)
    with mock_aws(), ScriptedRegistry(nothing) as server, urllib3.PoolManager(retries=False) as http:
        configs = ConfigsOnLoopback(server, http)
        client = clients.client("ecr", "eu-west-1")
        # moto does not implement this action.
        client.meta.events.register("before-call.ecr.GetDownloadUrlForLayer", configs.answer)
        repositories: set[str] = set()

        def push(image: StoredImage) -> None:
            if image.repository not in repositories:
                client.create_repository(repositoryName=image.repository)
                repositories.add(image.repository)
            client.put_image(**_for_moto(image))
            configs.stored[str(Digest.of(image.config))] = image.config

        for image in images:
            push(image)
        # 123456789012 is the account of moto.
        resolver = EcrResolver(clients, download=configs.download)
        yield OpenSource(resolver, "123456789012.dkr.ecr.eu-west-1.amazonaws.com", push, call_stats)


def nothing(_seen: Seen) -> Answer:
    return Answer(404)


@dataclass
class ConfigsOnLoopback:
    """Serves configs like the storage of ECR, and returns their URLs like ECR."""

    server: ScriptedRegistry
    http: urllib3.PoolManager
    stored: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.script = self._serve

    def answer(self, params: Mapping[str, Any], **_: Any) -> Any:
        digest = json.loads(params["body"])["layerDigest"]
        url = f"{self.server.url}/{digest}?X-Amz-Signature=example"
        return AWSResponse(url, 200, {}, None), {"downloadUrl": url, "layerDigest": digest}

    def download(self, url: str, limit: int, deadline: Deadline) -> bytes:
        answer = self.http.request("GET", url, timeout=max(deadline.remaining(), 0.1))
        assert answer.status == 200
        assert len(answer.data) <= limit
        return answer.data

    def _serve(self, seen: Seen) -> Answer:
        return Answer(200, {"Content-Type": "application/octet-stream"}, self.stored[seen.path.removeprefix("/")])


def _for_moto(image: StoredImage) -> dict[str, Any]:
    request = {
        "repositoryName": image.repository,
        "imageManifest": image.manifest.decode(),
        "imageManifestMediaType": image.media_type,
        # moto accepts this digest; its own is not the hash of the manifest.
        "imageDigest": image.digest,
    }
    return request | ({"imageTag": image.tag} if image.tag else {})


SOURCES: dict[str, Factory] = {
    "in_memory": in_memory,
    "ecr_on_moto": ecr_on_moto,
    "registry_in_process": registry_in_process,
    "registry_program": registry_program,
}
