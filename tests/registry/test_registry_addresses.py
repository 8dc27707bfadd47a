"""A real registry at an IPv6 address; one with a name and a port is shown over TLS."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from image_pinner.core.images.lookups import NotFound, Origin, Resolved, Unavailable
from registry.pushed_images import LIST, MULTI, REPOSITORY, SINGLE, push_all
from registry.registry_lookups import resolve_at, resolve_image
from support.certificates import create_ca
from support.images import lookup
from support.registries import resolve
from support.registry_program import DockerRegistry, docker_registry

pytestmark = pytest.mark.registry

# Skopeo is not used: it takes no IPv6 address in the name of an image before version 1.14.
IMAGES = (*SINGLE[:2], MULTI, LIST)


@pytest.fixture(scope="module", params=["http", "https"])
def on_ipv6(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 address for loopback")
    directory = tmp_path_factory.mktemp("ipv6")
    certificate = create_ca(directory).issue(directory, "::1") if request.param == "https" else None
    with docker_registry(directory, in_memory=True, certificate=certificate, address="[::1]") as registry:
        push_all(registry, IMAGES)
        yield registry


def test_a_registry_at_an_ipv6_address_is_verified_like_any_other(on_ipv6: DockerRegistry) -> None:
    (answer,) = resolve(lookup(f"{on_ipv6.host}/{REPOSITORY}:oci"))
    assert isinstance(answer, Unavailable)
    assert on_ipv6.host in answer.cause


def test_a_missing_tag_there_is_reported_with_the_address_as_written(on_ipv6: DockerRegistry) -> None:
    answer = resolve_image(on_ipv6, f"{REPOSITORY}:none")
    assert isinstance(answer, NotFound)
    assert answer.cause.startswith(f"{on_ipv6.url}/v2/{REPOSITORY}/manifests/none returned 404")


def test_each_image_at_an_ipv6_address_has_the_digest_of_its_bytes(on_ipv6: DockerRegistry) -> None:
    assert on_ipv6.host.startswith("[::1]:")
    wanted = [lookup(f"{on_ipv6.host}/{image.image}") for image in IMAGES]
    for image, answer in zip(IMAGES, resolve_at(on_ipv6, *wanted), strict=True):
        assert isinstance(answer, Resolved)
        assert answer.digest == image.digest
        assert answer.origin == Origin("registry", f"{on_ipv6.url}/v2/{REPOSITORY}/manifests/{image.tag}")


def test_the_manifest_and_the_config_for_one_platform_come_from_there_too(on_ipv6: DockerRegistry) -> None:
    child = resolve_image(on_ipv6, MULTI.image, "linux/arm64", index_allowed=False)
    single = resolve_image(on_ipv6, SINGLE[0].image, "linux/amd64")
    assert isinstance(child, Resolved)
    assert isinstance(single, Resolved)
    assert child.origin.index == MULTI.digest
    assert single.digest == SINGLE[0].digest
