"""Read the vulnerability scan of an image from the responses of ECR, for basic and enhanced scanning.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

SEVERITIES = ("UNDEFINED", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
"""The severities of vulnerabilities, the least severe first."""
# Inspector: https://docs.aws.amazon.com/inspector/latest/user/findings-understanding-severity.html
_OTHER_NAMES = {"UNTRIAGED": "UNDEFINED"}


class ScanState(Enum):
    """What a scan says about an image."""

    DONE = "done"
    PENDING = "pending"
    MISSING = "missing"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


# Each status of the API. `ACTIVE` is the continuous scan of Inspector; findings of an image whose eligibility expired
# are not updated any more, so they say nothing about today.
SCAN_STATES = {
    "COMPLETE": ScanState.DONE,
    "ACTIVE": ScanState.DONE,
    "IN_PROGRESS": ScanState.PENDING,
    "PENDING": ScanState.PENDING,
    "FAILED": ScanState.FAILED,
    "LIMIT_EXCEEDED": ScanState.FAILED,
    "FINDINGS_UNAVAILABLE": ScanState.MISSING,
    "SCAN_ELIGIBILITY_EXPIRED": ScanState.MISSING,
    "UNSUPPORTED_IMAGE": ScanState.UNSUPPORTED,
    "IMAGE_ARCHIVED": ScanState.UNSUPPORTED,
    "IMAGE_SIZE_EXCEEDED": ScanState.UNSUPPORTED,
}
"""The states by `imageScanStatus.status`; a status that is not here is a failed scan."""


class Vulnerability(NamedTuple):
    """A finding of a scan.

    Args:
        id: The identifier, such as `CVE-2024-1234`.
        severity: One of `SEVERITIES`.
        package: The name and version of the package, or empty.
        fix_available: Whether a fix is available, or `None` if the scan does not tell.
        exploit_available: Whether an exploit is known, or `None` if the scan does not tell.
    """

    id: str
    severity: str
    package: str = ""
    fix_available: bool | None = None
    exploit_available: bool | None = None


class Scan(NamedTuple):
    """The scan of an image.

    Args:
        state: Its state.
        detail: The status and description of the API.
        completed_at: When it was completed, in seconds since 1970, or `None`.
        vulnerabilities: The findings, the most severe first, each identifier once for each package.
    """

    state: ScanState
    detail: str = ""
    completed_at: float | None = None
    vulnerabilities: tuple[Vulnerability, ...] = ()


def read_scan(pages: Iterable[Mapping[str, Any]]) -> Scan:
    """Read the pages of a response of DescribeImageScanFindings."""
    status: Mapping[str, Any] = {}
    completed_at: float | None = None
    found: dict[Vulnerability, None] = {}
    for page in pages:
        status = page.get("imageScanStatus") or status
        findings = page.get("imageScanFindings") or {}
        if completed := findings.get("imageScanCompletedAt"):
            completed_at = completed.timestamp()
        found |= dict.fromkeys(map(_basic, findings.get("findings") or ()))
        found |= dict.fromkeys(
            vulnerability for finding in findings.get("enhancedFindings") or () for vulnerability in _enhanced(finding)
        )
    name, description = str(status.get("status", "")), str(status.get("description") or "")
    state = SCAN_STATES.get(name, ScanState.FAILED)
    ordered = sorted(found, key=lambda item: (-SEVERITIES.index(item.severity), item.id, item.package))
    return Scan(state, f"{name}: {description}" if description else name, completed_at, tuple(ordered))


def _severity(written: object) -> str:
    name = str(written).upper()
    name = _OTHER_NAMES.get(name, name)
    # A severity that is not known could be any.
    return name if name in SEVERITIES else SEVERITIES[-1]


def _basic(finding: Mapping[str, Any]) -> Vulnerability:
    attributes = {item.get("key"): item.get("value") for item in finding.get("attributes") or ()}
    package = " ".join(filter(None, (attributes.get("package_name"), attributes.get("package_version"))))
    return Vulnerability(str(finding.get("name", "")), _severity(finding.get("severity")), package)


def _enhanced(finding: Mapping[str, Any]) -> list[Vulnerability]:
    # Findings that are suppressed or closed in Inspector do not apply:
    # https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html
    if str(finding.get("status", "ACTIVE")).upper() != "ACTIVE":
        return []
    details = finding.get("packageVulnerabilityDetails") or {}
    # A finding without such details is about code or the network.
    name = str(details.get("vulnerabilityId") or finding.get("title") or finding.get("findingArn") or "")
    severity = _severity(finding.get("severity"))
    fix, exploit = _answer(finding.get("fixAvailable")), _answer(finding.get("exploitAvailable"))
    packages = details.get("vulnerablePackages") or [{}]
    names = dict.fromkeys(
        " ".join(str(part) for part in (package.get("name"), package.get("version")) if part) for package in packages
    )
    return [Vulnerability(name, severity, package, fix, exploit) for package in names]


def _answer(written: object) -> bool | None:
    # `PARTIAL`: only some of the affected packages have a fix.
    return {"YES": True, "PARTIAL": True, "NO": False}.get(str(written).upper())
