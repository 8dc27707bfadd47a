from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.gates.configuration import GATES, parse_gates
from image_pinner.core.gates.enabled import GateResult
from image_pinner.core.gates.interface import Fact, Need, UnknownFact
from image_pinner.core.gates.vulnerabilities import SCANS, ScannedImage, Vulnerabilities
from image_pinner.core.images.scans import SEVERITIES, Scan, ScanState, Vulnerability
from support.gates import judged

SOURCE = "ecr:DescribeImageScanFindings in us-east-1"
BASE = "vulnerabilities.severity=HIGH"
UNKNOWN = UnknownFact("ecr:DescribeImageScanFindings is denied", "allow it")

OPENSSL = Vulnerability("CVE-2026-1", "CRITICAL", "openssl 3.0.1", fix_available=True, exploit_available=False)
ZLIB = Vulnerability("CVE-2026-2", "HIGH", "zlib 1.2", fix_available=False, exploit_available=True)
BASH = Vulnerability("CVE-2026-3", "HIGH")
CURL = Vulnerability("CVE-2026-4", "MEDIUM", "curl 8")


def scan(*found: Vulnerability, is_complete: bool = True, **counts: int) -> Scan:
    for one in found:
        counts.setdefault(one.severity, sum(each.severity == one.severity for each in found))
    ordered = tuple((severity, counts[severity]) for severity in SEVERITIES if severity in counts)
    return Scan(ScanState.DONE, "COMPLETE", "2026-11-29T10:00:00Z", ordered, found, is_complete)


def result_of(*scans: Scan | UnknownFact | ScannedImage, entries: str = BASE, at: str = "2026-11-30") -> GateResult:
    (gate,) = parse_gates(entries).enabled
    named = tuple(one if isinstance(one, ScannedImage) else ScannedImage("", one) for one in scans)
    return gate.judge(judged(scans=Fact(named, SOURCE, f"{at}T12:00:00Z")))


def with_entries(*entries: str) -> str:
    return "; ".join((BASE, *(f"vulnerabilities.{entry}" for entry in entries)))


@pytest.mark.parametrize(
    ("severity", "cause"),
    [
        ("CRITICAL", "1 CRITICAL vulnerability: CVE-2026-1 (openssl 3.0.1)"),
        (
            "HIGH",
            "1 CRITICAL and 2 HIGH vulnerabilities: CVE-2026-1 (openssl 3.0.1), CVE-2026-2 (zlib 1.2), CVE-2026-3",
        ),
        (
            "MEDIUM",
            (
                "1 CRITICAL, 2 HIGH and 1 MEDIUM vulnerabilities: CVE-2026-1 (openssl 3.0.1), CVE-2026-2 (zlib 1.2), "
                "CVE-2026-3, …"
            ),
        ),
    ],
)
def test_findings_from_the_severity_on_are_denied_and_named(severity: str, cause: str) -> None:
    result = result_of(scan(OPENSSL, ZLIB, BASH, CURL), entries=f"vulnerabilities.severity={severity}")
    assert (result.verdict, result.cause) == ("deny", cause)
    assert result.help == "update the packages, then build and push the image again"


def test_what_was_seen_has_counts_state_and_times() -> None:
    result = result_of(scan(CURL, LOW=7))
    assert result.verdict == "allow"
    assert result.seen.fact == "1 MEDIUM and 7 LOW vulnerabilities, scan COMPLETE 2026-11-29T10:00:00Z"
    assert (result.seen.source, result.seen.time) == (SOURCE, "2026-11-30T12:00:00Z")


def test_a_scan_without_findings_is_allowed() -> None:
    result = result_of(scan())
    assert (result.verdict, result.seen.fact) == (
        "allow",
        "no vulnerabilities, scan COMPLETE 2026-11-29T10:00:00Z",
    )


