"""The fact `signing-status`: the status of ECR managed signing.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageSigningStatus.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from image_pinner.core.gates.interface import Need, Subject
from image_pinner.core.gates.signed_by_aws import IN_PROGRESS, SigningStatus
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.sources.aws.errors import cleaned
from image_pinner.sources.ecr.facts.calls import EcrCalls, FactReader, Found, Job, RegistrySubjects

_DESCRIBE_STATUS = "ecr:DescribeImageSigningStatus"
_POLL_SECONDS = 3.0


def _jobs(registry: RegistrySubjects, _: Need) -> Iterator[Job]:
    for repository, subjects in registry.batches(1):
        yield _job(registry.calls, repository, subjects)


def _job(calls: EcrCalls, repository: EcrRepository, subjects: Sequence[Subject], delay: float = 0.0) -> Job:
    run = partial(_read, calls, repository, subjects)
    return Job(repository, subjects, (_DESCRIBE_STATUS,), run, delay=delay)


def _read(calls: EcrCalls, repository: EcrRepository, subjects: Sequence[Subject], found: Found) -> list[Job]:
    """Read the statuses of one digest; a signature of the index counts for its manifests, whose digests it contains."""
    known: dict[str, tuple[SigningStatus, ...]] = {}
    for subject in subjects:
        statuses: tuple[SigningStatus, ...] = ()
        for digest in subject.digests:
            if digest not in known:
                known[digest] = _statuses(calls, repository, digest)
            statuses = statuses or known[digest]
        found[subject] = calls.fact(statuses, _DESCRIBE_STATUS)
    if any(status.status == IN_PROGRESS for statuses in known.values() for status in statuses):
        return [_job(calls, repository, subjects, _POLL_SECONDS)]
    return []


def _statuses(calls: EcrCalls, repository: EcrRepository, digest: str) -> tuple[SigningStatus, ...]:
    response = calls.call(
        "describe_image_signing_status", repositoryName=repository.name, imageId={"imageDigest": digest}
    )
    return tuple(map(_status, response.get("signingStatuses", ())))


def _status(entry: Mapping[str, Any]) -> SigningStatus:
    reason = ": ".join(filter(None, (entry.get("failureCode"), entry.get("failureReason"))))
    return SigningStatus(str(entry.get("signingProfileArn")), str(entry.get("status")), cleaned(reason))


SIGNING_STATUS_READER = FactReader("the status of managed signing", {"": (_DESCRIBE_STATUS,)}, _jobs)
