"""Many images of a real registry at once: the same answers in any order, and one lookup of the credential."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from image_pinner.core.images.lookups import DOCKER_MANIFEST, OCI_MANIFEST, NotFound, Resolution, Resolved, Unsuitable
from image_pinner.core.images.references import Digest
from image_pinner.sources.credentials.interface import Password
from registry.registry_lookups import resolve_at, resolve_with_tokens, write_docker_config
from registry.skopeo import Skopeo
from registry.token_issuer import Guarded, token_registry
from support.certificates import create_ca
from support.images import config_for, docker_image, lookup, oci_image
from support.registries import FixedCredentials
from support.registry_program import PASSWORD, USER, DockerRegistry, docker_registry

pytestmark = pytest.mark.registry

REPOSITORIES = ("team/app", "team/sidecar", "other/app")
TAGS = 10
CREDENTIAL = Password(USER, PASSWORD, "the credentials from the vault", "renew them in the vault")
LAYER = b"layer"


def image_of(repository: str, tag: int) -> tuple[bytes, bytes, str]:
    """Return the config, the manifest and the media type of an image that no other tag has."""
    config = config_for("linux", "amd64", author=f"{repository}:{tag}")
    return (config, oci_image(config), OCI_MANIFEST) if tag % 2 else (config, docker_image(config), DOCKER_MANIFEST)


NAMES = [(repository, tag) for repository in REPOSITORIES for tag in range(TAGS)]
DIGESTS = {f"{repository}:{tag}": Digest.of(image_of(repository, tag)[1]) for repository, tag in NAMES}


def push_many(registry: DockerRegistry) -> None:
    for repository in REPOSITORIES:
        registry.push_blob(repository, LAYER)
    for repository, tag in NAMES:
        config, manifest, media_type = image_of(repository, tag)
        registry.push_manifest(repository, manifest, media_type, tag=str(tag), blobs=(config,))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    directory = tmp_path_factory.mktemp("guarded")
    certificate = create_ca(directory).issue(directory, "127.0.0.1")
    with docker_registry(directory, with_password=True, in_memory=True, certificate=certificate) as registry:
        push_many(registry)
        yield registry


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with token_registry(tmp_path_factory.mktemp("tokens"), *REPOSITORIES) as running:
        push_many(running.registry)
        yield running


@pytest.fixture
def by_token(tokens: Guarded) -> Guarded:
    """Return the registry with a service that has had no request yet."""
    tokens.service.seen.clear()
    return tokens


def resolve_in(order: Sequence[str], registry: DockerRegistry, credentials: FixedCredentials) -> dict[str, Resolution]:
    answers = resolve_at(registry, *(lookup(f"{registry.host}/{name}") for name in order), credentials=credentials)
    return dict(zip(order, answers, strict=True))


def test_what_is_missing_among_many_spoils_no_other(guarded: DockerRegistry) -> None:
    missing = [f"{repository}:none" for repository in REPOSITORIES]
    answers = resolve_in([*missing, *DIGESTS, "no/repository:1"], guarded, FixedCredentials({guarded.host: CREDENTIAL}))
    for name in (*missing, "no/repository:1"):
        answer = answers[name]
        assert isinstance(answer, NotFound)
    assert all(isinstance(answers[name], Resolved) for name in DIGESTS)


def test_without_a_token_images_are_unavailable_after_one_token_request_per_repository(by_token: Guarded) -> None:
    host, service = by_token.registry.host, by_token.service
    wrong = Password(USER, "not-the-password", "the credentials from the vault", "renew them in the vault")
    credentials = FixedCredentials({host: wrong})
    wanted = [lookup(f"{host}/{name}") for name in DIGESTS]
    answers = resolve_with_tokens(by_token, *wanted, credentials=credentials)
    assert not any(isinstance(answer, Resolved) for answer in answers)
    assert "not-the-password" not in str(answers)
    assert credentials.requested == [host]
    assert len(service.seen) == len(REPOSITORIES)


@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_thirty_images_have_the_same_answers_by_one_look_up_of_the_credential(
    guarded: DockerRegistry, seed: int
) -> None:
    order = random.Random(seed).sample(list(DIGESTS), len(DIGESTS))
    credentials = FixedCredentials({guarded.host: CREDENTIAL})
    shuffled = resolve_in(order, guarded, credentials)
    assert credentials.requested == [guarded.host]
    assert shuffled == resolve_in(list(DIGESTS), guarded, credentials)
    found = {name: answer.digest for name, answer in shuffled.items() if isinstance(answer, Resolved)}
    assert found == DIGESTS


def test_skopeo_computes_the_same_digests(guarded: DockerRegistry, tmp_path: Path) -> None:
    skopeo = Skopeo(guarded, write_docker_config(tmp_path, guarded, PASSWORD))
    for name in list(DIGESTS)[::7]:
        assert Digest.of(skopeo.raw(name)) == DIGESTS[name]


def test_a_registry_behind_tokens_costs_one_token_a_repository_and_one_look_up(by_token: Guarded) -> None:
    host, service = by_token.registry.host, by_token.service
    credentials = FixedCredentials({host: CREDENTIAL})
    wanted = [lookup(f"{host}/{name}") for name in DIGESTS]
    answers = resolve_with_tokens(by_token, *wanted, credentials=credentials)
    found = {name: answer.digest for name, answer in zip(DIGESTS, answers, strict=True) if isinstance(answer, Resolved)}
    assert found == DIGESTS
    assert credentials.requested == [host]
    scopes = sorted(scope for seen in service.seen for scope in seen.query["scope"])
    assert scopes == sorted(f"repository:{repository}:pull" for repository in REPOSITORIES)


def test_a_token_opens_the_config_too(by_token: Guarded) -> None:
    host, service = by_token.registry.host, by_token.service
    wanted = [lookup(f"{host}/team/app:1", platform) for platform in ("linux/amd64", "linux/arm64")]
    right, wrong = resolve_with_tokens(by_token, *wanted, credentials=FixedCredentials({host: CREDENTIAL}))
    assert isinstance(right, Resolved)
    assert isinstance(wrong, NotFound | Unsuitable)
    assert len(service.seen) == 1
