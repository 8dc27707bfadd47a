"""What the real registry does not have, on plain http."""

from __future__ import annotations

import pytest

from image_pinner.core.images.lookups import NotFound, Unavailable
from registry.asked_registry import ask_for
from registry.pushed_images import REPOSITORY
from registry.skopeo import Skopeo
from support.images import lookup
from support.registries import ask
from support.registry_program import DockerRegistry

pytestmark = pytest.mark.registry


def test_a_tag_that_is_missing_is_said_so(stocked: DockerRegistry) -> None:
    answer = ask_for(stocked, f"{REPOSITORY}:none")
    assert isinstance(answer, NotFound)
    assert "returned 404, 'MANIFEST_UNKNOWN: manifest unknown'" in answer.cause
    assert "manifest unknown" in Skopeo(stocked).refusal(f"{REPOSITORY}:none")


def test_a_repository_that_is_missing_is_said_so(stocked: DockerRegistry) -> None:
    answer = ask_for(stocked, "team/none:1")
    assert isinstance(answer, NotFound)
    assert "/v2/team/none/manifests/1 returned 404" in answer.cause


def test_a_registry_by_plain_http_is_asked_by_https_unless_it_is_named_as_insecure(stocked: DockerRegistry) -> None:
    (answer,) = ask(lookup(f"{stocked.host}/{REPOSITORY}:oci"))
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(f"no TLS connection to {stocked.host}: ")
    assert "a registry over plain HTTP as an insecure registry" in answer.help


def test_another_port_of_a_host_that_is_named_as_insecure_is_asked_by_https(stocked: DockerRegistry) -> None:
    (answer,) = ask(lookup(f"{stocked.host}/{REPOSITORY}:oci"), insecure=("127.0.0.1", "127.0.0.1:1"))
    assert isinstance(answer, Unavailable)
    assert f"no TLS connection to {stocked.host}" in answer.cause
