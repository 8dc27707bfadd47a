"""The fact `scans`: the vulnerability scans of an image, or of the images of an index that can run on its platform.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from image_pinner.core.errors import SourceError
from image_pinner.core.gates.interface import Fact, Need, Subject, UnknownFact
from image_pinner.core.gates.vulnerabilities import EVERY_FINDING, START, WAIT, ScannedImage
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import INDEX_MEDIA_TYPES
from image_pinner.core.images.manifests import find_media_type, parse_index
from image_pinner.core.images.references import Digest
from image_pinner.core.images.scans import SEVERITIES, Scan, ScanState, may_run, read_scan
from image_pinner.sources.aws.errors import denied_action, describe_denial, error_code, error_text, is_denied
from image_pinner.sources.ecr.client import IDS_PER_REQUEST, RepositoryClient, ecr_faults, get_manifests
from image_pinner.sources.ecr.errors import BATCH_GET_IMAGE, Failure, explain_ecr_error, no_image
from image_pinner.sources.ecr.facts.calls import EcrCalls, FactReader, Found, Job, RegistrySubjects

_DESCRIBE_FINDINGS = "ecr:DescribeImageScanFindings"
_START_SCAN = "ecr:StartImageScan"
# Where Inspector scans: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-iam.html
_INSPECTOR = ("inspector2:ListCoverage", "inspector2:ListFindings")

# The API allows 1,000, which take 10 MB of memory on each thread.
_FINDINGS_PER_PAGE = 250
_MAX_PAGES = 40
_LONGEST_PAUSE = 10.0  # seconds between two requests for a scan in progress
_MAX_IMAGES = 50  # of an index; official images have about ten


def _jobs(registry: RegistrySubjects, need: Need) -> Iterator[Job]:
    for repository, subjects in registry.batches(IDS_PER_REQUEST):
        run = partial(_Scans(registry.calls, repository, need.how).read_manifests, subjects)
        yield Job(repository, subjects, (BATCH_GET_IMAGE,), run)


class _Scans:
    """Reads the scans of images of a repository: first their manifests, then each scan once, on any thread."""

    def __init__(self, calls: EcrCalls, repository: EcrRepository, how: frozenset[str]) -> None:
        self._calls = calls
        self._repository = repository
        self._how = how
        self._least = next((severity for severity in SEVERITIES if severity in how), SEVERITIES[-1])
        self._images: dict[Subject, Mapping[Digest, str]] = {}
        self._scans: dict[Digest, Scan | UnknownFact] = {}
        self._started: set[Digest] = set()
        self._lock = threading.Lock()

    def read_manifests(self, subjects: Sequence[Subject], found: Found) -> Iterator[Job]:
        """Find the images to read scans of, and return a job for each."""
        client = RepositoryClient(self._calls.client, self._repository, self._calls.deadline)
        digests = dict.fromkeys(map(_digest_of, subjects))
        manifests = get_manifests(client, list(digests))
        for subject in subjects:
            try:
                self._images[subject] = _images_of(subject, manifests)
            except SourceError as error:
                found[subject] = UnknownFact(error.cause, error.help, BATCH_GET_IMAGE)
        subjects_of: dict[Digest, list[Subject]] = {}
        for subject, images in self._images.items():
            for digest in images:
                subjects_of.setdefault(digest, []).append(subject)
        return (self._job(digest, wanting, found) for digest, wanting in subjects_of.items())

    def _job(self, digest: Digest, subjects: Sequence[Subject], found: Found, attempt: int = 0) -> Job:
        run = partial(self._read, digest, subjects, attempt)
        pause = min(2.0 ** (attempt - 1), _LONGEST_PAUSE) if attempt else 0.0
        return Job(self._repository, subjects, (_DESCRIBE_FINDINGS,), run, found, pause)

    def _read(self, digest: Digest, subjects: Sequence[Subject], attempt: int, found: Found) -> list[Job]:
        try:
            scan: Scan | UnknownFact = self._read_scan(digest)
        except ecr_faults() as error:
            scan = self._explain(error, digest)
        with self._lock:  # so that the last fact has all scans
            self._scans[digest] = scan
            found.update((subject, self._fact(subject)) for subject in subjects)
        is_pending = isinstance(scan, Scan) and scan.state is ScanState.PENDING
        return [self._job(digest, subjects, found, attempt + 1)] if is_pending and WAIT in self._how else []

    def _fact(self, subject: Subject) -> Fact:
        late = UnknownFact("the scan was not read in time", "retry", _DESCRIBE_FINDINGS)
        images = self._images[subject]
        scans = tuple(ScannedImage(name, self._scans.get(digest, late)) for digest, name in images.items())
        return self._calls.fact(scans, _DESCRIBE_FINDINGS)

    def _read_scan(self, digest: Digest) -> Scan:
        """Read a scan, and start it if it is missing."""
        pages = self._calls.pages(
            "describe_image_scan_findings",
            repositoryName=self._repository.name,
            imageId={"imageDigest": str(digest)},
            maxResults=_FINDINGS_PER_PAGE,
        )
        try:
            scan = read_scan(islice(pages, _MAX_PAGES), self._least, every_finding=EVERY_FINDING in self._how)
        except ecr_faults() as error:
            if error_code(error) != "ScanNotFoundException":
                raise
            scan = Scan(ScanState.MISSING)
        if scan.state is not ScanState.MISSING or START not in self._how:
            return scan
        # A scan that has just been started may not be found yet.
        return _STARTED if digest in self._started else self._start_scan(digest, scan)

    def _start_scan(self, digest: Digest, scan: Scan) -> Scan:
        image = {"imageDigest": str(digest)}
        try:
            self._calls.call("start_image_scan", repositoryName=self._repository.name, imageId=image)
        except ecr_faults() as error:
            refusal = _REFUSALS.get(error_code(error))
            if refusal is None:
                raise
            return scan._replace(state=refusal.state, detail=f"{refusal.reason}: {error_text(error)}")
        self._started.add(digest)
        return _STARTED

    def _explain(self, error: Exception, digest: Digest) -> UnknownFact:
        if error_code(error) == "ImageNotFoundException":
            missing = no_image(self._repository, str(digest))
            return UnknownFact(missing.cause, missing.help, _DESCRIBE_FINDINGS)
        is_start = getattr(error, "operation_name", "") == "StartImageScan"
        action = denied_action(error) or (_START_SCAN if is_start else _DESCRIBE_FINDINGS)
        if is_denied(error) and action in _INSPECTOR:
            cause = describe_denial(error, f"in {self._repository.region}", action)
            needed = " and ".join(_INSPECTOR)
            help = f"allow {needed} on * in the policy of the caller's role: enhanced scanning requires them"
            return UnknownFact(cause, help, _DESCRIBE_FINDINGS)
        failure = explain_ecr_error(self._repository, error, action)
        return UnknownFact(failure.cause, failure.help, action)


class _Refusal(NamedTuple):
    state: ScanState
    reason: str


_STARTED = Scan(ScanState.PENDING, "started now")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html#API_StartImageScan_Errors
_REFUSALS = {
    "LimitExceededException": _Refusal(ScanState.MISSING, "a scan can be started once in 24 hours"),
    "ValidationException": _Refusal(ScanState.MISSING, "enhanced scanning starts no scans on request"),
    "UnsupportedImageTypeException": _Refusal(ScanState.UNSUPPORTED, "unsupported image type"),
    "ImageArchivedException": _Refusal(ScanState.UNSUPPORTED, "archived image"),
}


def _images_of(subject: Subject, manifests: Mapping[Digest, bytes | Failure]) -> Mapping[Digest, str]:
    """Return the images to read scans of, with their names: that of an image itself is empty.

    Raises:
        SourceError: They are not known.
    """
    digest = _digest_of(subject)
    manifest = manifests[digest]
    if not isinstance(manifest, bytes):
        raise SourceError(manifest.cause, manifest.help)
    if Digest.of(manifest) != digest:
        raise SourceError(
            f"{BATCH_GET_IMAGE} returned another manifest than that of {digest}",
            "check for a proxy that changes manifests",
        )
    if find_media_type(manifest) not in INDEX_MEDIA_TYPES:
        return {digest: ""}
    entries = parse_index(manifest)
    if any(entry.media_type in INDEX_MEDIA_TYPES for entry in entries):
        raise SourceError(f"the index {digest} lists further indexes", "push an index that lists the images themselves")
    images = {
        entry.digest: str(entry.platform or entry.digest) for entry in entries if may_run(entry, subject.platform)
    }
    if not 0 < len(images) <= _MAX_IMAGES:
        platform = f" for {subject.platform}" if subject.platform else ""
        raise SourceError(
            f"the index {digest} has {len(images)} images{platform} to scan", f"push an index with 1 to {_MAX_IMAGES}"
        )
    return images


def _digest_of(subject: Subject) -> Digest:
    return Digest(str(subject.image.digest))


SCANS_READER = FactReader(
    "vulnerability scans",
    {"": (BATCH_GET_IMAGE, _DESCRIBE_FINDINGS, *_INSPECTOR), START: (_START_SCAN,)},
    _jobs,
)
