"""Put keep-tags on images in ECR."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from image_pinner.core.gates.interface import Subject, UnknownFact
from image_pinner.core.gates.lifecycle import keep_tag_of
from image_pinner.core.images.references import Digest
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.facts.source import EcrFacts
from image_pinner.sources.ecr.keep_tags import KEEP_TAG, KEEP_TAG_WRITER, EcrKeepTags
from image_pinner.sources.interface import Deadline
from support.ecr_api import ACCOUNT, ApiError, EcrApi, denied
from support.ecr_repository import Repository, image


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
