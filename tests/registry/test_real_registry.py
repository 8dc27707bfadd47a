"""The real registry program, and skopeo's opinion of what is in it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from image_pinner.core.images.digests import Digest
from image_pinner.core.images.resolutions import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Missing,
    Resolved,
    Unavailable,
)
from image_pinner.sources.credentials.docker_config import DockerConfigCredentials
from registry_fakes.asking import ask, question
from registry_fakes.docker_registry import PASSWORD, USER, DockerRegistry, docker_registry
from registry_fakes.manifests import (
    attestation,
    descriptor,
    docker_image,
    docker_list,
    oci_image,
    oci_index,
    platform,
)

pytestmark = pytest.mark.registry

REPOSITORY = "team/app"


def config_for(architecture: str) -> bytes:
    return json.dumps(
        {"architecture": architecture, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    ).encode()


@dataclass(frozen=True)
class Pushed:
    """What is pushed under a tag, children first."""

    tag: str
    media_type: str
    manifest: bytes
    blobs: tuple[bytes, ...] = ()
    children: tuple[tuple[str, bytes], ...] = ()


AMD64, ARM64, LAYER, PROVENANCE = config_for("amd64"), config_for("arm64"), b"layer", b'{"predicateType": "p"}'
OCI_AMD64, OCI_ARM64 = oci_image(AMD64, LAYER), oci_image(ARM64, LAYER)
DOCKER_AMD64, DOCKER_ARM64 = docker_image(AMD64, LAYER), docker_image(ARM64, LAYER)
ATTESTED = oci_image(PROVENANCE, LAYER)
BLOBS = (AMD64, ARM64, LAYER, PROVENANCE)

SHAPES = (
    Pushed("oci", OCI_MANIFEST, OCI_AMD64),
    Pushed("docker", DOCKER_MANIFEST, DOCKER_AMD64),
    Pushed("latest", OCI_MANIFEST, oci_image(AMD64, AMD64)),
    Pushed(
        "oci-index",
        OCI_INDEX,
        oci_index(
            descriptor(OCI_MANIFEST, OCI_AMD64, **platform("linux", "amd64")),
            descriptor(OCI_MANIFEST, OCI_ARM64, **platform("linux", "arm64")),
            attestation(OCI_MANIFEST, ATTESTED, OCI_AMD64),
        ),
        children=((OCI_MANIFEST, OCI_AMD64), (OCI_MANIFEST, OCI_ARM64), (OCI_MANIFEST, ATTESTED)),
    ),
    Pushed(
        "docker-list",
        DOCKER_LIST,
        docker_list(
            descriptor(DOCKER_MANIFEST, DOCKER_AMD64, **platform("linux", "amd64")),
            descriptor(DOCKER_MANIFEST, DOCKER_ARM64, **platform("linux", "arm64", variant="v8")),
        ),
        children=((DOCKER_MANIFEST, DOCKER_AMD64), (DOCKER_MANIFEST, DOCKER_ARM64)),
    ),
)


def push_all(registry: DockerRegistry) -> None:
    for blob in BLOBS:
        registry.push_blob(REPOSITORY, blob)
    for shape in SHAPES:
        for media_type, child in shape.children:
            registry.push_manifest(REPOSITORY, child, media_type)
        registry.push_manifest(REPOSITORY, shape.manifest, shape.media_type, tag=shape.tag)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("plain")) as registry:
        push_all(registry)
        yield registry


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("guarded"), with_login=True) as registry:
        push_all(registry)
        yield registry


def skopeo(*arguments: str) -> bytes:
    program = shutil.which("skopeo")
    if program is None:
        pytest.skip("skopeo is not installed")
    wanted = [program, "--override-os", "linux", "--override-arch", "amd64", "inspect", "--tls-verify=false"]
    return subprocess.run([*wanted, *arguments], check=True, capture_output=True, timeout=30).stdout


def login_file(directory: Path, registry: DockerRegistry, password: str) -> Path:
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    path = directory / "config.json"
    path.write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
    return path


def test_a_tag_that_is_missing_is_said_so(plain: DockerRegistry) -> None:
    (answer,) = ask(question(f"{plain.host}/{REPOSITORY}:none"), insecure=(plain.host,))
    assert isinstance(answer, Missing)
    assert answer.absent
    assert "answered 404, 'MANIFEST_UNKNOWN: manifest unknown'" in answer.cause


def test_a_repository_that_is_missing_is_said_so(plain: DockerRegistry) -> None:
    (answer,) = ask(question(f"{plain.host}/team/none:1"), insecure=(plain.host,))
    assert isinstance(answer, Missing)
    assert answer.absent
    assert "/v2/team/none/manifests/1 answered 404" in answer.cause


def test_a_registry_with_a_login_tells_strangers_nothing(guarded: DockerRegistry) -> None:
    (answer,) = ask(question(f"{guarded.host}/{REPOSITORY}:oci"), insecure=(guarded.host,))
    assert isinstance(answer, Unavailable)
    assert "demands a user and a password; no credential" in answer.cause


def test_a_wrong_password_is_refused_with_its_source(guarded: DockerRegistry, tmp_path: Path) -> None:
    path = login_file(tmp_path, guarded, "not-the-password")
    (answer,) = ask(
        question(f"{guarded.host}/{REPOSITORY}:oci"),
        insecure=(guarded.host,),
        credentials=DockerConfigCredentials(path),
    )
    assert isinstance(answer, Unavailable)
    assert "answered 401" in answer.cause
    assert f"to the credential for {guarded.host} from {path}" in answer.cause
    assert "not-the-password" not in answer.cause


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.tag)
def test_each_shape_has_the_digest_that_skopeo_computes(plain: DockerRegistry, shape: Pushed) -> None:
    name = f"{plain.host}/{REPOSITORY}:{shape.tag}"
    (answer,) = ask(question(name), insecure=(plain.host,))
    assert isinstance(answer, Resolved)
    assert answer.media_type == shape.media_type
    assert answer.digest == Digest.of(shape.manifest)
    assert answer.digest == Digest.of(skopeo("--raw", f"docker://{name}"))
    assert str(answer.digest) == skopeo("--format", "{{.Digest}}", f"docker://{name}").decode().strip()


@pytest.mark.parametrize(("tag", "child"), [("oci-index", OCI_ARM64), ("docker-list", DOCKER_ARM64)])
def test_the_manifest_of_one_platform_is_the_one_that_skopeo_finds_by_digest(
    plain: DockerRegistry, tag: str, child: bytes
) -> None:
    wanted = question(f"{plain.host}/{REPOSITORY}:{tag}", "linux/arm64", index_allowed=False)
    (answer,) = ask(wanted, insecure=(plain.host,))
    assert isinstance(answer, Resolved)
    assert answer.digest == Digest.of(child)
    assert skopeo("--raw", f"docker://{plain.host}/{REPOSITORY}@{answer.digest}") == child


def test_no_tag_is_latest_for_skopeo_too(plain: DockerRegistry) -> None:
    name = f"{plain.host}/{REPOSITORY}"
    (answer,) = ask(question(name), insecure=(plain.host,))
    assert isinstance(answer, Resolved)
    assert answer.digest == Digest.of(skopeo("--raw", f"docker://{name}"))


def test_the_login_of_a_docker_config_file_opens_every_image_as_it_does_for_skopeo(
    guarded: DockerRegistry, tmp_path: Path
) -> None:
    path = login_file(tmp_path, guarded, PASSWORD)
    names = [f"{guarded.host}/{REPOSITORY}:{shape.tag}" for shape in SHAPES]
    answers = ask(*map(question, names), insecure=(guarded.host,), credentials=DockerConfigCredentials(path))
    for name, answer in zip(names, answers, strict=True):
        assert isinstance(answer, Resolved)
        assert answer.digest == Digest.of(skopeo("--raw", "--authfile", str(path), f"docker://{name}"))
