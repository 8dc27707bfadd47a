"""Answers of registries that Docker accepts, to `image-pinner pin` with credentials in Docker's config file."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from image_pinner.cli.console import Dependencies
from image_pinner.core.images.lookups import OCI_INDEX
from image_pinner.core.images.references import Digest
from support.certificates import certificate_for
from support.command import Run, run_main
from support.images import config_for, descriptor, oci_image, oci_index, platform
from support.proxies import Proxy
from support.registries import PASSWORD, Answer, ScriptedRegistry, Seen, sent
from support.templates import task

CONFIG = config_for("Linux", "x86_64")
IMAGE = oci_image(CONFIG)
INDEX = oci_index(descriptor("application/vnd.oci.image.manifest.v1+json", IMAGE, **platform("Linux", "x86_64")))
TOKEN = json.dumps({"token": "t0ken"}).encode()
UNKNOWN = Answer(404, {"Content-Type": "application/json"}, b'{"errors": [{"code": "NAME_UNKNOWN"}]}')
DENIED = Answer(403, {"Content-Type": "application/json"}, b'{"errors": [{"code": "DENIED"}]}')
ALLOWED = {PASSWORD.basic(), "Bearer t0ken"}


class Scene(NamedTuple):
    """A registry over TLS, and a directory with Docker's config file and the certificate."""

    registry: ScriptedRegistry
    directory: Path

    def pin(self, options: str = "", image: str = "", **variables: str) -> Run:
        host = self.registry.host
        template = {"Resources": {"Web": task(f"!PinDigest {options} {image or host}/team/app:1".replace("  ", " "))}}
        (self.directory / "a.json").write_text(json.dumps(template))
        environment = {
            "AWS_REGION": "us-east-1",
            "DOCKER_CONFIG": str(self.directory),
            "HOME": str(self.directory),
            "IMAGE_PINNER_CA_BUNDLES": f"*={self.directory / 'certificate.pem'}",
            **variables,
        }
        return run_main(("pin", str(self.directory / "a.json")), Dependencies(), env=environment)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as name:
        certificate = certificate_for(Path(name), "127.0.0.1", "registry.example")
        with ScriptedRegistry(lambda _: Answer(500), certificate=certificate.context) as registry:
            pair = base64.b64encode(f"{PASSWORD.user}:{PASSWORD.password}".encode()).decode()
            auths = {host: {"auth": pair} for host in (registry.host, "registry.example")}
            (Path(name) / "config.json").write_text(json.dumps({"auths": auths}))
            yield Scene(registry, Path(name))


Script = Callable[[Seen], Answer]


def requiring(*challenges: str, body: bytes = IMAGE, token_status: int = 200) -> Callable[[str], Script]:
    """Return the script of a registry that sends each challenge in a header of its own, with its host filled in."""

    def for_host(host: str) -> Script:
        def serve(seen: Seen) -> Answer:
            if seen.path == "/token":
                return Answer(token_status if seen.authorization == PASSWORD.basic() else 401, {}, TOKEN)
            if seen.authorization in ALLOWED:
                return Answer(200, {}, CONFIG) if "/blobs/" in seen.path else sent(body, _type_of(body))
            return Answer(401, challenges=tuple(challenge.replace("HOST", host) for challenge in challenges))

        return serve

    return for_host


def _type_of(body: bytes) -> str:
    return str(json.loads(body)["mediaType"])


def expect_pinned(run: Run, body: bytes = IMAGE) -> None:
    assert run.code == 0, run.err
    assert str(Digest.of(body)) in run.text


BEARER = 'Bearer realm="https://HOST/token",service="s"'


@pytest.mark.parametrize(
    "challenges",
    [
        ("Basic realm=/",),
        ("Basic",),
        ("Basic realm=My Registry",),
        ("Basic realm=/", BEARER),
        (BEARER, "Basic realm=/"),
        ('Bearer realm="https://HOST/token",service=,scope="repository:team/app:pull"',),
        ("Bearer realm=https://HOST/token,service=s,scope=repository:team/app:pull",),
        (f'{BEARER},service="s"',),
    ],
)
@pytest.mark.parametrize("options", ["Platform=Any", "Platform=linux/amd64", "Platform=Linux/x86_64"])
def test_challenges_that_docker_reads(scene: Scene, challenges: tuple[str, ...], options: str) -> None:
    scene.registry.script = requiring(*challenges)(scene.registry.host)
    expect_pinned(scene.pin(options))


@pytest.mark.parametrize("status", [201, 203])
def test_a_token_with_another_status_of_success(scene: Scene, status: int) -> None:
    scene.registry.script = requiring(BEARER, token_status=status)(scene.registry.host)
    expect_pinned(scene.pin())


@pytest.mark.parametrize("refusal", [UNKNOWN, DENIED])
@pytest.mark.parametrize("options", ["", "WhenMissing=KeepTag"])
@pytest.mark.parametrize("pull_counting", ["none", "127.0.0.1"])
def test_absence_for_anonymous_clients_only(scene: Scene, refusal: Answer, options: str, pull_counting: str) -> None:
    host = scene.registry.host
    accept = requiring("Basic realm=/")(host)
    scene.registry.script = lambda seen: refusal if not seen.authorization and seen.path != "/v2/" else accept(seen)
    pull_counting = pull_counting.replace("127.0.0.1", host)
    expect_pinned(scene.pin(options, IMAGE_PINNER_METERED_REGISTRIES=pull_counting))


@pytest.mark.parametrize("options", ["Platform=linux/amd64", "Platform=Linux/x86_64"])
def test_platforms_with_other_names(scene: Scene, options: str) -> None:
    scene.registry.script = requiring("Basic", body=INDEX)(scene.registry.host)
    expect_pinned(scene.pin(options), INDEX)


@pytest.mark.parametrize("kind", ["text/html", "application/json", "application/octet-stream", ""])
def test_media_types_of_configs_that_docker_accepts(scene: Scene, kind: str) -> None:
    body = oci_image(CONFIG, config_type=kind)
    scene.registry.script = requiring("Basic", body=body)(scene.registry.host)
    expect_pinned(scene.pin("Platform=linux/amd64"), body)


@pytest.mark.parametrize("pull_counting", [True, False])
@pytest.mark.parametrize("entries", [[], [descriptor(OCI_INDEX, INDEX)]])
def test_an_index_without_an_image_is_refused(
    scene: Scene, entries: list[dict[str, object]], *, pull_counting: bool
) -> None:
    scene.registry.script = requiring("Basic", body=oci_index(*entries))(scene.registry.host)
    run = scene.pin("Platform=Any", IMAGE_PINNER_METERED_REGISTRIES=scene.registry.host if pull_counting else "none")
    assert run.code
    assert "lists no image" in run.err or "lists further indexes" in run.err


def test_a_registry_and_its_token_service_behind_a_proxy(scene: Scene) -> None:
    scene.registry.script = requiring(BEARER)("registry.example")
    with Proxy({"registry.example:443": scene.registry.port}, credentials="robot:p@ss") as proxy:
        run = scene.pin(image="registry.example", HTTPS_PROXY=f"http://robot:p%40ss@{proxy.host}")
        expect_pinned(run)
        assert set(proxy.targets()) == {"registry.example:443"}
    assert "p@ss" not in run.err + run.text
