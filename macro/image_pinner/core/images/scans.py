"""Read the vulnerability scan of an image from the responses of ECR, for basic and enhanced scanning.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from image_pinner.core.errors import cut
from image_pinner.core.images.manifests import IndexEntry
from image_pinner.core.images.platforms import Platform

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
"""The severities of vulnerabilities, the most severe first."""
# Inspector: https://docs.aws.amazon.com/inspector/latest/user/findings-understanding-severity.html
_OTHER_NAMES = {"UNTRIAGED": "UNDEFINED"}
MAX_KEPT = 1_000
"""The number of findings of an image that are kept; an image with more has other problems than exceptions."""
_MAX_TEXT = 100  # characters of a name or description, which the image contains


class ScanState(Enum):
    """The state of a scan."""

    DONE = "done"
    PENDING = "pending"
    MISSING = "missing"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


# Each status of the API. `ACTIVE` is the continuous scan of Inspector; findings of an image whose eligibility expired
# are not updated any more, so they are not those of today.
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
        package: The names and versions of the packages, or empty.
        fix_available: Whether a fix is available, or `None` if the scan does not report it.
        exploit_available: Whether an exploit is known, or `None` if the scan does not report it.
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
        completed_at: When it was completed, in UTC and ISO 8601, or empty.
        counts: The number of findings by their severity, the most severe first.
        vulnerabilities: The findings that were read, the most severe first.
        is_complete: Whether nothing that was wanted is missing: the counts, or the findings.
    """

    state: ScanState
    detail: str = ""
    completed_at: str = ""
    counts: tuple[tuple[str, int], ...] = ()
    vulnerabilities: tuple[Vulnerability, ...] = ()
    is_complete: bool = True


def severities_from(least: str) -> tuple[str, ...]:
    """Return the severities that are at least as severe as `least`."""
    return SEVERITIES[: SEVERITIES.index(least) + 1]


def read_scan(pages: Iterable[Mapping[str, Any]], least: str = SEVERITIES[-1], *, every_finding: bool = True) -> Scan:
    """Read the pages of a response of DescribeImageScanFindings, no more of them than are needed.

    Args:
        pages: The pages, which may be requested one by one.
        least: The least severe findings to keep.
        every_finding: Whether to read every such finding; otherwise the counts and one of each severity suffice.
    """
    wanted, status = severities_from(least), dict[str, Any]()
    completed_at, is_last, is_clean, number = "", True, True, 0
    reported, found = Counter[str](), list[Vulnerability]()
    for page in pages:
        status = page.get("imageScanStatus") or status
        findings = page.get("imageScanFindings") or {}
        completed_at = _iso_time(findings.get("imageScanCompletedAt")) or completed_at
        reported = reported or _read_counts(findings.get("findingSeverityCounts") or {})
        found += [item for item in _read_findings(findings) if item.severity in wanted]
        number += len(findings.get("findings") or ()) + len(findings.get("enhancedFindings") or ())
        is_last, is_clean = not page.get("nextToken"), not any(reported[severity] for severity in wanted)
        names = {item.severity for item in found}
        is_enough = is_clean if every_finding else all(name in names for name in wanted if reported[name])
        if (reported and is_enough) or len(found) > MAX_KEPT:
            break
    found.sort(key=lambda item: (SEVERITIES.index(item.severity), item.id, item.package))
    listed = Counter(item.severity for item in found)
    counts = {severity: max(reported[severity], listed[severity]) for severity in SEVERITIES}
    name, description = str(status.get("status", "")), _text(status.get("description"))
    state = SCAN_STATES.get(name, ScanState.FAILED)
    return Scan(
        # For some seconds, a scan is complete or active, and has no findings yet: https://github.com/aws/aws-sdk/issues/289
        ScanState.PENDING if state is ScanState.DONE and not completed_at else state,
        f"{name}: {description}" if description else name,
        completed_at,
        tuple((severity, count) for severity, count in counts.items() if count),
        tuple(found[:MAX_KEPT]),
        is_complete=bool(reported and (is_clean or not every_finding))
        or (is_last and len(found) <= MAX_KEPT and number >= reported.total()),
    )


def may_run(entry: IndexEntry, platform: Platform | None) -> bool:
    """Return whether the manifest of an entry of an index can run on a platform (`None`: on any).

    In contrast to the selection of a digest, this includes what an index only declares to be an attestation, and what
    has no platform or an invalid one: containerd runs an entry without an operating system, ignores a version of it on
    Linux, and reads the config of an entry without a platform.
    """
    if entry.platform is None:
        return True
    is_attestation = "unknown" in (entry.platform.os, entry.platform.architecture)
    return not is_attestation and (platform is None or platform.accepts(entry.platform))


def _text(written: object) -> str:
    """Return a text that an image or ECR contains in one line of limited length."""
    line = "".join(char if char.isprintable() else " " for char in str(written or "")[: _MAX_TEXT + 1])
    return cut(line, _MAX_TEXT)


def _iso_time(time: Any) -> str:
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*time.utctimetuple()[:6]) if time else ""


def _read_counts(written: Mapping[str, int]) -> Counter[str]:
    counts = Counter[str]()
    for severity, count in written.items():
        counts[_severity(severity)] += count
    return counts


def _read_findings(findings: Mapping[str, Any]) -> list[Vulnerability]:
    enhanced = findings.get("enhancedFindings") or ()
    # Findings that are suppressed or closed in Inspector do not apply:
    # https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html
    active = [finding for finding in enhanced if str(finding.get("status", "ACTIVE")).upper() == "ACTIVE"]
    return [*map(_basic, findings.get("findings") or ()), *map(_enhanced, active)]


def _severity(written: object) -> str:
    name = str(written).upper()
    name = _OTHER_NAMES.get(name, name)
    # A severity that is not known could be any.
    return name if name in SEVERITIES else SEVERITIES[0]


def _basic(finding: Mapping[str, Any]) -> Vulnerability:
    attributes = {item.get("key"): item.get("value") for item in finding.get("attributes") or ()}
    package = _text(" ".join(filter(None, (attributes.get("package_name"), attributes.get("package_version")))))
    return Vulnerability(_text(finding.get("name")), _severity(finding.get("severity")), package)


def _enhanced(finding: Mapping[str, Any]) -> Vulnerability:
    details = finding.get("packageVulnerabilityDetails") or {}
    # A finding without such details is about code or the network.
    name = details.get("vulnerabilityId") or finding.get("title") or finding.get("findingArn")
    packages = dict.fromkeys(
        " ".join(str(part) for part in (package.get("name"), package.get("version")) if part)
        for package in details.get("vulnerablePackages") or ()
    )
    return Vulnerability(
        _text(name),
        _severity(finding.get("severity")),
        _text(", ".join(packages)),
        _answer(finding.get("fixAvailable")),
        _answer(finding.get("exploitAvailable")),
    )


def _answer(written: object) -> bool | None:
    # `PARTIAL`: only some of the affected packages have a fix.
    return {"YES": True, "PARTIAL": True, "NO": False}.get(str(written).upper())
