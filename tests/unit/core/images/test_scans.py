from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from image_pinner.core.images.manifests import IndexEntry, parse_index
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.scans import (
    MAX_KEPT,
    SCAN_STATES,
    SEVERITIES,
    Scan,
    ScanState,
    Vulnerability,
    may_run,
    read_scan,
)
from support.images import oci_index

SHAPES = botocore.session.get_session().get_service_model("ecr")
COMPLETED = datetime(2026, 11, 1, tzinfo=UTC)


def page(status: str = "COMPLETE", description: str = "", **findings: Any) -> dict[str, Any]:
    return {
        "imageScanStatus": {"status": status, "description": description},
        "imageScanFindings": {"imageScanCompletedAt": COMPLETED, **findings},
    }


def basic(name: str, severity: str, **attributes: str) -> dict[str, Any]:
    return {
        "name": name,
        "severity": severity,
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }


def enhanced(**changed: Any) -> dict[str, Any]:
    finding = {
        "severity": "HIGH",
        "status": "ACTIVE",
        "fixAvailable": "YES",
        "exploitAvailable": "NO",
        "packageVulnerabilityDetails": {
            "vulnerabilityId": "CVE-2026-1",
            "vulnerablePackages": [{"name": "openssl", "version": "3.0.1"}],
        },
    }
    return finding | changed


def test_every_status_and_severity_of_the_api_is_known() -> None:
    assert set(SHAPES.shape_for("ScanStatus").enum) == set(SCAN_STATES)
    assert set(SHAPES.shape_for("FindingSeverity").enum) == set(SEVERITIES)


@pytest.mark.parametrize(("status", "state"), SCAN_STATES.items())
def test_a_status_is_shown_with_its_description(status: str, state: ScanState) -> None:
    scan = read_scan([page(status, "The reason.")])

    assert (scan.state, scan.detail) == (state, f"{status}: The reason.")


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
def test_a_scan_without_the_time_of_its_completion_has_not_finished(status: str) -> None:
    response = {"imageScanStatus": {"status": status}, "imageScanFindings": {"findings": []}}
    assert read_scan([response]).state is ScanState.PENDING


def test_an_unknown_status_is_a_failed_scan() -> None:
    assert read_scan([page("NEW")]).state is ScanState.FAILED
    assert read_scan([{}]).state is ScanState.FAILED


def test_basic_findings_of_all_pages_are_read() -> None:
    scan = read_scan(
        [
            page(findings=[basic("CVE-2026-2", "LOW", package_name="zlib", package_version="1.2")]),
            page(findings=[basic("CVE-2026-1", "CRITICAL")]),
        ]
    )

    assert scan == Scan(
        ScanState.DONE,
        "COMPLETE",
        "2026-11-01T00:00:00Z",
        (("CRITICAL", 1), ("LOW", 1)),
        (Vulnerability("CVE-2026-1", "CRITICAL"), Vulnerability("CVE-2026-2", "LOW", "zlib 1.2")),
    )


def test_enhanced_findings_report_fixes_and_exploits() -> None:
    scan = read_scan([page("ACTIVE", enhancedFindings=[enhanced()])])

    assert scan.state is ScanState.DONE
    assert scan.vulnerabilities == (
        Vulnerability("CVE-2026-1", "HIGH", "openssl 3.0.1", fix_available=True, exploit_available=False),
    )


@pytest.mark.parametrize("status", ["SUPPRESSED", "CLOSED"])
def test_a_suppressed_finding_does_not_count(status: str) -> None:
    assert not read_scan([page("ACTIVE", enhancedFindings=[enhanced(status=status)])]).vulnerabilities


def test_a_finding_for_several_packages_is_one_finding() -> None:
    details = {"vulnerabilityId": "CVE-2026-1", "vulnerablePackages": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}

    scan = read_scan([page("ACTIVE", enhancedFindings=[enhanced(packageVulnerabilityDetails=details)])])

    assert [item.package for item in scan.vulnerabilities] == ["a, b"]


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Kb", "a\u202eb"])
def test_texts_of_an_image_are_one_line(name: str) -> None:
    (found,) = read_scan([page(findings=[basic(name, "LOW", package_name=name)])]).vulnerabilities
    assert found.id.isprintable()
    assert found.package.isprintable()


def test_texts_of_an_image_are_cut() -> None:
    (found,) = read_scan([page(findings=[basic("x" * 5000, "LOW", package_name="y" * 5000)])]).vulnerabilities
    assert len(found.id) == len(found.package) == 101


