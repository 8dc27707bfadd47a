"""Fakes of ECR and Secrets Manager, and lookups against the fake ECR."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import IMAGE_CONFIG_TYPES, OCI_INDEX, OCI_MANIFEST, ImageLookup, Resolution
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, is_digest
from image_pinner.core.registry_config import SecretLocation
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.interface import Deadline
from support.images import lookup

ACCOUNT = "111122223333"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"


class RefusedError(Exception):
    """An error response of the fake service."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}


@dataclass
class Image:
    manifest: str = '{"schemaVersion": 2, "config": {}, "layers": []}'
    media_type: str = OCI_MANIFEST
    status: str = "ACTIVE"
    digest: str = ""
    converted: str | None = None
    """The bytes that BatchGetImage returns by tag, if not the manifest."""
    config: bytes = b""
    artifact: str = ""
    """The `artifactMediaType`, empty where DescribeImages names none."""
    pushed_at: datetime | None = None

    def __post_init__(self) -> None:
        self.digest = self.digest or str(Digest.of(self.manifest.encode()))

    @property
    def config_digest(self) -> str:
        return str(Digest.of(self.config))


def image(content: str, platform: str = "linux/arm64", **more: Any) -> Image:
    """Return an image for one platform."""
    os, _, architecture = platform.partition("/")
    config = json.dumps({"os": os, "architecture": architecture, "content": content}).encode()
    line = {"mediaType": IMAGE_CONFIG_TYPES[0], "digest": str(Digest.of(config)), "size": len(config)}
    manifest = {"schemaVersion": 2, "config": line, "layers": []}
    return Image(json.dumps(manifest), **{"config": config, **more})


