"""The fact `scans`, from responses that botocore's model of ECR accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.interface import Fact, JudgedImage, Need, Subject, UnknownFact
from image_pinner.core.gates.vulnerabilities import EVERY_FINDING, SCANS, START, WAIT, ScannedImage
from image_pinner.core.images.lookups import OCI_MANIFEST, Origin, Resolved
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.images.scans import SCAN_STATES, SEVERITIES, Scan, ScanState, Vulnerability
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.facts.source import RESERVE, EcrFacts
from image_pinner.sources.interface import Deadline
from support.ecr_api import ACCOUNT, HOST, NOW, Answer, ApiError, EcrApi, denied
from support.gates import with_gates
from support.images import attestation, descriptor, oci_image, oci_index, platform
from support.templates import EveryDigest, pin, template_of

SHAPES = boto3.Session().client("ecr", region_name="us-east-1").meta.service_model
COMPLETED = datetime(2026, 11, 29, 10, tzinfo=UTC)
SOURCE = "ecr:DescribeImageScanFindings in us-east-1"
DESCRIBE, START_SCAN, GET = "DescribeImageScanFindings", "StartImageScan", "BatchGetImage"

Request = Mapping[str, Any]


def image(name: str) -> bytes:
    """Return the manifest of an image for one platform."""
    return oci_image(name.encode())


def platform_of(name: str) -> dict[str, Any]:
    os, architecture, *variant = name.split("/")
    return platform(os, architecture, **({"variant": variant[0]} if variant else {}))


def index(*names: str) -> bytes:
    """Return an index of images for these platforms, each with an attestation as BuildKit adds it."""
    entries = []
    for name in names:
        manifest, statement = image(name), oci_image(f"statement about {name}".encode())
        entries.append(descriptor("application/vnd.oci.image.manifest.v1+json", manifest, **platform_of(name)))
        entries.append(attestation("application/vnd.oci.image.manifest.v1+json", statement, manifest))
    return oci_index(*entries)


def digest(manifest: bytes) -> str:
    return str(Digest.of(manifest))


def subject(manifest: bytes, wanted: str = "", repository: str = "team/app", host: str = HOST) -> Subject:
    reference = ImageReference.parse(f"{host}/{repository}@{digest(manifest)}").canonical()
    return Subject(reference, Platform.parse(wanted) if wanted else None)


def findings(status: str = "COMPLETE", *names: str, severity: str = "HIGH", **more: Any) -> dict[str, Any]:
    """Return a response about basic scanning."""
    found = [
        {
            "name": name,
            "description": "A description.",
            "uri": f"https://vulnerabilities.example/{name}",
            "severity": severity,
            "attributes": [{"key": "package_name", "value": "zlib"}, {"key": "package_version", "value": "1.2"}],
        }
        for name in names
    ]
    counts = {"findingSeverityCounts": {severity: len(names)}} if names else {}
    return {
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "imageScanStatus": {"status": status, "description": "Text."},
        "imageScanFindings": {"imageScanCompletedAt": COMPLETED, "findings": found, **counts},
        **more,
    }


@dataclass
class FakeClock:
    """A clock that only `sleep` advances, and the pauses."""

    now: float = 100.0
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses.append(seconds)
        self.now += seconds


@dataclass
class Registry:
    """ECR with manifests, scans by their digests, and what a started scan returns."""

    manifests: Sequence[bytes]
    scans: Answer | ApiError = field(default_factory=lambda: ApiError("ScanNotFoundException"))
    start: Answer | ApiError = field(default_factory=lambda: denied("ecr:StartImageScan"))
    get: Answer | ApiError | None = None
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        answers: dict[str, Answer | ApiError] = {
            GET: self.get or self._get,
            DESCRIBE: self.scans,
            START_SCAN: self.start,
        }
        self.api = EcrApi(answers)

    def _get(self, request: Request) -> dict[str, Any]:
        known = {digest(manifest): manifest.decode() for manifest in self.manifests}
        wanted = [one["imageDigest"] for one in request["imageIds"]]
        return {
            "images": [
                {"imageId": {"imageDigest": one}, "imageManifest": known[one]} for one in wanted if one in known
            ],
            "failures": [
                {"imageId": {"imageDigest": one}, "failureCode": "ImageNotFound", "failureReason": "not found"}
                for one in wanted
                if one not in known
            ],
        }

    def source(self) -> EcrFacts:
        return EcrFacts(AwsClients(lambda: self.api), workers=4, clock=NOW.timestamp, sleep=self.clock.sleep)

    def gather(self, *subjects: Subject, how: set[str], seconds: float = 60) -> Mapping[Subject, Any]:
        needs = frozenset({Need(SCANS, frozenset(how))})
        found = self.source().gather(subjects, needs, Deadline.after(seconds, self.clock))
        return {subject: facts[SCANS] for subject, facts in found.items()}

    def scan(self, manifest: bytes, *how: str, seconds: float = 60) -> Scan:
        """Return the scan of one image for one platform."""
        (fact,) = self.gather(subject(manifest), how={"HIGH", *how}, seconds=seconds).values()
        ((name, scan),) = fact.value
        assert name == ""
        assert isinstance(scan, Scan)
        return scan

    def count(self, operation: str) -> int:
        return self.api.operations().count(operation)


APP = image("app")


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def always(response: Mapping[str, Any]) -> Answer:
    return lambda _: response


def in_turn(*responses: Mapping[str, Any] | ApiError) -> Answer:
    """Return these responses one after the other, the last one for all further requests."""
    left = list(responses)

    def answer(_: Request) -> Mapping[str, Any]:
        response = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(response, ApiError):
            raise response
        return response

    return answer


def test_basic_findings_are_read_by_digest() -> None:
    registry = Registry([APP], always(findings("COMPLETE", "CVE-2026-1", "CVE-2026-2")))
    (fact,) = registry.gather(subject(APP), how={"HIGH"}).values()
    scan = Scan(
        ScanState.DONE,
        "COMPLETE: Text.",
        "2026-11-29T10:00:00Z",
        (("HIGH", 2),),
        (Vulnerability("CVE-2026-1", "HIGH", "zlib 1.2"), Vulnerability("CVE-2026-2", "HIGH", "zlib 1.2")),
    )
    assert fact == Fact((ScannedImage("", scan),), SOURCE, "2026-11-30T12:00:00Z")
    repository = {"registryId": ACCOUNT, "repositoryName": "team/app"}
    ((_, manifests), (_, scans)) = registry.api.requests
    assert manifests["imageIds"] == [{"imageDigest": digest(APP)}]
    assert scans == {**repository, "imageId": {"imageDigest": digest(APP)}, "maxResults": 250}


def test_enhanced_findings_are_read() -> None:
    finding = {
        "awsAccountId": ACCOUNT,
        "findingArn": f"arn:aws:inspector2:us-east-1:{ACCOUNT}:finding/0123456789abcdef",
        "firstObservedAt": COMPLETED,
        "severity": "CRITICAL",
        "status": "ACTIVE",
        "title": "CVE-2026-1 - openssl",
        "type": "PACKAGE_VULNERABILITY",
        "fixAvailable": "YES",
        "exploitAvailable": "NO",
        "score": 9.8,
        "packageVulnerabilityDetails": {
            "vulnerabilityId": "CVE-2026-1",
            "source": "NVD",
            "vulnerablePackages": [{"name": "openssl", "version": "3.0.1", "packageManager": "OS", "epoch": 0}],
        },
        "resources": [{"id": "image", "type": "AWS_ECR_CONTAINER_IMAGE"}],
    }
    response = {
        "imageScanStatus": {"status": "ACTIVE", "description": "Continuous scan is selected for image."},
        "imageScanFindings": {
            "imageScanCompletedAt": COMPLETED,
            "vulnerabilitySourceUpdatedAt": COMPLETED,
            "enhancedFindings": [finding, finding | {"severity": "UNTRIAGED", "status": "SUPPRESSED"}],
            "findingSeverityCounts": {"CRITICAL": 1},
        },
    }
    scan = Registry([APP], always(response)).scan(APP)
    assert scan.state is ScanState.DONE
    assert scan.vulnerabilities == (
        Vulnerability("CVE-2026-1", "CRITICAL", "openssl 3.0.1", fix_available=True, exploit_available=False),
    )


@pytest.mark.parametrize("status", SHAPES.shape_for("ScanStatus").enum)
def test_each_status_of_the_api_is_a_state(status: str) -> None:
    assert Registry([APP], always(findings(status))).scan(APP).state is SCAN_STATES[status]


@pytest.mark.parametrize("severity", SHAPES.shape_for("FindingSeverity").enum)
def test_each_severity_of_the_api_is_counted(severity: str) -> None:
    registry = Registry([APP], always(findings("COMPLETE", "CVE-2026-1", severity=severity)))
    scan = registry.scan(APP)
    assert scan.counts == ((severity, 1),)
    assert bool(scan.vulnerabilities) == (severity in SEVERITIES[: SEVERITIES.index("HIGH") + 1])


def test_no_scan_is_a_missing_scan() -> None:
    assert Registry([APP]).scan(APP, WAIT) == Scan(ScanState.MISSING)


BOTH = index("linux/amd64", "linux/arm64")
AMD64, ARM64 = image("linux/amd64"), image("linux/arm64")


def differing(request: Request) -> dict[str, Any]:
    """Report a vulnerability of the image for arm64 only."""
    return findings("COMPLETE", *(["CVE-2026-1"] if request["imageId"]["imageDigest"] == digest(ARM64) else []))


@pytest.mark.parametrize(
    ("wanted", "verdict", "names"),
    [
        ("linux/amd64", "allow", ["linux/amd64"]),
        ("linux/arm64", "deny", ["linux/arm64"]),
        ("", "deny", ["linux/amd64", "linux/arm64"]),
    ],
)
def test_the_images_of_an_index_for_the_wanted_platform_are_judged(wanted: str, verdict: str, names: list[str]) -> None:
    registry = Registry([BOTH], differing)
    one = subject(BOTH, wanted)
    fact = registry.gather(one, how={"HIGH"})[one]
    assert [scanned.name for scanned in fact.value] == names
    (gate,) = parse_gates("vulnerabilities.severity=HIGH").enabled
    result = gate.judge(JudgedImage(one.image, facts={SCANS: fact}))
    assert result.verdict == verdict
    assert result.cause == ("linux/arm64: 1 HIGH vulnerability: CVE-2026-1 (zlib 1.2)" if verdict == "deny" else "")


def test_neither_the_index_nor_its_attestations_are_scanned() -> None:
    registry = Registry([BOTH], differing)
    registry.gather(subject(BOTH), how={"HIGH", START, WAIT})
    requested = {request["imageId"]["imageDigest"] for name, request in registry.api.requests if name == DESCRIBE}
    assert requested == {digest(AMD64), digest(ARM64)}


def test_an_image_is_requested_once_for_all_that_need_it() -> None:
    registry = Registry([BOTH, ARM64], differing)
    subjects = [subject(BOTH), subject(BOTH, "linux/arm64"), subject(ARM64), subject(ARM64, "linux/arm64")]
    found = registry.gather(*subjects, how={"HIGH"})
    assert [len(found[one].value) for one in subjects] == [2, 1, 1, 1]
    assert (registry.count(GET), registry.count(DESCRIBE)) == (1, 2)


@pytest.mark.parametrize(
    ("manifest", "cause"),
    [
        (oci_index(), "has 0 images to scan"),
        (index("linux/arm64"), "has 0 images for linux/amd64 to scan"),
        (index(*(f"linux/amd64/v{number}" for number in range(51))), "has 51 images for linux/amd64 to scan"),
        (
            oci_index(descriptor("application/vnd.oci.image.index.v1+json", BOTH, **platform("linux", "amd64"))),
            "lists further indexes",
        ),
        (oci_index({"digest": "sha256:1"}), "entry 1 of the index has an invalid digest"),
        (b"[", "the manifest is not valid JSON"),
    ],
)
def test_an_index_without_images_to_scan_is_unknown(manifest: bytes, cause: str) -> None:
    registry = Registry([manifest], differing)
    wanted = subject(manifest, "linux/amd64" if " for " in cause else "")
    unknown = registry.gather(wanted, how={"HIGH"})[wanted]
    assert isinstance(unknown, UnknownFact)
    assert cause in unknown.cause
    assert registry.count(DESCRIBE) == 0


def test_another_manifest_than_that_of_the_digest_is_unknown() -> None:
    answer = always({"images": [{"imageId": {"imageDigest": digest(BOTH)}, "imageManifest": APP.decode()}]})
    unknown = Registry([], differing, get=answer).gather(subject(BOTH), how={"HIGH"})[subject(BOTH)]
    assert unknown.cause == f"ecr:BatchGetImage returned another manifest than that of {digest(BOTH)}"


def test_a_missing_image_does_not_make_the_scans_of_others_unknown() -> None:
    gone = image("gone")
    found = Registry([APP], always(findings())).gather(subject(APP), subject(gone), how={"HIGH"})
    assert isinstance(found[subject(APP)], Fact)
    assert isinstance(found[subject(gone)], UnknownFact)


def unknown_scan(registry: Registry, *how: str) -> UnknownFact:
    (fact,) = registry.gather(subject(APP), how={"HIGH", *how}).values()
    ((_, unknown),) = fact.value
    assert isinstance(unknown, UnknownFact)
    return unknown


def test_a_denied_scan_names_its_action() -> None:
    unknown = unknown_scan(Registry([APP], denied("ecr:DescribeImageScanFindings")))
    assert unknown.cause.startswith("ecr:DescribeImageScanFindings is denied on arn:aws:ecr:us-east-1:")
    assert "allow ecr:DescribeImageScanFindings on it" in unknown.help


def test_a_denied_manifest_names_its_action() -> None:
    unknown = Registry([APP], get=denied("ecr:BatchGetImage")).gather(subject(APP), how={"HIGH"})[subject(APP)]
    assert unknown.cause.startswith("ecr:BatchGetImage is denied on ")


@pytest.mark.parametrize("action", ["inspector2:ListFindings", "inspector2:ListCoverage"])
def test_a_denied_request_to_inspector_names_its_actions(action: str) -> None:
    unknown = unknown_scan(Registry([APP], denied(action)))
    assert unknown.cause.startswith(f"{action} is denied in us-east-1")
    assert unknown.help.startswith("allow inspector2:ListCoverage and inspector2:ListFindings on *")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ApiError("RepositoryNotFoundException"), "does not exist"),
        (ApiError("ImageNotFoundException"), f"has no image with the digest {digest(APP)}"),
        (ApiError("ValidationException", "not supported"), "ValidationException: not supported"),
        (ApiError("ServerException", status=500), "internal error"),
    ],
)
def test_a_failed_request_is_unknown(error: ApiError, cause: str) -> None:
    assert cause in unknown_scan(Registry([APP], error)).cause


def test_the_failure_of_one_image_of_an_index_does_not_hide_the_others() -> None:
    def answer(request: Request) -> dict[str, Any]:
        if request["imageId"]["imageDigest"] == digest(AMD64):
            raise denied("ecr:DescribeImageScanFindings")
        return differing(request)

    fact = Registry([BOTH], answer).gather(subject(BOTH), how={"HIGH"})[subject(BOTH)]
    amd64, arm64 = fact.value
    assert isinstance(amd64.scan, UnknownFact)
    assert isinstance(arm64.scan, Scan)


def test_images_elsewhere_are_unknown_and_not_requested() -> None:
    registry = Registry([APP])
    elsewhere = subject(APP, host="ghcr.io")
    assert registry.gather(elsewhere, how={"HIGH"})[elsewhere].cause == "ghcr.io does not report vulnerability scans"
    assert registry.api.requests == []


def pages_of(number: int, size: int = 2, severity: str = "HIGH") -> Answer:
    """Return pages of findings; the first one has the counts of all."""

    def answer(request: Request) -> dict[str, Any]:
        page = int(request.get("nextToken", "0"))
        names = [f"CVE-2026-{page * size + one}" for one in range(size)]
        response = findings("COMPLETE", *names, severity=severity)
        response["imageScanFindings"]["findingSeverityCounts"] = {severity: number * size}
        return response | ({"nextToken": str(page + 1)} if page + 1 < number else {})

    return answer


@pytest.mark.parametrize(
    ("how", "severity", "requests"),
    [
        ([], "HIGH", 1),
        ([EVERY_FINDING], "HIGH", 3),
        ([EVERY_FINDING], "LOW", 1),
    ],
)
def test_only_the_pages_that_are_needed_are_requested(how: list[str], severity: str, requests: int) -> None:
    registry = Registry([APP], pages_of(3, severity=severity))
    assert registry.scan(APP, *how).counts == ((severity, 6),)
    assert registry.count(DESCRIBE) == requests


def test_the_number_of_pages_is_limited() -> None:
    registry = Registry([APP], pages_of(100, size=1))
    scan = registry.scan(APP, EVERY_FINDING)
    assert (registry.count(DESCRIBE), scan.is_complete) == (40, False)


def test_a_scan_that_finishes_while_the_template_is_pinned_counts() -> None:
    pending = findings("IN_PROGRESS")
    registry = Registry([APP], in_turn(pending, pending, pending, findings("COMPLETE", "CVE-2026-1")))
    scan = registry.scan(APP, WAIT)
    assert (scan.state, scan.counts) == (ScanState.DONE, (("HIGH", 1),))
    assert registry.clock.pauses == [1, 2, 4]
    assert registry.count(DESCRIBE) == 4


@pytest.mark.parametrize(("found", "causes"), [([], []), (["CVE-2026-1"], ["CVE-2026-1 (zlib 1.2)"])])
def test_a_template_is_judged_by_the_scan_that_has_just_finished(found: list[str], causes: list[str]) -> None:
    registry = Registry([APP], in_turn(findings("IN_PROGRESS"), findings("COMPLETE", *found)))
    resolved = Resolved(Digest.of(APP), OCI_MANIFEST, Origin("ecr", "ecr:DescribeImages in us-east-1"))
    result = pin(
        template_of(f"!PinDigest {HOST}/team/app:1"),
        settings=with_gates("vulnerabilities.severity=HIGH"),
        digests=EveryDigest({f"{HOST}/team/app:1": resolved}),
        facts=registry.source(),
    )
    assert [problem.cause.rpartition(": ")[2] for problem in result.report.problems] == causes
    assert result.report.succeeded == (not causes)
    assert registry.clock.pauses == [1]


def test_a_complete_scan_without_findings_yet_is_polled() -> None:
    early = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"findings": []}}
    registry = Registry([APP], in_turn(early, findings("COMPLETE", "CVE-2026-1")))
    assert registry.scan(APP, WAIT).counts == (("HIGH", 1),)


@pytest.mark.parametrize(
    ("seconds", "pauses"), [(1, []), (2, [1]), (20, [1, 2, 4, 8]), (60, [1, 2, 4, 8, 10, 10, 10, 10])]
)
def test_the_lookup_waits_no_longer_than_the_deadline_allows(seconds: float, pauses: list[float]) -> None:
    registry = Registry([APP], always(findings("PENDING")))
    scan = registry.scan(APP, WAIT, seconds=seconds)
    assert scan.state is ScanState.PENDING
    assert registry.clock.pauses == pauses
    assert sum(pauses) <= seconds - RESERVE


def test_a_scan_in_progress_is_not_polled_without_need() -> None:
    registry = Registry([APP], always(findings("IN_PROGRESS")))
    assert registry.scan(APP).state is ScanState.PENDING
    assert registry.clock.pauses == []


@pytest.mark.parametrize("status", sorted(set(SCAN_STATES) - {"IN_PROGRESS", "PENDING"}))
def test_only_a_scan_in_progress_is_polled(status: str) -> None:
    registry = Registry([APP], always(findings(status)))
    registry.scan(APP, WAIT)
    assert registry.clock.pauses == []


def test_there_is_one_wait_for_all_images() -> None:
    """Scans that take until 3 and 7 seconds after the start: nine images on four threads take no longer."""
    manifests = [image(str(number)) for number in range(9)]
    slow = {digest(manifest) for manifest in manifests[::2]}
    clock = FakeClock()

    def answer(request: Request) -> dict[str, Any]:
        ready = 107 if request["imageId"]["imageDigest"] in slow else 103
        return findings("COMPLETE" if clock.now >= ready else "IN_PROGRESS")

    registry = Registry(manifests, answer, clock=clock)
    subjects = [subject(manifest, repository=f"team/app{number % 2}") for number, manifest in enumerate(manifests)]
    found = registry.gather(*subjects, how={"HIGH", WAIT})
    assert clock.pauses == [1, 2, 4]
    assert all(fact.value[0].scan.state is ScanState.DONE for fact in found.values())
    assert registry.count(DESCRIBE) == 9 * 3 + 5


def test_a_missing_scan_is_started_and_polled() -> None:
    missing = ApiError("ScanNotFoundException")
    started = {"imageScanStatus": {"status": "IN_PROGRESS"}, "imageId": {"imageDigest": digest(APP)}}
    registry = Registry([APP], in_turn(missing, missing, findings("COMPLETE", "CVE-2026-1")), always(started))
    assert registry.scan(APP, START, WAIT).counts == (("HIGH", 1),)
    assert registry.api.operations() == [GET, DESCRIBE, START_SCAN, DESCRIBE, DESCRIBE]
    (request,) = [request for name, request in registry.api.requests if name == START_SCAN]
    assert request == {
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "imageId": {"imageDigest": digest(APP)},
    }


def test_a_started_scan_is_never_finished_at_once() -> None:
    started = {"imageScanStatus": {"status": "COMPLETE"}}
    registry = Registry([APP], start=always(started))
    assert registry.scan(APP, START).state is ScanState.PENDING


@pytest.mark.parametrize("status", SCAN_STATES)
def test_only_a_missing_scan_is_started(status: str) -> None:
    registry = Registry([APP], always(findings(status)), always({"imageScanStatus": {"status": "IN_PROGRESS"}}))
    registry.scan(APP, START)
    assert registry.count(START_SCAN) == (SCAN_STATES[status] is ScanState.MISSING)


def test_a_scan_is_not_started_without_need() -> None:
    registry = Registry([APP])
    assert registry.scan(APP, WAIT).state is ScanState.MISSING
    assert registry.count(START_SCAN) == 0


@pytest.mark.parametrize(
    ("code", "state", "detail"),
    [
        ("LimitExceededException", ScanState.MISSING, "a scan can be started once in 24 hours: The scan quota"),
        ("ValidationException", ScanState.MISSING, "enhanced scanning starts no scans on request: The scan quota"),
        ("UnsupportedImageTypeException", ScanState.UNSUPPORTED, "unsupported image type: The scan quota"),
        ("ImageArchivedException", ScanState.UNSUPPORTED, "archived image: The scan quota"),
    ],
)
def test_a_scan_that_cannot_be_started_has_the_reason(code: str, state: ScanState, detail: str) -> None:
    registry = Registry([APP], start=ApiError(code, "The scan quota"))
    assert registry.scan(APP, START, WAIT) == Scan(state, detail)
    assert (registry.count(START_SCAN), registry.clock.pauses) == (1, [])


def test_each_error_of_the_api_when_a_scan_is_started_has_a_result() -> None:
    model = SHAPES.operation_model("StartImageScan")
    for code in [shape.name for shape in model.error_shapes]:
        (fact,) = Registry([APP], start=ApiError(code)).gather(subject(APP), how={"HIGH", START}).values()
        ((_, scan),) = fact.value
        assert isinstance(scan, UnknownFact) or scan.state is not ScanState.DONE


def test_a_denied_start_names_its_action() -> None:
    unknown = unknown_scan(Registry([APP], start=denied("ecr:StartImageScan")), START)
    assert unknown.cause.startswith("ecr:StartImageScan is denied on ")
    assert "allow ecr:StartImageScan on it" in unknown.help


def test_nothing_is_requested_after_the_deadline() -> None:
    registry = Registry([APP])
    (unknown,) = registry.gather(subject(APP), how={"HIGH"}, seconds=0).values()
    assert isinstance(unknown, UnknownFact)
    assert registry.api.requests == []


def test_what_is_not_read_before_the_deadline_is_unknown() -> None:
    clock = FakeClock()

    def late(request: Request) -> dict[str, Any]:
        clock.now += 100
        return registry._get(request)

    registry = Registry([APP], always(findings()), get=late, clock=clock)
    (unknown,) = registry.gather(subject(APP), how={"HIGH"}).values()
    assert isinstance(unknown, UnknownFact)
    assert "did not respond within" in unknown.cause
    assert registry.count(DESCRIBE) == 0


def test_two_hundred_images_need_a_bounded_number_of_requests() -> None:
    manifests = [image(str(number)) for number in range(200)]
    registry = Registry(manifests, always(findings("COMPLETE", "CVE-2026-1")))
    subjects = [subject(manifest, repository=f"team/app{number % 2}") for number, manifest in enumerate(manifests)]
    found = registry.gather(*subjects, how={"HIGH", WAIT, START})
    assert all(isinstance(fact, Fact) for fact in found.values())
    assert (registry.count(GET), registry.count(DESCRIBE), registry.count(START_SCAN)) == (2, 200, 0)
