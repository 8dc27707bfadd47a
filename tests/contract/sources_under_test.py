"""The sources that the contract is tested on: one function each, and one line in `SOURCES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto import mock_aws

from contract.stored_images import StoredImage
from image_pinner.sources.aws_clients import AwsClients
from image_pinner.sources.ecr import EcrResolver
from image_pinner.sources.in_memory import InMemoryWorld
from image_pinner.sources.interface import DigestResolver

Push = Callable[[StoredImage], None]
"""Stores an image; a tag that is there already moves to it. Repositories are made as they are needed."""


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source with a world to ask about.

    Args:
        resolver: The source.
        registry: The registry under which it finds the world's repositories.
        push: Stores one more image in the world.
    """

    resolver: DigestResolver
    registry: str
    push: Push


Factory = Callable[[Sequence[StoredImage]], AbstractContextManager[OpenSource]]
"""Makes a source that knows these images, and cleans up behind it; it may skip where it needs a program."""


@contextmanager
def in_memory(images: Sequence[StoredImage]) -> Iterator[OpenSource]:
    world, registry = InMemoryWorld(), "registry.example.com"

    def push(image: StoredImage) -> None:
        name = f"{registry}/{image.repository}"
        world.push(f"{name}:{image.tag}" if image.tag else f"{name}@{image.digest}", image.manifest, image.media_type)

    for image in images:
        push(image)
    yield OpenSource(world, registry, push)


@contextmanager
def ecr_on_moto(images: Sequence[StoredImage]) -> Iterator[OpenSource]:
    with mock_aws():
        client = boto3.client("ecr", region_name="eu-west-1")
        repositories: set[str] = set()

        def push(image: StoredImage) -> None:
            if image.repository not in repositories:
                client.create_repository(repositoryName=image.repository)
                repositories.add(image.repository)
            client.put_image(**_for_moto(image))

        for image in images:
            push(image)
        # 123456789012 is the account that moto plays.
        yield OpenSource(EcrResolver(AwsClients()), "123456789012.dkr.ecr.eu-west-1.amazonaws.com", push)


def _for_moto(image: StoredImage) -> dict[str, Any]:
    request = {
        "repositoryName": image.repository,
        "imageManifest": image.manifest.decode(),
        "imageManifestMediaType": image.media_type,
        # moto takes the digest that it is given; its own is not the hash of the manifest.
        "imageDigest": image.digest,
    }
    return request | ({"imageTag": image.tag} if image.tag else {})


SOURCES: dict[str, Factory] = {
    "in_memory": in_memory,
    "ecr_on_moto": ecr_on_moto,
}
