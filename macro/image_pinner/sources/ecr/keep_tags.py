"""Put keep-tags on images, the only request of this package that changes a repository.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from image_pinner.core.gates.interface import Need, Subject, UnknownFact
from image_pinner.core.gates.lifecycle import keep_tag_of
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import ACCEPTED_MEDIA_TYPES
from image_pinner.sources.aws.errors import error_code
from image_pinner.sources.ecr.client import IDS_PER_REQUEST, ecr_faults
from image_pinner.sources.ecr.errors import BATCH_GET_IMAGE, DESCRIBE_IMAGES, image_failure
from image_pinner.sources.ecr.facts.calls import EcrCalls, FactReader, Found, Job, RegistrySubjects
from image_pinner.sources.ecr.facts.source import EcrFacts
from image_pinner.sources.interface import Deadline

KEEP_TAG = "keep-tag"
PUT_IMAGE = "ecr:PutImage"


class EcrKeepTags:
    """Puts keep-tags on images in ECR. See `KeepTagWriter`.

    Args:
        jobs: Runs `KEEP_TAG_WRITER`.
    """

    def __init__(self, jobs: EcrFacts) -> None:
        self._jobs = jobs

    def put_keep_tags(self, images: Collection[Subject], deadline: Deadline) -> Mapping[Subject, UnknownFact]:
        """See `KeepTagWriter.put_keep_tags`."""
        results = self._jobs.gather(images, frozenset({Need(KEEP_TAG)}), deadline)
        found = ((image, results[image][KEEP_TAG]) for image in images)
        return {image: result for image, result in found if isinstance(result, UnknownFact)}


def _jobs(registry: RegistrySubjects, _: Need) -> Iterator[Job]:
    for repository, subjects in registry.batches(IDS_PER_REQUEST):
        run = partial(_read_manifests, registry.calls, repository, subjects)
        yield Job(repository, subjects, (BATCH_GET_IMAGE,), run)


def _read_manifests(
    calls: EcrCalls, repository: EcrRepository, subjects: Sequence[Subject], found: Found
) -> Iterator[Job]:
    by_digest: dict[str, list[Subject]] = {}
    for subject in subjects:
        by_digest.setdefault(subject.digests[0], []).append(subject)
    response = calls.call(
        "batch_get_image",
        repositoryName=repository.name,
        imageIds=[{"imageDigest": digest} for digest in by_digest],
        acceptedMediaTypes=list(ACCEPTED_MEDIA_TYPES),
    )
    for failure in response.get("failures", ()):
        digest = str((failure.get("imageId") or {}).get("imageDigest"))
        reason = image_failure(repository, digest, failure)
        found.update(dict.fromkeys(by_digest.get(digest, ()), UnknownFact(reason.cause, reason.help, BATCH_GET_IMAGE)))
    images = {str(image["imageId"].get("imageDigest")): image for image in response.get("images", ())}
    for digest, image in images.items():
        run = partial(_put, calls, repository, by_digest[digest], image)
        yield Job(repository, by_digest[digest], (PUT_IMAGE,), run)


def _put(
    calls: EcrCalls, repository: EcrRepository, subjects: Sequence[Subject], image: Mapping[str, Any], found: Found
) -> None:
    digest = subjects[0].digests[0]
    tag = keep_tag_of(digest)
    try:
        calls.call(
            "put_image",
            repositoryName=repository.name,
            imageManifest=image["imageManifest"],
            imageManifestMediaType=image["imageManifestMediaType"],
            imageDigest=digest,
            imageTag=tag,
        )
    except ecr_faults() as error:
        # The first code is that of an image that has the tag already.
        if error_code(error) == "ImageTagAlreadyExistsException":
            _check_owner(calls, repository, subjects, tag, found)
            return
        if error_code(error) != "ImageAlreadyExistsException":
            raise
    found.update(dict.fromkeys(subjects, calls.fact(tag, PUT_IMAGE)))


def _check_owner(
    calls: EcrCalls, repository: EcrRepository, subjects: Sequence[Subject], tag: str, found: Found
) -> None:
    """Find out whether it is this image that has the tag, in a repository with immutable tags."""
    response = calls.call("describe_images", repositoryName=repository.name, imageIds=[{"imageTag": tag}])
    owner = next((image.get("imageDigest") for image in response.get("imageDetails", ())), None)
    if owner == subjects[0].digests[0]:
        found.update(dict.fromkeys(subjects, calls.fact(tag, DESCRIBE_IMAGES)))
        return
    unknown = UnknownFact(f"tag {tag!r} of {repository} belongs to {owner}", "remove that tag", PUT_IMAGE)
    found.update(dict.fromkeys(subjects, unknown))


KEEP_TAG_WRITER = FactReader("keep-tags", {"": (BATCH_GET_IMAGE, PUT_IMAGE, DESCRIBE_IMAGES)}, _jobs)
