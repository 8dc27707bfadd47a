"""What the real registry does not have, over plain HTTP."""

from __future__ import annotations

import pytest

from image_pinner.core.images.lookups import NotFound, Unavailable
from registry.pushed_images import REPOSITORY
from registry.registry_lookups import resolve_image
from registry.skopeo import Skopeo
from support.images import lookup
from support.registries import resolve
from support.registry_program import DockerRegistry

pytestmark = pytest.mark.registry


def test_a_missing_tag_is_not_found(stocked: DockerRegistry) -> None:
    answer = resolve_image(stocked, f"{REPOSITORY}:none")
    assert isinstance(answer, NotFound)
    assert "returned 404, 'MANIFEST_UNKNOWN: manifest unknown'" in answer.cause
    assert "manifest unknown" in Skopeo(stocked).refusal(f"{REPOSITORY}:none")


def test_a_missing_repository_is_not_found(stocked: DockerRegistry) -> None:
    answer = resolve_image(stocked, "team/none:1")
    assert isinstance(answer, NotFound)
    assert "/v2/team/none/manifests/1 returned 404" in answer.cause


def test_a_registry_without_tls_is_unavailable_unless_it_is_insecure(stocked: DockerRegistry) -> None:
    (answer,) = resolve(lookup(f"{stocked.host}/{REPOSITORY}:oci"))
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(f"no TLS connection to {stocked.host}: ")
    assert "to IMAGE_PINNER_INSECURE_REGISTRIES" in answer.help


def test_another_port_of_an_insecure_host_uses_tls(stocked: DockerRegistry) -> None:
    (answer,) = resolve(lookup(f"{stocked.host}/{REPOSITORY}:oci"), insecure=("127.0.0.1", "127.0.0.1:1"))
    assert isinstance(answer, Unavailable)
    assert f"no TLS connection to {stocked.host}" in answer.cause