def test_counts_suffice_without_filters() -> None:
    result = result_of(scan(ZLIB, HIGH=1200))
    assert result.cause == "1200 HIGH vulnerabilities: CVE-2026-2 (zlib 1.2)"
    assert result_of(scan(CURL, MEDIUM=1200)).verdict == "allow"


@pytest.mark.parametrize(
    ("entries", "verdict", "cause"),
    [
        (["maximum=HIGH:2"], "allow", ""),
        (
            ["maximum=HIGH:1"],
            "deny",
            "2 HIGH vulnerabilities: CVE-2026-2 (zlib 1.2), CVE-2026-3; the maximum is 1 HIGH",
        ),
        (["maximum=CRITICAL:5"], "deny", "2 HIGH vulnerabilities: CVE-2026-2 (zlib 1.2), CVE-2026-3"),
        (["maximum=HIGH:5", "maximum=HIGH:1"], "deny", "; the maximum is 1 HIGH"),
    ],
)
def test_a_number_of_findings_can_be_allowed(entries: list[str], verdict: str, cause: str) -> None:
    result = result_of(scan(ZLIB, BASH), entries=with_entries(*entries))
    assert result.verdict == verdict
    assert result.cause.endswith(cause)


@pytest.mark.parametrize(
    ("entries", "counted"),
    [
        (["only=fix-available"], {"CVE-2026-1", "CVE-2026-3"}),
        (["only=exploit-available"], {"CVE-2026-2", "CVE-2026-3"}),
        (["only=fix-available", "only=exploit-available"], {"CVE-2026-3"}),
        ([], {"CVE-2026-1", "CVE-2026-2", "CVE-2026-3"}),
    ],
)
def test_filters_count_what_is_not_known(entries: list[str], counted: set[str]) -> None:
    found = {
        one.id: result_of(scan(one), entries=with_entries(*entries)).verdict == "deny" for one in (OPENSSL, ZLIB, BASH)
    }
    assert {name for name, is_denied in found.items() if is_denied} == counted


IGNORED = "ignore=CVE-2026-1:not reachable: no TLS:2026-12-31"


@pytest.mark.parametrize(
    ("today", "verdict"), [("2026-11-30", "allow"), ("2026-12-31", "allow"), ("2027-01-01", "deny")]
)
def test_a_finding_is_ignored_until_the_end_of_a_day(today: str, verdict: str) -> None:
    assert result_of(scan(OPENSSL), entries=with_entries(IGNORED), at=today).verdict == verdict


def test_an_ignored_finding_is_reported_with_its_reason() -> None:
    seen = result_of(scan(OPENSSL), entries=with_entries(IGNORED)).seen
    assert seen.fact.endswith(", CVE-2026-1 is ignored (not reachable: no TLS)")


def test_a_finding_that_is_no_longer_ignored_is_named_with_the_date() -> None:
    cause = result_of(scan(OPENSSL), entries=with_entries(IGNORED), at="2027-01-01").cause
    assert cause == "1 CRITICAL vulnerability: CVE-2026-1 (openssl 3.0.1, ignored until 2026-12-31)"


@pytest.mark.parametrize("name", ["CVE-2026-10", "cve-2026-1", "CVE-2026-"])
def test_only_the_same_identifier_is_ignored(name: str) -> None:
    found = OPENSSL._replace(id=name)
    assert result_of(scan(found), entries=with_entries(IGNORED)).verdict == "deny"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("RHSA-2019:3909", "not reachable"),
        ("RHSA-2019:3909", "not reachable: no TLS"),
        ("SUSE-SU-2021:1234-1", "1234"),
        ("CVE-2026-1", "3909"),
        ("CVE-2026-1", "2 of 3 are fixed"),
        ("CWE-22 - Path traversal", "not reachable"),
    ],
)
def test_an_identifier_can_have_spaces_and_a_number_after_a_colon(name: str, reason: str) -> None:
    result = result_of(scan(OPENSSL._replace(id=name)), entries=with_entries(f"ignore={name}:{reason}:2099-12-31"))
    assert result.verdict == "allow"
    assert result.seen.fact.endswith(f", {name} is ignored ({reason})")


