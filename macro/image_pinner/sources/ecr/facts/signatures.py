"""The fact `signatures`: which kinds of signatures refer to an image. They are not read.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from image_pinner.core.gates.interface import Need, Subject
from image_pinner.core.gates.signed_by_aws import COSIGN, NOTATION
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.sources.ecr.errors import BATCH_GET_IMAGE
from image_pinner.sources.ecr.facts.calls import EcrCalls, FactReader, Found, Job, RegistrySubjects

_LIST_REFERRERS = "ecr:ListImageReferrers"
_PAGE = 50
# https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md
# https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
_KINDS = {
    "application/vnd.cncf.notary.signature": NOTATION,
    "application/vnd.dev.cosign.artifact.sig.v1+json": COSIGN,
    "application/vnd.dev.sigstore.bundle.v0.3+json": COSIGN,
}


def _jobs(registry: RegistrySubjects, _: Need) -> Iterator[Job]:
    for repository, subjects in registry.batches(1):
        run = partial(_read, registry.calls, repository, subjects)
        yield Job(repository, subjects, (_LIST_REFERRERS, BATCH_GET_IMAGE), run)


def _read(calls: EcrCalls, repository: EcrRepository, subjects: Sequence[Subject], found: Found) -> None:
    """Find the signatures of one digest; one of the index counts for its manifests, whose digests it contains."""
    known: dict[str, frozenset[str]] = {}
    for subject in subjects:
        for digest in subject.digests:
            if digest not in known:
                known[digest] = _kinds(calls, repository, digest)
        kinds = frozenset[str]().union(*(known[digest] for digest in subject.digests))
        found[subject] = calls.fact(kinds, _LIST_REFERRERS)


def _kinds(calls: EcrCalls, repository: EcrRepository, digest: str) -> frozenset[str]:
    pages = calls.pages(
        "list_image_referrers",
        repositoryName=repository.name,
        subjectId={"imageDigest": digest},
        filter={"artifactTypes": list(_KINDS)},
        maxResults=_PAGE,
    )
    kinds: set[str] = set()
    for page in pages:
        types = {str(referrer.get("artifactType")) for referrer in page.get("referrers", ())}
        kinds.update(_KINDS[each] for each in types.intersection(_KINDS))
        if len(kinds) == len(set(_KINDS.values())):
            break
    return frozenset(kinds)


SIGNATURES_READER = FactReader("signatures", {"": (_LIST_REFERRERS, BATCH_GET_IMAGE)}, _jobs)
