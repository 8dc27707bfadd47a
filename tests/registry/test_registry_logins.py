"""A real registry with a list of users: over TLS, and over plain HTTP, where no credentials are sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from image_pinner.cli.credentials.docker_config import DockerConfigCredentials
from image_pinner.core.images.lookups import NotFound, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest
from image_pinner.sources.credentials.interface import IdentityToken, Password
from registry.pushed_images import ATTESTED, LIST, REPOSITORY, SINGLE, push_all
from registry.registry_lookups import resolve_at, write_docker_config
from registry.skopeo import Skopeo
from support.certificates import create_ca
from support.images import lookup
from support.registries import Answer, FixedCredentials, ScriptedRegistry, Seen, resolve
from support.registry_program import PASSWORD, USER, DockerRegistry, docker_registry

pytestmark = pytest.mark.registry

IMAGES = (*SINGLE[:2], ATTESTED, LIST)
CREDENTIAL = Password(USER, PASSWORD, "the credentials from the vault", "renew them in the vault")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    directory = tmp_path_factory.mktemp("guarded")
    certificate = create_ca(directory).issue(directory, "127.0.0.1")
    with docker_registry(directory, with_password=True, in_memory=True, certificate=certificate) as registry:
        push_all(registry, IMAGES)
        yield registry


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("plain"), with_password=True, in_memory=True) as registry:
        push_all(registry, IMAGES)
        yield registry


def passed_on(seen: Seen, registry: DockerRegistry) -> Answer:
    """Return a registry's answer to a request, as a proxy that watches what is sent."""
    sent = {name: value for name in ("Accept", "Authorization") if (value := seen.headers.get(name))}
    answer = registry.client.request(seen.method, f"{registry.url}{seen.path}", headers=sent)
    message = {name: value for name in ("Content-Type", "WWW-Authenticate") if (value := answer.headers.get(name))}
    return Answer(answer.status, message, answer.data)


@pytest.mark.parametrize(("tag", "status"), [("oci", 200), ("none", 404)])
def test_without_tls_no_credentials_are_sent_even_if_required(plain: DockerRegistry, tag: str, status: int) -> None:
    with ScriptedRegistry(lambda seen: passed_on(seen, plain)) as watched:
        credentials = FixedCredentials({watched.host: CREDENTIAL})
        wanted = lookup(f"{watched.host}/{REPOSITORY}:{tag}")
        (answer,) = resolve(wanted, insecure=(watched.host,), credentials=credentials)
        assert answer == Unavailable(
            f"{watched.url}/v2/{REPOSITORY}/manifests/{tag} requires a user and a password; "
            "no credentials (none are sent over plain HTTP)",
            f"install a certificate for {watched.host} and set its CA file in IMAGE_PINNER_CA_BUNDLES",
        )
        assert credentials.requested == []
        assert [seen.authorization for seen in watched.seen] == [""]
    with_credentials = {"Accept": watched.seen[0].headers["Accept"], "Authorization": CREDENTIAL.basic()}
    opened = plain.client.request("GET", f"{plain.url}{watched.seen[0].path}", headers=with_credentials)
    assert opened.status == status


def test_a_registry_with_users_refuses_anonymous_requests(guarded: DockerRegistry) -> None:
    wanted = [lookup(f"{guarded.host}/{REPOSITORY}:{tag}") for tag in ("oci", "none")]
    for answer in resolve_at(guarded, *wanted):
        assert isinstance(answer, Unavailable)
        assert answer.cause.startswith(f"{guarded.url}/v2/{REPOSITORY}/manifests/")
        assert "requires a user and a password; no credential" in answer.cause


def test_a_wrong_password_is_refused_with_its_source(guarded: DockerRegistry, tmp_path: Path) -> None:
    path = write_docker_config(tmp_path, guarded, "not-the-password")
    credentials = DockerConfigCredentials(path)
    (answer,) = resolve_at(guarded, lookup(f"{guarded.host}/{REPOSITORY}:oci"), credentials=credentials)
    assert isinstance(answer, Unavailable)
    assert "returned 401" in answer.cause
    assert f"for the credentials for {guarded.host} from {path}" in answer.cause
    assert "not-the-password" not in answer.cause + answer.help
    assert "authentication required" in Skopeo(guarded, path).refusal(f"{REPOSITORY}:oci")


def test_an_identity_token_is_not_accepted_in_place_of_a_password(guarded: DockerRegistry) -> None:
    token = IdentityToken("identity-t0ken", "the credentials from the store", "log in to the store again")
    credentials = FixedCredentials({guarded.host: token})
    (answer,) = resolve_at(guarded, lookup(f"{guarded.host}/{REPOSITORY}:oci"), credentials=credentials)
    assert isinstance(answer, Unavailable)
    assert (
        "requires a user and a password, but the credentials from the store contain an identity token" in answer.cause
    )
    assert "identity-t0ken" not in answer.cause + answer.help


def test_with_credentials_a_missing_image_is_not_found(guarded: DockerRegistry, tmp_path: Path) -> None:
    credentials = DockerConfigCredentials(write_docker_config(tmp_path, guarded, PASSWORD))
    (answer,) = resolve_at(guarded, lookup(f"{guarded.host}/{REPOSITORY}:none"), credentials=credentials)
    assert isinstance(answer, NotFound)


def test_credentials_in_a_docker_config_file_work_for_every_image_as_with_skopeo(
    guarded: DockerRegistry, tmp_path: Path
) -> None:
    path = write_docker_config(tmp_path, guarded, PASSWORD)
    wanted = [lookup(f"{guarded.host}/{image.image}") for image in IMAGES]
    answers = resolve_at(guarded, *wanted, credentials=DockerConfigCredentials(path))
    for image, answer in zip(IMAGES, answers, strict=True):
        assert isinstance(answer, Resolved)
        assert answer.digest == image.digest == Digest.of(Skopeo(guarded, path).raw(image.image))


def test_credentials_work_for_the_config_too(guarded: DockerRegistry, tmp_path: Path) -> None:
    credentials = DockerConfigCredentials(write_docker_config(tmp_path, guarded, PASSWORD))
    wanted = [lookup(f"{guarded.host}/{REPOSITORY}:oci", platform) for platform in ("linux/amd64", "linux/arm64")]
    right, wrong = resolve_at(guarded, *wanted, credentials=credentials)
    assert isinstance(right, Resolved)
    assert isinstance(wrong, NotFound | Unsuitable)
    assert "is for linux/amd64 only" in wrong.cause
