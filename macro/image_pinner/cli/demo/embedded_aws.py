"""An AWS in this process: moto's server on loopback, with repositories and images of several shapes."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import urllib3

from image_pinner.cli.demo.layers import LayersInFront
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.lookups import DOCKER_MANIFEST, IMAGE_CONFIG_TYPES, OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest

_RESET_SECONDS = 30
REGION = "eu-central-1"
ACCOUNT = "111122223333"
# The attestations that docker buildx adds since version 0.10:
# https://docs.docker.com/build/metadata/attestations/attestation-storage/
_ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}


@dataclass(frozen=True, slots=True)
class EmbeddedAws:
    """The embedded AWS.

    Args:
        environment: The environment variables that lead to it, and nowhere else.
        ecr: A client of its ECR.
        store: Keeps a layer, or the config of an image, and gives its digest.
    """

    environment: Mapping[str, str]
    ecr: Any
    store: Callable[[bytes], Digest]

    def push(self, repository: str, tag: str, build: str, platforms: tuple[str, ...]) -> Digest:
        """Push an image, as a build would.

        Args:
            repository: The repository; it is created when it is new.
            tag: The tag, which moves if it stands on another image.
            build: What tells this build from others.
            platforms: `os/arch` of what it is built for; several make an index, with an attestation beside.

        Returns:
            The digest that the tag stands on now.
        """
        existing = self.ecr.exceptions.RepositoryAlreadyExistsException
        with suppress(existing):
            self.ecr.create_repository(repositoryName=repository)
        if len(platforms) == 1:
            return self._put(repository, tag, DOCKER_MANIFEST, self._manifest(DOCKER_MANIFEST, build, platforms[0]))
        entries = [self._entry(repository, build, platform) for platform in platforms]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, _attestation(build)]}
        return self._put(repository, tag, OCI_INDEX, json.dumps(index))

    def _entry(self, repository: str, build: str, platform: str) -> dict[str, Any]:
        manifest = self._manifest(OCI_MANIFEST, build, platform)
        digest = self._put(repository, "", OCI_MANIFEST, manifest)
        system, architecture = platform.split("/")
        return {
            "mediaType": OCI_MANIFEST,
            "digest": str(digest),
            "size": len(manifest),
            "platform": {"os": system, "architecture": architecture},
        }

    def _manifest(self, media_type: str, build: str, platform: str) -> str:
        system, architecture = platform.split("/")
        config = json.dumps({"os": system, "architecture": architecture, "build": build}).encode()
        described = {"mediaType": IMAGE_CONFIG_TYPES[0], "size": len(config), "digest": str(self.store(config))}
        return json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": described, "layers": []})

    def _put(self, repository: str, tag: str, media_type: str, manifest: str) -> Digest:
        # moto makes up digests of its own unless it is told the right one.
        digest = Digest.of(manifest.encode())
        tagged = {"imageTag": tag} if tag else {}
        self.ecr.put_image(
            repositoryName=repository,
            imageManifest=manifest,
            imageManifestMediaType=media_type,
            imageDigest=str(digest),
            **tagged,
        )
        return digest


def _attestation(build: str) -> dict[str, Any]:
    return {
        "mediaType": OCI_MANIFEST,
        "digest": str(Digest.of(f"attestation of {build}".encode())),
        "size": 2,
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": _ATTESTATION,
    }


@contextmanager
def embedded_aws() -> Iterator[EmbeddedAws]:
    """Start the embedded AWS and end it.

    Yields:
        The embedded AWS; as long as it runs, the process's environment leads to it.

    Raises:
        ConfigurationError: moto is not installed.
    """
    try:
        from moto.moto_server import werkzeug_app as moto  # noqa: PLC0415 - only the demonstration needs it
        from werkzeug.serving import make_server  # noqa: PLC0415 - comes with it
    except ImportError:
        raise ConfigurationError(
            "the demonstration needs moto, which is not installed",
            "Run make demo in a checkout, or pip install '.[demo]' there",
        ) from None
    # The server would write a line for each request into the story.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    layers = LayersInFront(moto.DomainDispatcherApplication(moto.create_backend_app))
    server = make_server("127.0.0.1", 0, layers, threaded=True, request_handler=moto.MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        # moto keeps its state as long as the process lives: https://docs.getmoto.org/en/latest/docs/server_mode.html
        urllib3.request("POST", f"{endpoint}/moto-api/reset", timeout=_RESET_SECONDS)
        with _only(_environment(endpoint)) as environment:
            import boto3  # noqa: PLC0415 - after the environment is set

            yield EmbeddedAws(environment, boto3.Session(region_name=REGION).client("ecr"), layers.store)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _environment(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "demonstration",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "MOTO_ACCOUNT_ID": ACCOUNT,
        "NO_PROXY": "127.0.0.1",
    }


@contextmanager
def _only(variables: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Replace all variables about AWS and this program by these, so that no real account can be reached."""
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
