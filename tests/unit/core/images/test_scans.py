from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from image_pinner.core.images.scans import SCAN_STATES, SEVERITIES, Scan, ScanState, Vulnerability, read_scan

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
        COMPLETED.timestamp(),
        (Vulnerability("CVE-2026-1", "CRITICAL"), Vulnerability("CVE-2026-2", "LOW", "zlib 1.2")),
    )


def test_enhanced_findings_tell_of_fixes_and_exploits() -> None:
    scan = read_scan([page("ACTIVE", enhancedFindings=[enhanced()])])

    assert scan.state is ScanState.DONE
    assert scan.vulnerabilities == (
        Vulnerability("CVE-2026-1", "HIGH", "openssl 3.0.1", fix_available=True, exploit_available=False),
    )


@pytest.mark.parametrize("status", ["SUPPRESSED", "CLOSED"])
def test_a_suppressed_finding_does_not_count(status: str) -> None:
    assert not read_scan([page("ACTIVE", enhancedFindings=[enhanced(status=status)])]).vulnerabilities


def test_a_finding_for_several_packages_is_one_for_each() -> None:
    details = {"vulnerabilityId": "CVE-2026-1", "vulnerablePackages": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}

    scan = read_scan([page("ACTIVE", enhancedFindings=[enhanced(packageVulnerabilityDetails=details)])])

    assert [item.package for item in scan.vulnerabilities] == ["a", "b"]


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
def test_what_a_scan_does_not_tell_is_not_known(written: object, known: object) -> None:
    scan = read_scan([page("ACTIVE", enhancedFindings=[enhanced(fixAvailable=written, exploitAvailable=written)])])

    assert {(item.fix_available, item.exploit_available) for item in scan.vulnerabilities} == {(known, known)}
