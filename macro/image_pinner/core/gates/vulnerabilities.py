"""The gate `vulnerabilities`: the scan of the image reports no severe vulnerabilities."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from image_pinner.core.days import is_day
from image_pinner.core.errors import cut
from image_pinner.core.gates.interface import (
    Failed,
    GateOption,
    JudgedImage,
    Judgment,
    Need,
    Passed,
    Seen,
    UnknownFact,
    fixed,
    one_of,
)
from image_pinner.core.images.scans import SEVERITIES, Scan, ScanState, Vulnerability, severities_from

SCANS = "scans"
"""The fact `tuple[ScannedImage, ...]`: the scans of an image, or of the images of an index. The words of the need are
the least severe findings to read, `WAIT`, `START` and `EVERY_FINDING`."""
WAIT = "wait"
"""To wait for scans in progress."""
START = "start"
"""To start missing scans."""
EVERY_FINDING = "every-finding"
"""To read all findings; without it, their number and one of each severity suffice."""


class ScannedImage(NamedTuple):
    """A scan of an image; `name` is its platform or digest if it is one of an index, otherwise empty."""

    name: str
    scan: Scan | UnknownFact


class Ignored(NamedTuple):
    """A finding that does not count until the end of a day, in ISO 8601 and UTC."""

    id: str
    reason: str
    until: str

    def __str__(self) -> str:
        return ":".join(self)


class Maximum(NamedTuple):
    """How many findings of a severity are allowed."""

    severity: str
    number: int

    def __str__(self) -> str:
        return f"{self.severity}:{self.number}"


_FIX, _EXPLOIT = "fix-available", "exploit-available"
_ALLOW, _WARN, _DENY = "allow", "warn", "deny"
# Red Hat and SUSE write numbers with a colon: RHSA-2019:3909 and SUSE-SU-2021:1234-1.
_IGNORED = re.compile(r"([^:]{1,100}(?::[0-9]+(?:-[0-9]+)?)?):(.{1,300}):(.{10})")
_MAXIMUM = re.compile(rf"({'|'.join(SEVERITIES)}):([0-9]{{1,6}})", re.ASCII)
_DAY = len("YYYY-MM-DD")  # characters of a time in ISO 8601
_MAX_NAMED = 3  # findings, in one message
_MAX_SEEN = 300  # characters of what was seen, for all images of an index


def _read_ignored(text: str) -> Ignored:
    match = _IGNORED.fullmatch(text)
    if match is None or not (match[1].strip() and match[2].strip() and is_day(match[3])):
        raise ValueError("write ID:reason:YYYY-MM-DD, for example CVE-2026-1234:not reachable:2026-12-31")
    return Ignored(match[1].strip(), match[2], match[3])


def _read_maximum(text: str) -> Maximum:
    match = _MAXIMUM.fullmatch(text)
    if match is None:
        raise ValueError("write severity:number, for example HIGH:5")
    return Maximum(match[1], int(match[2]))


def _ignore_fewer(configured: tuple[Ignored, ...], requested: tuple[Ignored, ...]) -> tuple[Ignored, ...] | None:
    """Let templates ignore a part of what the configuration ignores, or end it earlier. See `Tighten`."""
    ends = {one.id: one.until for one in sorted(configured, key=lambda one: one.until)}
    return requested if all(one.until <= ends.get(one.id, "") for one in requested) else None


def _limit_more(configured: tuple[Maximum, ...], requested: tuple[Maximum, ...]) -> tuple[Maximum, ...] | None:
    """Let templates decrease numbers; those that they do not set stay. See `Tighten`."""
    known, wanted = _strictest(configured), _strictest(requested)
    if any(number > known.get(severity, 0) for severity, number in wanted.items()):
        return None
    return tuple(Maximum(*item) for item in sorted((known | wanted).items()))


def _strictest(numbers: Sequence[Maximum]) -> dict[str, int]:
    return {one.severity: one.number for one in sorted(numbers, key=lambda one: -one.number)}


def _filter_less(configured: tuple[str, ...], requested: tuple[str, ...]) -> tuple[str, ...] | None:
    """Let templates remove filters. See `Tighten`."""
    return requested if set(requested) <= set(configured) else None


def _choice(name: str, meaning: str) -> GateOption:
    values = f"`{_DENY}`, `{_WARN}`, `{_ALLOW}`"
    return GateOption(
        name, values, f"What happens to an image {meaning}.", *one_of(_ALLOW, _WARN, _DENY), default=_DENY
    )


class _StateText(NamedTuple):
    cause: str
    help: str


_STATES = {
    ScanState.MISSING: _StateText(
        "there is no scan",
        "turn on scan on push for the repository, or scan the image; if it has just been pushed, retry in a minute",
    ),
    ScanState.PENDING: _StateText("the scan has not finished", "retry when it has finished"),
    ScanState.FAILED: _StateText("the scan failed", "scan the image again"),
    ScanState.UNSUPPORTED: _StateText("the image cannot be scanned", "build it from an image that ECR can scan"),
}


@dataclass(frozen=True, slots=True)
class Vulnerabilities:
    """Deny images whose scan reports severe vulnerabilities, or that have no scan. See `Gate`."""

    id: ClassVar[str] = "vulnerabilities"
    summary: ClassVar[str] = (
        "The scan of ECR reports no severe vulnerabilities, for an index in each image that can run."
    )
    required: ClassVar[tuple[str, ...]] = ("severity",)
    options: ClassVar[tuple[GateOption, ...]] = (
        GateOption(
            "severity",
            ", ".join(f"`{severity}`" for severity in SEVERITIES),
            "The least severe findings that are denied.",
            *one_of(*SEVERITIES),
        ),
        GateOption(
            "maximum",
            "`severity:number`, repeatable",
            "How many findings of a severity are allowed, by default none.",
            _read_maximum,
            _limit_more,
            repeatable=True,
            default=(),
        ),
        GateOption(
            "only",
            f"`{_FIX}`, `{_EXPLOIT}`, repeatable",
            "Count only findings with a fix or a known exploit, or for which the scan does not report that; with both "
            "values, only those with both.",
            one_of(_FIX, _EXPLOIT)[0],
            _filter_less,
            repeatable=True,
            default=(),
        ),
        GateOption(
            "ignore",
            "`ID:reason:YYYY-MM-DD`, repeatable",
            "A finding that does not count until the end of that day in UTC.",
            _read_ignored,
            _ignore_fewer,
            repeatable=True,
            default=(),
        ),
        _choice("missing", "that was not scanned, or whose scan is too old to be updated"),
        _choice("pending", "whose scan does not finish in time; with `allow`, there is no wait"),
        _choice("failed", "whose scan failed"),
        _choice("unsupported", "that ECR cannot scan"),
        GateOption(
            "start",
            "`false`, `true`",
            "Whether to start a missing scan, which basic scanning allows once in 24 hours.",
            one_of("false", "true")[0],
            fixed,
            default="false",
        ),
    )
    possible_needs: ClassVar[frozenset[Need]] = frozenset({Need(SCANS, frozenset({START}))})

    severity: str = SEVERITIES[0]
    maximum: tuple[Maximum, ...] = ()
    only: tuple[str, ...] = ()
    ignore: tuple[Ignored, ...] = ()
    missing: str = _DENY
    pending: str = _DENY
    failed: str = _DENY
    unsupported: str = _DENY
    start: str = "false"

    @property
    def needs(self) -> frozenset[Need]:
        """See `Gate.needs`."""
        words = {
            WAIT: self.pending != _ALLOW,
            START: self.start == "true" and self.missing != _ALLOW,
            EVERY_FINDING: self._is_selective,
        }
        return frozenset({Need(SCANS, frozenset({self.severity, *(word for word, needed in words.items() if needed)}))})

    @property
    def _is_selective(self) -> bool:
        return bool(self.only or self.ignore)

    def judge(self, image: JudgedImage) -> Judgment:
        """See `Gate.judge`."""
        fact = image.fact(SCANS)
        if isinstance(fact, UnknownFact):
            return fact
        scanned: Sequence[ScannedImage] = fact.value
        described = [_named(one.name, self._describe(one.scan, fact.time[:_DAY])) for one in scanned]
        seen = Seen.of(fact, cut("; ".join(described), _MAX_SEEN))
        worst: Judgment = Passed(seen)
        for name, scan in scanned:
            judgment = self._judge_scan(scan, seen)
            if not isinstance(judgment, Passed):
                judgment = replace(judgment, cause=_named(name, judgment.cause))
            worst = max(worst, judgment, key=_rank)
        return worst

    def _judge_scan(self, scan: Scan | UnknownFact, seen: Seen) -> Judgment:
        if isinstance(scan, UnknownFact):
            return scan
        found = self._judge_findings(scan, seen)
        # What an old or unfinished scan has found, is known.
        if scan.state is ScanState.DONE or isinstance(found, Failed):
            return found
        choice, text = getattr(self, scan.state.value), _STATES[scan.state]
        if choice == _ALLOW:
            return Passed(seen)
        cause = f"{text.cause} ({scan.detail})" if scan.detail else text.cause
        return Failed(seen, cause, text.help, only_warn=choice == _WARN)

    def _judge_findings(self, scan: Scan, seen: Seen) -> Judgment:
        limits = _strictest(self.maximum)
        ignored = frozenset(one.id for one in self.ignore if seen.time[:_DAY] <= one.until)
        listed = [one for one in scan.vulnerabilities if one.id not in ignored and self._counts(one)]
        reported = Counter(one.severity for one in listed) if self._is_selective else dict(scan.counts)
        numbers = {severity: reported.get(severity, 0) for severity in severities_from(self.severity)}
        over = {severity: number for severity, number in numbers.items() if number > limits.get(severity, 0)}
        if over:
            allowed = " and ".join(f"{limits[severity]} {severity}" for severity in over if severity in limits)
            cause = f"{_describe_numbers(over)}{self._list([one for one in listed if one.severity in over])}"
            return Failed(
                seen,
                f"{cause}; the maximum is {allowed}" if allowed else cause,
                "update the packages, then build and push the image again",
            )
        if not scan.is_complete:
            return UnknownFact(
                "the scan has more findings than are read", "remove packages that the image does not need", seen.source
            )
        return Passed(seen)

    def _counts(self, finding: Vulnerability) -> bool:
        """Return whether a finding is severe and passes the filters, in case of doubt."""
        return (
            finding.severity in severities_from(self.severity)
            and not (_FIX in self.only and finding.fix_available is False)
            and not (_EXPLOIT in self.only and finding.exploit_available is False)
        )

    def _list(self, findings: Sequence[Vulnerability]) -> str:
        """Return the most severe findings, after a colon."""
        more = ", …" if len(findings) > _MAX_NAMED else ""
        return f": {', '.join(map(self._name, findings[:_MAX_NAMED]))}{more}" if findings else ""

    def _name(self, finding: Vulnerability) -> str:
        notes = [finding.package] if finding.package else []
        notes += [f"ignored until {one.until}" for one in self.ignore if one.id == finding.id]
        return f"{finding.id} ({', '.join(notes)})" if notes else finding.id

    def _describe(self, scan: Scan | UnknownFact, today: str) -> str:
        """Return what a scan reports, and what of it is ignored."""
        if isinstance(scan, UnknownFact):
            return "unknown"
        state = " ".join(filter(None, (scan.detail or scan.state.value, scan.completed_at)))
        if scan.state is not ScanState.DONE and not scan.counts:
            return f"scan {state}"
        found = {one.id for one in scan.vulnerabilities}
        ignored = [one for one in self.ignore if one.id in found and today <= one.until]
        parts = [_describe_numbers(dict(scan.counts)), f"scan {state}"]
        return ", ".join([*parts, *(f"{one.id} is ignored ({one.reason})" for one in ignored)])


def _rank(judgment: Judgment) -> int:
    match judgment:
        case Passed():
            return 0
        case Failed(only_warn=True):
            return 1
        case UnknownFact():
            return 2
        case Failed():
            return 3


def _named(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def _describe_numbers(numbers: dict[str, int]) -> str:
    if not numbers:
        return "no vulnerabilities"
    total = sum(numbers.values())
    *texts, last = [f"{number} {severity}" for severity, number in numbers.items()]
    listed = f"{', '.join(texts)} and {last}" if texts else last
    return f"{listed} {'vulnerability' if total == 1 else 'vulnerabilities'}"
