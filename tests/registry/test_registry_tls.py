"""A real registry over TLS, with a certificate of a private certificate authority."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from image_pinner.core.images.lookups import NotFound, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest
from registry.pushed_images import ATTESTED, LIST, REPOSITORY, SINGLE, push_all
from registry.registry_lookups import resolve_at, resolve_image, trusting
from registry.skopeo import Skopeo
from support.certificates import create_ca
from support.images import lookup
from support.registries import resolve
from support.registry_program import DockerRegistry, docker_registry

pytestmark = pytest.mark.registry

IMAGES = (*SINGLE[:2], ATTESTED, LIST)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    directory = tmp_path_factory.mktemp("secured")
    certificate = create_ca(directory).issue(directory, "127.0.0.1", "localhost")
    with docker_registry(directory, in_memory=True, certificate=certificate) as registry:
        push_all(registry, IMAGES)
        yield registry


def by_name(registry: DockerRegistry) -> DockerRegistry:
    return replace(registry, host=registry.host.replace("127.0.0.1", "localhost"))


def test_a_certificate_of_an_unknown_ca_is_refused_with_help(secured: DockerRegistry, tmp_path: Path) -> None:
    (answer,) = resolve(lookup(f"{secured.host}/{REPOSITORY}:oci"))
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(f"the certificate of {secured.host} is not trusted: ")
    assert "unable to get local issuer certificate" in answer.cause
    assert "set its CA file in IMAGE_PINNER_CA_BUNDLES" in answer.help
    (tmp_path / "nobody").mkdir()
    unknown = replace(secured, ca_file=tmp_path / "nobody" / "ca.crt")
    assert "certificate signed by unknown authority" in Skopeo(unknown).refusal(f"{REPOSITORY}:oci")


def test_another_ca_of_the_same_name_is_refused(secured: DockerRegistry, tmp_path: Path) -> None:
    (answer,) = resolve_at(
        replace(secured, ca_file=create_ca(tmp_path).ca_file), lookup(f"{secured.host}/{REPOSITORY}:oci")
    )
    assert isinstance(answer, Unavailable)
    assert f"the certificate of {secured.host} is not trusted: " in answer.cause


def test_a_ca_is_trusted_for_its_configured_host_only(secured: DockerRegistry) -> None:
    assert secured.ca_file
    (answer,) = resolve(
        lookup(f"{secured.host}/{REPOSITORY}:oci"), transport=trusting(by_name(secured).host, secured.ca_file)
    )
    assert isinstance(answer, Unavailable)
    assert f"the certificate of {secured.host} is not trusted: " in answer.cause


def test_an_insecure_registry_gets_no_tls_connection(
    secured: DockerRegistry,
) -> None:
    (answer,) = resolve(lookup(f"{secured.host}/{REPOSITORY}:oci"), insecure=(secured.host,))
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(f"http://{secured.host}/v2/{REPOSITORY}/manifests/oci returned 400")


def test_a_missing_tag_is_not_found_over_tls(secured: DockerRegistry) -> None:
    answer = resolve_image(secured, f"{REPOSITORY}:none")
    assert isinstance(answer, NotFound)
    assert answer.cause.startswith(f"https://{secured.host}/v2/")


@pytest.mark.parametrize("named", [False, True], ids=["address", "name"])
def test_with_its_ca_each_image_has_the_digest_that_skopeo_computes(secured: DockerRegistry, *, named: bool) -> None:
    registry = by_name(secured) if named else secured
    wanted = [lookup(f"{registry.host}/{image.image}") for image in IMAGES]
    for image, answer in zip(IMAGES, resolve_at(registry, *wanted), strict=True):
        assert isinstance(answer, Resolved)
        assert answer.origin.request == f"https://{registry.host}/v2/{REPOSITORY}/manifests/{image.tag}"
        assert answer.digest == image.digest == Digest.of(Skopeo(registry).raw(image.image))


def test_the_config_comes_over_tls_too(secured: DockerRegistry) -> None:
    right, wrong = (
        resolve_image(secured, f"{REPOSITORY}:docker", platform) for platform in ("linux/amd64", "linux/arm64")
    )
    assert isinstance(right, Resolved)
    assert isinstance(wrong, NotFound | Unsuitable)
