"""What every output format renders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from image_pinner.cli.documents import Excerpt, Position, Preview, SourceDocument
from image_pinner.core.report import PinReport

if TYPE_CHECKING:
    from image_pinner.core.check import Finding


class LocatedFinding(NamedTuple):
    """A finding of `check` with its start and end in a file.

    Args:
        file: The path of the file, as it is shown.
        position: The start of the value to change.
        end: The position after its last character.
        finding: The finding.
        subject: The logical ID of the resource and, after a slash, the name of the container; empty outside resources.
        excerpt: The line of the value, or `None` if the file has no text.
        fix: What the fix of the finding changes, or `None` if it has none, or one that cannot be made in place.
        suppression: Why its author accepts it; empty unless it is suppressed.
        has_position: Whether the finding is at the position, and not about a file that cannot be read.
    """

    file: str
    position: Position
    end: Position
    finding: Finding
    subject: str = ""
    excerpt: Excerpt | None = None
    fix: Preview | None = None
    suppression: str = ""
    has_position: bool = True

    @property
    def where(self) -> str:
        """The file and, if there is one, the position."""
        return f"{self.file}:{self.position}" if self.has_position else self.file

    @property
    def message(self) -> str:
        """The cause and the subject."""
        return f"{self.finding.cause} ({self.subject})" if self.subject else self.finding.cause


class CheckResult(NamedTuple):
    """What `check` found.

    Args:
        findings: The findings, by file, position and code; without those that were fixed.
        files: The files that were checked, as they are shown.
        fixed: How many findings were fixed.
        changed: How many files were changed for that.
        is_preview: Whether that was only shown.
        suppressed: The findings that are suppressed, in the same order, with the reasons.
        hidden: How many others are not severe enough to be reported.
    """

    findings: tuple[LocatedFinding, ...]
    files: tuple[str, ...]
    fixed: int = 0
    changed: int = 0
    is_preview: bool = False
    suppressed: tuple[LocatedFinding, ...] = ()
    hidden: int = 0

    @property
    def fixable(self) -> int:
        """How many findings have a fix."""
        return sum(found.fix is not None for found in self.findings)

    @property
    def summary(self) -> str:
        """A sentence on what was found."""
        number = len(self.files)
        suppressed = f" {count(len(self.suppressed), 'finding')} suppressed." if self.suppressed else ""
        if not self.findings:
            sentences = {0: "No templates were checked.", 1: "The template passes."}
            verb = "is" if self.hidden == 1 else "are"
            hidden = f" {count(self.hidden, 'less severe finding')} {verb} not shown (--severity info)."
            return sentences.get(number, f"All {number} templates pass.") + suppressed + (hidden if self.hidden else "")
        fixable = f" ({self.fixable} fixable)" if self.fixable else ""
        flagged = len({found.file for found in self.findings})
        where = f" in {flagged} of {number} templates" if number > 1 else " in 1 template"
        if number == 1 and not any(found.has_position for found in self.findings):
            where = ""  # The file may not even exist.
        return f"Found {count(len(self.findings), 'problem')}{fixable}{where}.{suppressed}"


class LocatedReport(NamedTuple):
    """The report of `pin` on a template file, and warnings on comments that the edits remove.

    `account` is the account ID of the AWS credentials, if an image needed it.
    """

    document: SourceDocument
    report: PinReport
    lost_comments: tuple[str, ...] = ()
    account: str = ""


class TextOptions(NamedTuple):
    """How to write text.

    Args:
        concise: Whether to write only a line for each finding.
        colour: Whether to write colour.
        quiet: Whether to omit the summary.
        statistics: Whether to write the number of findings of each rule.
    """

    concise: bool = False
    colour: bool = False
    quiet: bool = False
    statistics: bool = False


class OutputFormat(Protocol):
    """A module that renders findings in a format for programs."""

    def render(self, result: CheckResult) -> str:
        """Return the text for standard output or a file."""
        ...


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def fingerprints(findings: Iterable[LocatedFinding]) -> list[str]:
    """Return a hash of each finding that stays when lines move, containers get another order, or the tag changes.

    It depends on the file, the rule and the property; of several with the same, also on their order.
    """
    # Imported here because only some formats need it.
    from hashlib import sha256  # noqa: PLC0415

    seen: Counter[str] = Counter()
    hashes = []
    for found in findings:
        names = [step for step in found.finding.path.steps if isinstance(step, str)]
        key = "\n".join((found.file, found.finding.rule.code, found.subject, *names))
        hashes.append(sha256(f"{key}\n{seen[key]}".encode(errors="replace")).hexdigest())
        seen[key] += 1
    return hashes