@pytest.mark.parametrize("entry", [IGNORED, "only=fix-available", "maximum=HIGH:9999"])
def test_findings_that_were_not_read_are_unknown(entry: str) -> None:
    result = result_of(scan(CURL, HIGH=1200, is_complete=False), entries=with_entries(entry))
    assert (result.verdict, result.cause) == ("deny", "unknown: the scan has more findings than are read")


STATES = {
    "missing": (ScanState.MISSING, "there is no scan"),
    "pending": (ScanState.PENDING, "the scan has not finished"),
    "failed": (ScanState.FAILED, "the scan failed"),
    "unsupported": (ScanState.UNSUPPORTED, "the image cannot be scanned"),
}


@pytest.mark.parametrize("option", STATES)
@pytest.mark.parametrize(
    ("choice", "mode", "verdict"),
    [
        ("", "deny", "deny"),
        ("deny", "deny", "deny"),
        ("deny", "warn", "warn"),
        ("warn", "deny", "warn"),
        ("warn", "warn", "warn"),
        ("allow", "deny", "allow"),
    ],
)
def test_each_state_without_findings_has_a_choice(option: str, choice: str, mode: str, verdict: str) -> None:
    state, cause = STATES[option]
    entries = with_entries(f"mode={mode}", *([f"{option}={choice}"] if choice else []))
    result = result_of(Scan(state, "STATUS: text"), entries=entries)
    assert result.verdict == verdict
    assert result.cause == ("" if verdict == "allow" else f"{cause} (STATUS: text)")
    assert result.seen.fact == "scan STATUS: text"


@pytest.mark.parametrize("option", STATES)
def test_the_choice_for_one_state_is_not_that_for_others(option: str) -> None:
    for state in (ScanState.MISSING, ScanState.PENDING, ScanState.FAILED, ScanState.UNSUPPORTED):
        verdict = result_of(Scan(state), entries=with_entries(f"{option}=allow")).verdict
        assert verdict == ("allow" if state is STATES[option][0] else "deny")


@pytest.mark.parametrize("option", STATES)
def test_what_an_unfinished_or_old_scan_has_found_counts(option: str) -> None:
    found = scan(OPENSSL)._replace(state=STATES[option][0])
    assert result_of(found, entries=with_entries(f"{option}=allow")).verdict == "deny"


def test_the_mode_warn_only_warns() -> None:
    assert result_of(scan(OPENSSL), entries=with_entries("mode=warn")).verdict == "warn"


ARM64 = ScannedImage("linux/arm64", scan(OPENSSL))


def test_each_image_of_an_index_must_satisfy_the_gate_and_is_named() -> None:
    result = result_of(ScannedImage("linux/amd64", scan()), ARM64)
    assert result.verdict == "deny"
    assert result.cause == "linux/arm64: 1 CRITICAL vulnerability: CVE-2026-1 (openssl 3.0.1)"
    assert result.seen.fact == (
        "linux/amd64: no vulnerabilities, scan COMPLETE 2026-11-29T10:00:00Z; "
        "linux/arm64: 1 CRITICAL vulnerability, scan COMPLETE 2026-11-29T10:00:00Z"
    )


MISSING = ScannedImage("linux/386", Scan(ScanState.MISSING))
NOT_KNOWN = ScannedImage("linux/s390x", UNKNOWN)


@pytest.mark.parametrize(
    ("scans", "cause"),
    [
        ((NOT_KNOWN, ARM64), "linux/arm64: 1 CRITICAL"),
        ((ARM64, NOT_KNOWN), "linux/arm64: 1 CRITICAL"),
        ((MISSING, NOT_KNOWN), "unknown: linux/s390x: ecr:DescribeImageScanFindings is denied"),
        ((ScannedImage("a", scan()), MISSING), "linux/386: there is no scan"),
    ],
)
def test_the_strictest_judgment_of_an_index_counts(scans: tuple[ScannedImage, ...], cause: str) -> None:
    result = result_of(*scans, entries=with_entries("missing=warn", "unknown=deny"))
    assert result.cause.startswith(cause)


