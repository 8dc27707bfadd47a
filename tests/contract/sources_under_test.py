"""The sources that the contract is tested on: one function each, and one line in `SOURCES`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws

from contract.open_source import Factory, OpenSource
from contract.registries_under_test import registry_in_process, registry_program
from contract.stored_images import StoredImage
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.in_memory import InMemoryWorld


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
    "registry_in_process": registry_in_process,
    "registry_program": registry_program,
}
