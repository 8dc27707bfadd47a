"""From dev to prod with one lock file, over two registry programs, with a tag that moves in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from image_pinner.cli.console import Dependencies
from image_pinner.core.images.lookups import OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest
from registry.pushed_images import LAYER
from support.command import Run, run_main
from support.images import config_for, descriptor, oci_image, oci_index, platform
from support.registry_program import DockerRegistry, docker_registry

pytestmark = pytest.mark.registry

TEMPLATE = """\
Transform: ImagePinner
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - {{Name: web, Image: "!PinDigest {}/shop/web:1.0"}}
"""


@pytest.fixture
def registries(tmp_path: Path) -> Iterator[tuple[DockerRegistry, DockerRegistry]]:
    folders = (tmp_path / "dev", tmp_path / "prod")
    for folder in folders:
        folder.mkdir()
    with docker_registry(folders[0], in_memory=True) as dev, docker_registry(folders[1], in_memory=True) as prod:
        yield dev, prod


def push(registry: DockerRegistry, author: str, tag: str) -> Digest:
    """Push an index of one image, as `skopeo copy --all` does, and return its digest."""
    config = config_for("linux", "amd64", author=author)
    manifest = oci_image(config)
    index = oci_index(descriptor(OCI_MANIFEST, manifest, **platform("linux", "amd64")))
    registry.push_manifest("shop/web", manifest, OCI_MANIFEST, blobs=(config, LAYER))
    registry.push_manifest("shop/web", index, OCI_INDEX, tag=tag)
    return Digest.of(index)


def test_the_digest_tested_in_dev_is_the_one_that_reaches_prod(
    registries: tuple[DockerRegistry, DockerRegistry], tmp_path: Path
) -> None:
    dev, prod = registries
    lock = str(tmp_path / "images.lock.json")
    insecure = ("--insecure-registry", dev.host, "--insecure-registry", prod.host)

    def run(subcommand: str, registry: DockerRegistry, *options: str) -> Run:
        template = tmp_path / "template.yaml"
        template.write_text(TEMPLATE.format(registry.host))
        arguments = [subcommand, str(template), *options, *insecure]
        return run_main(arguments, Dependencies(), env={"AWS_REGION": "us-east-1", "DOCKER_CONFIG": str(tmp_path)})

    tested = push(dev, "tested", "1.0")
    locked = run("lock", dev, "-o", lock)
    assert locked.code == 0, locked.err
    moved = push(dev, "not tested", "1.0")
    push(prod, "old", "1.0")
    promote = ("--lock", lock, "--map", f"{dev.host}={prod.host}")

    refused = run("pin", prod, *promote)
    assert (refused.code, refused.out) == (3, b"")
    assert f"skopeo copy --all docker://{dev.host}/shop/web@{tested} docker://{prod.host}/shop/web:1.0" in refused.err

    push(prod, "tested", "copied")
    promoted = run("pin", prod, *promote)
    assert promoted.code == 0, promoted.err
    assert f"{prod.host}/shop/web@{tested}" in promoted.text

    checked = run("lock", dev, "-o", lock, "--check")
    assert checked.code == 1
    assert f"is locked to {tested}, and resolves to {moved}" in checked.text
