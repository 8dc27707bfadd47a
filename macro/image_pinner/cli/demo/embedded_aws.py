"""An in-process mock of AWS: moto's server on the loopback interface, with what moto lacks."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

from image_pinner.cli.demo.ecs_application import EcsApplication
from image_pinner.cli.demo.service_revisions import ServiceRevisions
from image_pinner.cli.demo.stacks import StackApplication
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.lookups import DOCKER_MANIFEST, IMAGE_CONFIG_TYPES, OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest, ImageReference

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REGION = "eu-central-1"
ACCOUNT = "111122223333"
_RESET_SECONDS = 30
_LAYER_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetDownloadUrlForLayer"
_LAYER_PATH = "/demo/layers/"
# docker buildx adds such attestations since version 0.10:
# https://docs.docker.com/build/metadata/attestations/attestation-storage/
_ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}


class LayerApplication:
    """Serves layers and image configurations, and passes all other requests to the WSGI application `inner`.

    moto lacks https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html.
    """

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner
        self._layers: dict[str, bytes] = {}

    def store(self, content: bytes) -> Digest:
        """Store a layer and return its digest."""
        digest = Digest.of(content)
        self._layers[str(digest)] = content
        return digest

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a request; see https://peps.python.org/pep-3333/."""
        if environ.get("HTTP_X_AMZ_TARGET") == _LAYER_TARGET:
            status, body = self._find_url(environ)
        elif environ["PATH_INFO"].startswith(_LAYER_PATH):
            body = self._layers.get(environ["PATH_INFO"].removeprefix(_LAYER_PATH), b"")
            status = "200 OK" if body else "404 Not Found"
        else:
            return self._inner(environ, start_response)
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]

    def _find_url(self, environ: WSGIEnvironment) -> tuple[str, bytes]:
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        digest = request["layerDigest"]
        if digest not in self._layers:
            error = {"__type": "LayersNotFoundException", "message": f"layer {digest} does not exist"}
            return "400 Bad Request", json.dumps(error).encode()
        url = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}{_LAYER_PATH}{digest}"
        return "200 OK", json.dumps({"downloadUrl": url, "layerDigest": digest}).encode()


@dataclass(frozen=True, slots=True)
class EmbeddedAws:
    """The mock.

    Args:
        environment: The environment variables that select it.
        ecr: A client of its ECR.
        ecs: A client of its ECS.
        layers: The layers of its ECR.
        stacks: Its CloudFormation.
        revisions: The service revisions of its ECS.
    """

    environment: Mapping[str, str]
    ecr: Any
    ecs: Any
    layers: LayerApplication
    stacks: StackApplication
    revisions: ServiceRevisions

    def push(self, repository: str, tag: str, build: str, platforms: tuple[str, ...]) -> Digest:
        """Push an image for one platform (`os/arch`), or an index with an attestation for several.

        The repository is created if it does not exist. A tag that exists is moved. Different `build` texts result in
        different digests.
        """
        existing = self.ecr.exceptions.RepositoryAlreadyExistsException
        with suppress(existing):
            self.ecr.create_repository(repositoryName=repository)
        if len(platforms) == 1:
            return self._put(repository, tag, DOCKER_MANIFEST, self._manifest(DOCKER_MANIFEST, build, platforms[0]))
        entries = [self._push_entry(repository, build, platform) for platform in platforms]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, _attestation(build)]}
        return self._put(repository, tag, OCI_INDEX, json.dumps(index))

    def _push_entry(self, repository: str, build: str, platform: str) -> dict[str, Any]:
        manifest = self._manifest(OCI_MANIFEST, build, platform)
        digest = self._put(repository, "", OCI_MANIFEST, manifest)
        return _descriptor(digest, len(manifest), *platform.split("/"))

    def _manifest(self, media_type: str, build: str, platform: str) -> str:
        system, architecture = platform.split("/")
        config = json.dumps({"os": system, "architecture": architecture, "build": build}).encode()
        descriptor = {
            "mediaType": IMAGE_CONFIG_TYPES[0],
            "size": len(config),
            "digest": str(self.layers.store(config)),
        }
        return json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": descriptor, "layers": []})

    def _put(self, repository: str, tag: str, media_type: str, manifest: str) -> Digest:
        # Without imageDigest, moto generates a digest that does not match the manifest.
        digest = Digest.of(manifest.encode())
        # ECR keeps an image whose only tag is moved, and moto deletes it: another tag prevents that.
        for tags in ({"imageTag": tag}, {"imageTag": f"build-{str(digest)[-12:]}"}) if tag else ({},):
            self.ecr.put_image(
                repositoryName=repository,
                imageManifest=manifest,
                imageManifestMediaType=media_type,
                imageDigest=str(digest),
                **tags,
            )
        return digest


def _descriptor(digest: Digest, size: int, system: str, architecture: str) -> dict[str, Any]:
    platform = {"os": system, "architecture": architecture}
    return {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": size, "platform": platform}


def _attestation(build: str) -> dict[str, Any]:
    digest = Digest.of(f"attestation of {build}".encode())
    return {**_descriptor(digest, 2, "unknown", "unknown"), "annotations": _ATTESTATION}


@contextmanager
def embedded_aws() -> Iterator[EmbeddedAws]:
    """Run the mock. Until the block ends, the environment variables of the process select it.

    Raises:
        ConfigurationError: moto is not installed.
    """
    try:
        from moto.moto_server import werkzeug_app as moto  # noqa: PLC0415 - only the demo needs it
        from werkzeug.serving import make_server  # noqa: PLC0415 - installed with moto's server
    except ImportError:
        raise ConfigurationError(
            "the demo requires moto, which is not installed",
            "run make demo in a checkout, or pip install '.[demo]' there",
        ) from None
    # The server would print a line for each request.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    ecs = EcsApplication(moto.DomainDispatcherApplication(moto.create_backend_app), _digest_of_tag)
    layers = LayerApplication(ecs)
    stacks = StackApplication(layers)
    server = make_server("127.0.0.1", 0, stacks, threaded=True, request_handler=moto.MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        # moto keeps its state for the life of the process: https://docs.getmoto.org/en/latest/docs/server_mode.html
        urllib3.request("POST", f"{endpoint}/moto-api/reset", timeout=_RESET_SECONDS)
        with _replace_environment(_variables(endpoint)) as environment:
            import boto3  # noqa: PLC0415 - it reads the environment

            session = boto3.Session(region_name=REGION)
            clients = session.client("ecr"), session.client("ecs")
            yield EmbeddedAws(environment, *clients, layers, stacks, ecs.revisions)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _digest_of_tag(image: str) -> str | None:
    from moto.ecr.models import ecr_backends  # noqa: PLC0415 - only the demo needs it

    reference = ImageReference.parse(image)
    repository = ecr_backends[ACCOUNT][REGION].repositories.get(reference.repository)
    images = repository.images if repository else ()
    return next((found.image_digest for found in images if reference.tag in found.image_tags), None)


def _variables(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "MOTO_ACCOUNT_ID": ACCOUNT,
        "NO_PROXY": "127.0.0.1",
        "IMAGE_PINNER_STATE_SCOPE": "stack:*",
    }


@contextmanager
def _replace_environment(variables: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Replace all variables of AWS and ImagePinner, so that no real account is reached."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("AWS_", "IMAGE_PINNER_")):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield variables
    finally:
        os.environ.clear()
        os.environ.update(before)
