"""The fact `pushed`: when an image was pushed, by ECR's clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from image_pinner.core.gates.age import Pushed
from image_pinner.core.gates.interface import Need, Subject, UnknownFact
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.sources.ecr.client import IDS_PER_REQUEST
from image_pinner.sources.ecr.errors import DESCRIBE_IMAGES, no_image
from image_pinner.sources.ecr.facts.calls import EcrCalls, FactReader, Found, Job, RegistrySubjects
from image_pinner.sources.ecr.facts.images import read_details
from image_pinner.sources.interface import iso_time


def _jobs(registry: RegistrySubjects, _: Need) -> Iterator[Job]:
    for repository, subjects in registry.batches(IDS_PER_REQUEST):
        run = partial(_read, registry.calls, repository, subjects)
        yield Job(repository, subjects, (DESCRIBE_IMAGES,), run)


def _read(calls: EcrCalls, repository: EcrRepository, subjects: Sequence[Subject], found: Found) -> None:
    details = read_details(calls, repository, (str(subject.image.digest) for subject in subjects))
    for subject in subjects:
        detail = details.get(str(subject.image.digest))
        if detail is None or "imagePushedAt" not in detail:
            missing = no_image(repository, str(subject.image.digest))
            found[subject] = UnknownFact(missing.cause, missing.help, DESCRIBE_IMAGES)
        else:
            pushed = detail["imagePushedAt"].timestamp()
            age = max(0, int(calls.clock() - pushed))
            found[subject] = calls.fact(Pushed(iso_time(pushed), age), DESCRIBE_IMAGES)


PUSHED_READER = FactReader("the time of the push", {"": (DESCRIBE_IMAGES,)}, _jobs)