def test_what_is_unknown_does_not_hide_what_is_known() -> None:
    assert result_of(NOT_KNOWN, ARM64, entries=with_entries("unknown=warn")).verdict == "deny"
    assert result_of(NOT_KNOWN, entries=with_entries("unknown=warn")).verdict == "warn"


def test_an_unknown_fact_is_unknown() -> None:
    assert Vulnerabilities().judge(judged(scans=UNKNOWN)) is UNKNOWN


def test_what_was_seen_is_limited() -> None:
    images = [ScannedImage(f"linux/{number}", scan(OPENSSL)) for number in range(50)]
    assert len(result_of(*images).seen.fact) <= 301


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], {"HIGH", "wait"}),
        (["pending=allow"], {"HIGH"}),
        (["pending=warn"], {"HIGH", "wait"}),
        (["start=true"], {"HIGH", "wait", "start"}),
        (["start=true", "missing=allow"], {"HIGH", "wait"}),
        (["start=false"], {"HIGH", "wait"}),
        (["only=fix-available"], {"HIGH", "wait", "every-finding"}),
        ([IGNORED], {"HIGH", "wait", "every-finding"}),
        (["maximum=HIGH:5"], {"HIGH", "wait"}),
    ],
)
def test_only_what_an_option_needs_is_read(entries: list[str], words: set[str]) -> None:
    (enabled,) = parse_gates(with_entries(*entries)).enabled
    assert enabled.gate.needs == {Need(SCANS, frozenset(words))}


@pytest.mark.parametrize(
    ("entry", "help"),
    [
        ("severity=high", "write one of CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL, UNDEFINED"),
        ("severity=", "write one of CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL, UNDEFINED"),
        ("maximum=5", "write severity:number, for example HIGH:5"),
        ("maximum=HIGH:-1", "write severity:number, for example HIGH:5"),
        ("maximum=HIGH:٣", "write severity:number, for example HIGH:5"),
        ("only=fixable", "write one of fix-available, exploit-available"),
        ("ignore=CVE-2026-1", "write ID:reason:YYYY-MM-DD, for example CVE-2026-1234:not reachable:2026-12-31"),
        ("ignore=CVE-2026-1:2026-12-31", "write ID:reason:YYYY-MM-DD"),
        ("ignore=CVE-2026-1: :2026-12-31", "write ID:reason:YYYY-MM-DD"),
        ("ignore=CVE-2026-1:reason:2026-13-01", "write ID:reason:YYYY-MM-DD"),
        ("ignore=CVE-2026-1:reason:2026-02-31", "write ID:reason:YYYY-MM-DD"),
        ("ignore=CVE-2026-1 is not used:2026-12-31", "write ID:reason:YYYY-MM-DD"),
        ("ignore=CVE-2026-1:reason:2026-12-311", "write ID:reason:YYYY-MM-DD"),
        ("ignore=CVE-2026-1:reason:٢026-12-31", "write ID:reason:YYYY-MM-DD"),
        ("ignore=*:reason:2026-12-31-", "write ID:reason:YYYY-MM-DD"),
        ("missing=off", "write one of allow, warn, deny"),
        ("start=yes", "write one of false, true"),
    ],
)
def test_invalid_options_are_refused(entry: str, help: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        parse_gates(f"vulnerabilities.{entry}")
    assert caught.value.help.startswith(help)


@pytest.mark.parametrize("gate", GATES)
def test_the_default_of_an_option_is_that_of_the_field(gate: Any) -> None:
    fields = gate.__dataclass_fields__
    for option in gate.options:
        if option.default is not None:
            assert option.default == fields[option.field].default
