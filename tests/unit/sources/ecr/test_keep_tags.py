"""Put keep-tags on images in ECR."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.core.gates.interface import Subject, UnknownFact
from image_pinner.core.gates.lifecycle import keep_tag_of
from image_pinner.core.images.lookups import OCI_MANIFEST
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.facts.source import EcrFacts
from image_pinner.sources.ecr.keep_tags import KEEP_TAG, KEEP_TAG_WRITER, EcrKeepTags
from image_pinner.sources.interface import Deadline
from support.ecr_api import ACCOUNT, HOST, ApiError, EcrApi, denied


def manifest(number: int) -> str:
    return f'{{"schemaVersion":2,"number":{number}}}'


def image(number: int = 1, repository: str = "team/app") -> Subject:
    digest = Digest.of(manifest(number).encode())
    return Subject(ImageReference.parse(f"{HOST}/{repository}@{digest}").canonical())


class Repository:
    """A repository of ECR with the images 0 to 199, and without tags."""

    def __init__(self, *, immutable: bool = False) -> None:
        self.tags: dict[str, str] = {}
        self.immutable = immutable
        self.manifests = {image(number).digests[0]: manifest(number) for number in range(200)}

    def api(self, **answers: Any) -> EcrApi:
        known = {
            "BatchGetImage": self.batch_get_image,
            "PutImage": self.put_image,
            "DescribeImages": self.describe_images,
        }
        return EcrApi(known | answers)

    def batch_get_image(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found, failures = [], []
        for image_id in request["imageIds"]:
            text = self.manifests.get(image_id["imageDigest"])
            if text:
                entry = {"imageId": image_id, "imageManifest": text, "imageManifestMediaType": OCI_MANIFEST}
                found.append(entry)
            else:
                failures.append({"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": "no image"})
        return {"images": found, "failures": failures}

    def put_image(self, request: Mapping[str, Any]) -> dict[str, Any]:
        digest, tag = request["imageDigest"], request["imageTag"]
        text = request["imageManifest"]
        assert f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" == digest
        assert request["imageManifestMediaType"] == OCI_MANIFEST
        if self.immutable and tag in self.tags:
            raise ApiError("ImageTagAlreadyExistsException")
        if self.tags.get(tag) == digest:
            raise ApiError("ImageAlreadyExistsException")
        self.tags[tag] = digest
        return {"image": {"imageId": {"imageDigest": digest, "imageTag": tag}}}

    def describe_images(self, request: Mapping[str, Any]) -> dict[str, Any]:
        (image_id,) = request["imageIds"]
        return {"imageDetails": [{"imageDigest": self.tags[image_id["imageTag"]]}]}


def put(api: EcrApi, *images: Subject, seconds: float = 60) -> Mapping[Subject, UnknownFact]:
    clients = AwsClients(lambda: api, role_session_factory=lambda _: api)
    jobs = EcrFacts(clients, readers={KEEP_TAG: KEEP_TAG_WRITER})
    return EcrKeepTags(jobs).put_keep_tags(images, Deadline.after(seconds))


@pytest.mark.parametrize(
    ("operation", "action"), [("BatchGetImage", "ecr:BatchGetImage"), ("PutImage", "ecr:PutImage")]
)
def test_a_denied_request_names_its_action(operation: str, action: str) -> None:
    repository = Repository()
    failures = put(repository.api(**{operation: denied(action)}), image())
    assert failures[image()].cause.startswith(f"{action} is denied on arn:aws:ecr:us-east-1:{ACCOUNT}:repository/")
    assert f"allow {action}" in failures[image()].help
    assert repository.tags == {}


def test_the_tag_is_put_on_the_digest() -> None:
    repository = Repository()
    api = repository.api()
    assert put(api, image()) == {}
    digest = image().digests[0]
    assert repository.tags == {f"image-pinner-keep-{digest[7:19]}": digest}
    assert api.operations() == ["BatchGetImage", "PutImage"]


@pytest.mark.parametrize("immutable", [False, True])
def test_it_can_be_put_again(*, immutable: bool) -> None:
    repository = Repository(immutable=immutable)
    assert put(repository.api(), image()) == put(repository.api(), image()) == {}
    assert len(repository.tags) == 1


def test_a_tag_of_another_image_in_an_immutable_repository_is_a_failure() -> None:
    repository = Repository(immutable=True)
    tag, other = keep_tag_of(image().digests[0]), image(2).digests[0]
    repository.tags[tag] = other
    (failure,) = put(repository.api(), image()).values()
    assert failure.cause == (
        f"tag {tag!r} of the ECR repository 'team/app' in us-east-1 of account {ACCOUNT} belongs to {other}"
    )
    assert failure.help == "remove that tag"
    assert repository.tags[tag] == other


def test_a_missing_image_has_no_effect_on_others() -> None:
    repository = Repository()
    failures = put(repository.api(), image(1), image(999), image(2))
    assert list(failures) == [image(999)]
    assert "has no image with the digest" in failures[image(999)].cause
    assert len(repository.tags) == 2


@pytest.mark.parametrize("code", ["LimitExceededException", "LayersNotFoundException", "KmsException"])
def test_other_errors_are_failures(code: str) -> None:
    failures = put(Repository().api(PutImage=ApiError(code, "it cannot be put")), image())
    assert code in failures[image()].cause


def test_two_hundred_images_are_read_in_batches() -> None:
    repository = Repository()
    api = repository.api()
    assert put(api, *(image(number) for number in range(200))) == {}
    assert len(repository.tags) == 200
    assert sorted(api.operations()) == ["BatchGetImage"] * 2 + ["PutImage"] * 200


def test_nothing_is_put_after_the_deadline() -> None:
    repository = Repository()
    api = repository.api()
    assert list(put(api, image(), seconds=0)) == [image()]
    assert api.requests == []


def test_the_platform_of_an_image_does_not_matter() -> None:
    api = Repository().api()
    assert put(api, image(), image()._replace(parent=Digest(image(2).digests[0]))) == {}
    assert api.operations() == ["BatchGetImage", "PutImage"]