class Pages:
    """Pages of findings, which are counted when they are read."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self._pages = [
            one | ({"nextToken": "next"} if number < len(pages) else {}) for number, one in enumerate(pages, 1)
        ]
        self.number = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for one in self._pages:
            self.number += 1
            yield one


HIGH, LOW = basic("CVE-2026-1", "HIGH"), basic("CVE-2026-2", "LOW")


@pytest.mark.parametrize(
    ("counts", "every_finding", "pages", "is_complete"),
    [
        ({"HIGH": 2, "LOW": 1}, False, 1, True),
        ({"HIGH": 2, "LOW": 1}, True, 3, True),
        ({"LOW": 3}, True, 1, True),
        ({}, False, 3, True),
        ({"HIGH": 9}, True, 3, False),
    ],
)
def test_only_the_pages_that_are_needed_are_read(
    counts: dict[str, int], *, every_finding: bool, pages: int, is_complete: bool
) -> None:
    given = Pages(page(findings=[HIGH], findingSeverityCounts=counts), page(findings=[LOW]), page(findings=[HIGH]))
    scan = read_scan(given, "HIGH", every_finding=every_finding)
    assert (given.number, scan.is_complete) == (pages, is_complete)


@pytest.mark.parametrize("every_finding", [True, False])
def test_a_scan_without_counts_and_with_unread_pages_is_not_complete(*, every_finding: bool) -> None:
    unread = page(findings=[LOW]) | {"nextToken": "next"}
    assert not read_scan([unread], "HIGH", every_finding=every_finding).is_complete


def test_no_more_page_is_read_if_no_finding_is_severe_enough() -> None:
    given = Pages(page(findings=[LOW], findingSeverityCounts={"LOW": 2}), page(findings=[LOW]))
    scan = read_scan(given, "MEDIUM")
    assert (given.number, scan.counts, scan.vulnerabilities, scan.is_complete) == (1, (("LOW", 2),), (), True)


def test_pages_are_read_until_a_finding_of_each_severity_is_listed() -> None:
    critical = basic("CVE-2026-3", "CRITICAL")
    counts = {"CRITICAL": 1, "HIGH": 1, "LOW": 2}
    given = Pages(page(findings=[LOW, HIGH], findingSeverityCounts=counts), page(findings=[critical]), page())
    scan = read_scan(given, "HIGH", every_finding=False)
    assert (given.number, [one.id for one in scan.vulnerabilities]) == (2, ["CVE-2026-3", "CVE-2026-1"])


def test_counts_are_never_below_what_is_listed() -> None:
    scan = read_scan([page(findings=[HIGH, HIGH], findingSeverityCounts={"HIGH": 1, "UNTRIAGED": 2})])
    assert scan.counts == (("HIGH", 2), ("UNDEFINED", 2))


def test_suppressed_findings_do_not_make_a_scan_incomplete() -> None:
    suppressed = enhanced(status="SUPPRESSED")
    given = [page("ACTIVE", enhancedFindings=[enhanced(), suppressed], findingSeverityCounts={"HIGH": 2})]
    assert read_scan(given, "HIGH").is_complete


def test_the_number_of_findings_that_are_kept_is_limited() -> None:
    given = Pages(*[page(findings=[HIGH] * 400)] * 10)
    scan = read_scan(given)
    assert (given.number, len(scan.vulnerabilities), scan.is_complete) == (3, MAX_KEPT, False)


def entry(platform: dict[str, str] | None = None, **more: Any) -> IndexEntry:
    (found,) = parse_index(
        oci_index(
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": f"sha256:{'a' * 64}",
                **({"platform": platform} if platform else {}),
                **more,
            }
        )
    )
    return found


AMD64, ARM64 = ({"os": "linux", "architecture": name} for name in ("amd64", "arm64"))
ATTESTATION = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}


@pytest.mark.parametrize(
    ("candidate", "on_amd64", "on_any"),
    [
        (entry(AMD64), True, True),
        (entry(AMD64 | {"variant": "v3"}), True, True),
        (entry(ARM64), False, True),
        (entry(), True, True),
        (entry({"os": "unknown", "architecture": "unknown"}, **ATTESTATION), False, False),
        # containerd runs all of these, whatever the index calls them.
        (entry({"os": "linux"}, **ATTESTATION), True, True),
        (entry({"architecture": "amd64"}), True, True),
        (entry(AMD64 | {"os.version": "not a version"}), True, True),
        (entry(None, artifactType="application/vnd.example.sbom"), True, True),
        (entry(AMD64, **ATTESTATION), True, True),
        (entry(AMD64, artifactType="application/vnd.example.sbom"), True, True),
    ],
)
def test_the_images_of_an_index_that_can_run_matter(candidate: IndexEntry, *, on_amd64: bool, on_any: bool) -> None:
    assert may_run(candidate, Platform.parse("linux/amd64")) == on_amd64
    assert may_run(candidate, None) == on_any


def test_a_finding_without_details_has_its_title() -> None:
    scan = read_scan([page("ACTIVE", enhancedFindings=[enhanced(packageVulnerabilityDetails=None, title="Code")])])

    assert [item.id for item in scan.vulnerabilities] == ["Code"]


@pytest.mark.parametrize(
    ("written", "severity"), [("UNTRIAGED", "UNDEFINED"), ("Medium", "MEDIUM"), ("NEW", "CRITICAL"), (None, "CRITICAL")]
)
def test_a_severity_that_is_not_known_counts_as_the_worst(written: object, severity: str) -> None:
    scan = read_scan([page("ACTIVE", enhancedFindings=[enhanced(severity=written)])])

    assert [item.severity for item in scan.vulnerabilities] == [severity]


@pytest.mark.parametrize(
    ("written", "known"), [("YES", True), ("PARTIAL", True), ("NO", False), (None, None), ("?", None)]
)
def test_what_a_scan_does_not_report_is_not_known(written: object, known: object) -> None:
    scan = read_scan([page("ACTIVE", enhancedFindings=[enhanced(fixAvailable=written, exploitAvailable=written)])])

    assert {(item.fix_available, item.exploit_available) for item in scan.vulnerabilities} == {(known, known)}
