"""What every output format renders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from image_pinner.cli.documents import Position, SourceDocument
from image_pinner.core.report import PinReport

if TYPE_CHECKING:
    from image_pinner.core.check import Finding


class LocatedFinding(NamedTuple):
    """A finding of `check` with its start and end in a file, and the corrected lines, which may be empty.

    `suppression` is the reason why its author accepts it; it is empty unless the finding is suppressed.
    """

    file: str
    position: Position
    end: Position
    finding: Finding
    corrected: str
    suppression: str = ""


class CheckResult(NamedTuple):
    """What `check` found.

    Args:
        findings: The findings, by file, position and code.
        files: How many files were checked.
        flagged: How many of them have findings.
        suppressed: The findings that are suppressed, in the same order, with the reasons.
    """

    findings: tuple[LocatedFinding, ...]
    files: int
    flagged: int
    suppressed: tuple[LocatedFinding, ...] = ()


class LocatedReport(NamedTuple):
    """The report of `pin` on a template file, and warnings on comments that the edits remove.

    `account` is the account ID of the AWS credentials, if an image needed it.
    """

    document: SourceDocument
    report: PinReport
    lost_comments: tuple[str, ...] = ()
    account: str = ""


class OutputFormat(Protocol):
    """An output format."""

    def render_findings(self, result: CheckResult) -> str:
        """Return the standard output of `check`."""
        ...

    def render_report(self, report: LocatedReport) -> str:
        """Return the outcome of `pin`."""
        ...