@dataclass
class FakeEcr:
    """Images by repository and tag, or by digest if they have no tag, and how the service behaves."""

    images: dict[str, dict[str, Image]]
    refusals: dict[str, Exception] = field(default_factory=dict)
    """By action: the exception to raise instead of a response."""
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    """By tag or digest: the entry of `failures` instead of an image."""
    returns_urls: bool = True
    names_the_missing: bool = True
    upstream: dict[str, dict[str, Image]] = field(default_factory=dict)
    """The images that a pull-through cache imports when they are requested by tag."""
    supports_the_filter: bool = True
    page_size: int = 1000
    before: Callable[[str], None] = lambda _action: None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    clients: list[dict[str, Any]] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    broken_download: str = ""
    """The cause with which downloads fail; `{url}` is replaced by the URL."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, **options: Any) -> Any:
        """Return a client of this fake. See `boto3.Session.client`."""
        self.clients.append({"service": service, **options})
        keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "example"}
        client = boto3.client(service, **keys, **options)
        client.meta.events.register_first("before-call.ecr", self._answer)
        return client

    def count(self, action: str) -> int:
        return sum(called == action for called, _ in self.calls)

    def _answer(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        request = json.loads(params["body"])
        with self._lock:
            self.calls.append((model.name, request))
        self.before(model.name)
        try:
            if refusal := self.refusals.get(model.name):
                raise refusal
            answer = {
                "DescribeImages": self._describe,
                "BatchGetImage": self._get,
                "GetDownloadUrlForLayer": self._download_url,
            }[model.name](request)
        except RefusedError as refusal:
            status = refusal.answer["ResponseMetadata"]["HTTPStatusCode"]
            return AWSResponse("https://ecr.invalid", status, {}, None), refusal.answer
        return AWSResponse("https://ecr.invalid", 200, {}, None), answer

    def _repository(self, request: Mapping[str, Any]) -> dict[str, Image]:
        name, account = request["repositoryName"], request["registryId"]
        if name not in self.images:
            message = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
            raise RefusedError("RepositoryNotFoundException", message)
        return self.images[name]

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        repository = self._repository(request)
        if "filter" in request and not self.supports_the_filter:
            raise RefusedError("InvalidParameterException", "filter and imageIds are mutually exclusive")
        statuses = {"ACTIVE"} if "filter" not in request else {"ACTIVE", "ARCHIVED", "ACTIVATING"}
        images = []
        for image_id in request["imageIds"]:
            found = self._find(repository, image_id)
            if found is None or found.status not in statuses:
                raise RefusedError("ImageNotFoundException", self._not_found(image_id, request))
            images.append(found)
        details = list({found.digest: self._detail(repository, found) for found in images}.values())
        start = int(request.get("nextToken", 0))
        page = details[start : start + self.page_size]
        more = {"nextToken": str(start + self.page_size)} if start + self.page_size < len(details) else {}
        return {"imageDetails": page} | more

    def _detail(self, repository: dict[str, Image], found: Image) -> dict[str, Any]:
        tags = [tag for tag, stored in repository.items() if stored.digest == found.digest and not is_digest(tag)]
        pushed = {"imagePushedAt": found.pushed_at} if found.pushed_at else {}
        return (
            pushed
            | {
                "imageDigest": found.digest,
                "imageTags": tags,
                "imageManifestMediaType": found.media_type,
                "imageStatus": found.status,
            }
            | ({"artifactMediaType": found.artifact} if found.artifact else {})
        )

    def _not_found(self, image_id: Mapping[str, str], request: Mapping[str, Any]) -> str:
        if not self.names_the_missing:
            return "The image requested does not exist in the specified repository."
        return (
            f"The image with imageId {{imageDigest:'{image_id.get('imageDigest', 'null')}', "
            f"imageTag:'{image_id.get('imageTag', 'null')}'}} does not exist within the repository with name "
            f"'{request['repositoryName']}' in the registry with id '{request['registryId']}'"
        )

    def download(self, url: str, limit: int, deadline: Deadline) -> bytes:
        """Return a config. See `Download`."""
        assert deadline.remaining() > 0
        with self._lock:
            self.downloads.append(url)
        self.before("Download")
        if self.broken_download:
            raise SourceError(self.broken_download.format(url=url), "check the network")
        digest = url.partition("?")[0].rpartition("/")[2]
        content = next(found.config for found in self._all_images() if found.config_digest == digest)
        assert len(content) <= limit
        return content

    def _all_images(self) -> list[Image]:
        return [found for repository in self.images.values() for found in repository.values()]

    def _download_url(self, request: dict[str, Any]) -> dict[str, Any]:
        repository, digest = self._repository(request), request["layerDigest"]
        if digest not in {found.config_digest for found in repository.values()}:
            raise RefusedError("LayersNotFoundException", f"The layer with digest '{digest}' does not exist.")
        if not self.returns_urls:
            return {}
        url = f"https://layers.invalid/{digest}?X-Amz-Security-Token=hunter2&X-Amz-Signature=hunter2"
        return {"downloadUrl": url, "layerDigest": digest}

    def _import(self, request: dict[str, Any]) -> None:
        name = request["repositoryName"]
        tags = [image_id["imageTag"] for image_id in request["imageIds"] if "imageTag" in image_id]
        for tag in tags:
            if tag in self.upstream.get(name, {}):
                self.images.setdefault(name, {}).setdefault(tag, self.upstream[name][tag])

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        self._import(request)
        repository = self._repository(request)
        images, failures = [], []
        for image_id in request["imageIds"]:
            tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
            if failure := self.failures.get(tag or digest or ""):
                failures.append({"imageId": image_id, **failure})
                continue
            found = self._find(repository, image_id)
            if found is None:
                failures.append({"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": "Not found"})
                continue
            images.append(
                {
                    "imageId": {"imageDigest": found.digest} | ({"imageTag": tag} if tag else {}),
                    "imageManifest": found.manifest if found.converted is None else found.converted,
                    "imageManifestMediaType": found.media_type,
                }
            )
        return {"images": images, "failures": failures}

    def _find(self, repository: dict[str, Image], image_id: Mapping[str, str]) -> Image | None:
        if "imageTag" in image_id:
            return repository.get(image_id["imageTag"])
        return next((stored for stored in repository.values() if stored.digest == image_id["imageDigest"]), None)


ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
ARM64 = Platform("linux", "arm64")
AMD64 = Platform("linux", "amd64")


def ecr_lookup(name: str, platform: Platform | None = None, *, index_allowed: bool = True) -> ImageLookup:
    """Return the lookup of an image, in the fake ECR unless `name` has a host."""
    text = name if ".DKR" in name.upper() else f"{HOST}/{name}"
    return lookup(text, platform or "", index_allowed=index_allowed)


def no_download(_url: str, _limit: int, _deadline: Deadline) -> bytes:
    raise AssertionError


def resolver(ecr: Any, **more: Any) -> EcrResolver:
    return EcrResolver(AwsClients(lambda: ecr), **{"download": getattr(ecr, "download", no_download), **more})


def resolve_all(ecr: Any, lookups: Sequence[ImageLookup], seconds: float = 20, **more: Any) -> list[Resolution]:
    answers = resolver(ecr, **more).resolve_all(lookups, Deadline.after(seconds))
    assert list(answers) == list(lookups)
    return list(answers.values())


def resolve(
    ecr: Any, name: str, platform: Platform | None = None, *, index_allowed: bool = True, **more: Any
) -> Resolution:
    return resolve_all(ecr, [ecr_lookup(name, platform, index_allowed=index_allowed)], **more)[0]


def index_of(*children: tuple[str, Image]) -> Image:
    lines = []
    for name, child in children:
        os, _, architecture = name.partition("/")
        platform = {"os": os, "architecture": architecture}
        lines.append({"digest": child.digest, "mediaType": child.media_type, "platform": platform})
    return Image(json.dumps({"schemaVersion": 2, "manifests": lines}), OCI_INDEX)


@dataclass
class FakeSecrets:
    """Returns the secrets in `known`, denies all others, and records the names that are read."""

    known: Mapping[str, str] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)

    def read(self, location: SecretLocation, deadline: Deadline) -> str:
        assert deadline.remaining() > 0
        self.requested.append(location.name)
        if location.name not in self.known:
            raise SourceError(f"secretsmanager:GetSecretValue is denied on {location.name}", "Allow it")
        return self.known[location.name]
