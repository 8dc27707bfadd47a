"""ECR and ECS with real digests: ministack, on loopback."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from e2e.engine import ecr_facts
from e2e.engine.access import ACCOUNT, REGION, answers, client, credentials
from e2e.engine.ecs_facts import EcsFacts
from e2e.engine.environment import Environment
from e2e.engine.processes import Running, running
from e2e.engine.proxy import Proxy, Reply, Witness
from e2e.engine.recording import Request

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Ministack:
    """Running ECR and ECS, behind proxies that respond like the services; `url` is that of the tests."""

    running: Running
    url: str
    ecs: EcsFacts

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        return client(service, self.url)

    def push(self, repository: str, tag: str, content: str, *, architectures: tuple[str, ...] = ("amd64",)) -> str:
        """Push an image, and create its repository if it is missing. Return the digest of the tag.

        Args:
            repository: The name of the repository.
            tag: The tag, which is moved if it exists.
            content: The content of the image; equal content has an equal digest.
            architectures: One pushes a manifest, several push an index.
        """
        ecr = self.client("ecr")
        with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName=repository)
        children = [self._manifest(repository, content, architecture) for architecture in architectures]
        if len(children) == 1:
            return _put(ecr, repository, children[0][0], MANIFEST, tag)
        entries = []
        for manifest, architecture in children:
            digest = _put(ecr, repository, manifest, MANIFEST, "")
            platform = {"os": "linux", "architecture": architecture}
            entries.append({"mediaType": MANIFEST, "digest": digest, "size": len(manifest), "platform": platform})
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
        return _put(ecr, repository, index, INDEX, tag)

    def _manifest(self, repository: str, content: str, architecture: str) -> tuple[str, str]:
        config = json.dumps({"os": "linux", "architecture": architecture, "config": {"Labels": {"content": content}}})
        config_digest = self.push_blob(repository, config.encode())
        layer_digest = self.push_blob(repository, content.encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": config_digest, "size": len(config)},
            "layers": [{"mediaType": LAYER, "digest": layer_digest, "size": len(content)}],
        }
        return json.dumps(manifest), architecture

    def push_blob(self, repository: str, blob: bytes) -> str:
        """Push a layer or a config with the OCI protocol, because UploadLayerPart of ministack stores nothing."""
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        url = f"{self.url}/v2/{repository}/blobs/uploads/?digest={digest}"
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request("POST", url, body=blob)
        assert answer.status == 201, (answer.status, answer.data)
        return digest

    def behind_a_proxy(self, record: Witness) -> AbstractContextManager[Proxy]:
        """Run a proxy that responds like ECR and ECS, and call the witness for each request."""
        return _proxy(self.running, self.ecs, record)


@contextmanager
def _proxy(program: Running, facts: EcsFacts, record: Witness | None = None) -> Iterator[Proxy]:
    # The URL of the proxy, from which layers are downloaded, is known only after its start.
    here: list[str] = []

    def correct(request: Request, reply: Reply) -> Reply:
        return facts.correct(request, ecr_facts.correct(request, reply, here[0]))

    def gate(request: Request) -> Reply | None:
        return ecr_facts.gate(request) or facts.gate(request)

    with Proxy(program.port, gate=gate, correct=correct, record=record) as proxy:
        here.append(proxy.url)
        yield proxy


def _put(ecr: Any, repository: str, manifest: str, media_type: str, tag: str) -> str:
    tagged: Mapping[str, str] = {"imageTag": tag} if tag else {}
    given = ecr.put_image(
        repositoryName=repository, imageManifest=manifest, imageManifestMediaType=media_type, **tagged
    )
    digest = given["image"]["imageId"]["imageDigest"]
    assert digest == f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    return str(digest)


@contextmanager
def ministack_running(environment: Environment, directory: Path) -> Iterator[Ministack]:
    """Run ministack until the block ends."""
    variables = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": "{port}",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "S3_DATA_DIR": str(directory / "s3"),
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "PATH": "/usr/bin:/bin",
        **credentials(),
    }
    command = (environment.ministack_python, "ministack")
    with running(command, variables, directory / "log", lambda url: answers(f"{url}/_ministack/health")) as program:
        facts = EcsFacts(program.url, client("ecr", program.url))
        with _proxy(program, facts) as proxy:
            yield Ministack(program, proxy.url, facts)
