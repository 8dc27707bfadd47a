"""The fact `pushed`: when an image was pushed, by ECR's clock.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from image_pinner.core.gates.age import Pushed
from image_pinner.core.gates.interface import Need, Subject, UnknownFact
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.sources.ecr.errors import DESCRIBE_IMAGES
from image_pinner.sources.ecr.facts.calls import EcrCalls, FactReader, Found, Job, RegistrySubjects, iso_time

_IDS_PER_REQUEST = 100


def _jobs(registry: RegistrySubjects, _: Need) -> Iterator[Job]:
    for repository, subjects in registry.batches(_IDS_PER_REQUEST):
        run = partial(_read, registry.calls, repository, subjects)
        yield Job(repository, subjects, (DESCRIBE_IMAGES,), run)


def _read(calls: EcrCalls, repository: EcrRepository, subjects: Sequence[Subject], found: Found) -> None:
    ids = [{"imageDigest": digest} for digest in dict.fromkeys(str(subject.image.digest) for subject in subjects)]
    times: dict[str, float] = {}
    for page in calls.pages("describe_images", repositoryName=repository.name, imageIds=ids):
        for image in page.get("imageDetails", ()):
            if "imagePushedAt" in image:
                times[str(image.get("imageDigest"))] = image["imagePushedAt"].timestamp()
    missing = UnknownFact(f"{DESCRIBE_IMAGES} in {calls.region} returned no time of a push", "retry", DESCRIBE_IMAGES)
    for subject in subjects:
        pushed = times.get(str(subject.image.digest))
        if pushed is None:
            found[subject] = missing
        else:
            age = max(0, int(calls.clock() - pushed))
            found[subject] = calls.fact(Pushed(iso_time(pushed), age), DESCRIBE_IMAGES)


PUSHED_READER = FactReader("the time of the push", {"": (DESCRIBE_IMAGES,)}, _jobs)
