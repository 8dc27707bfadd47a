"""Fix findings of `check` by edits of the file: mark images, correct markers, or pin images to digests."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from image_pinner.cli.checking import CheckInputs, find_all, unreadable
from image_pinner.cli.discovery import InputFile
from image_pinner.cli.documents import decode
from image_pinner.cli.inputs import TemplateFile, parse_template, read_bytes
from image_pinner.cli.output import LocatedFinding
from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.rules import UNPINNED_IMAGE
from image_pinner.core.template.edits import Edit, InsertKey
from image_pinner.core.template.paths import TemplatePath

Findings = tuple[LocatedFinding, ...]
Pin = Callable[[TemplateFile, Findings], tuple[Edit, ...]]
"""Returns the edits that pin the images of findings to digests, as far as their digests can be resolved."""

# A fix can reveal another finding, and one can replace a value that contains another. Real templates need two passes.
_MAX_PASSES = 10
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class FixedFile(NamedTuple):
    """A template file and its fixed content.

    Args:
        name: The name of the file, as it is shown.
        original: The content of the file.
        data: The fixed content.
        fixed: How many findings were fixed.
        findings: The findings that are left, also those that are suppressed.
    """

    name: str
    original: bytes
    data: bytes
    fixed: int
    findings: Findings

    def diff(self) -> str:
        """Return a unified diff of what the fixes change; empty if they change nothing."""
        if self.data == self.original:
            return ""
        before, after = (_LINE.findall(_text_with_mark(data, self.name)) for data in (self.original, self.data))
        # Without a tab, as Git writes it, a name ends for `patch` at a blank.
        name = f"{self.name}\t" if " " in self.name else self.name
        return "".join(_ended_lines(difflib.unified_diff(before, after, name, name)))


def _text_with_mark(data: bytes, name: str) -> str:
    text, encoding = decode(data, name)
    return f"\ufeff{text}" if encoding.byte_order_mark else text


def _ended_lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def fix_file(file: InputFile, inputs: CheckInputs, pin: Pin | None = None) -> FixedFile:
    """Fix what has a fix in a template file and is not suppressed; nothing is written.

    With `pin`, unpinned images are pinned instead of marked.

    Raises:
        InPlaceEditError: The file cannot be edited as intended.
    """
    data = b""
    try:
        data = read_bytes(file.path)
        template = parse_template(data, file.name, inputs.settings.macro_name)
        findings = find_all(template, inputs)
    except ImagePinnerError as error:
        return FixedFile(file.name, data, data, 0, (unreadable(file.name, error),))
    fixed, marks = 0, pin is None
    for _ in range(_MAX_PASSES):
        unpinned = tuple(found for found in findings if found.finding.rule is UNPINNED_IMAGE and not found.suppression)
        edits = _compatible(
            found for found in findings if not found.suppression and (marks or found.finding.rule is not UNPINNED_IMAGE)
        )
        if not edits and pin:
            edits = pin(template, unpinned)
            pin = None
        edited = parse_template(template.document.apply(edits), file.name, inputs.settings.macro_name)
        left = find_all(edited, inputs) if edits else findings
        number = _count_fixed(findings, left)
        if not number:
            break
        template, findings, fixed = edited, left, fixed + number
    return FixedFile(file.name, data, template.document.data, fixed, findings)


def _count_fixed(before: Findings, after: Findings) -> int:
    """Return how many findings of a rule are fewer. A template has one for a missing Transform, wherever that is."""
    rules, left = (Counter(found.finding.rule for found in findings) for findings in (before, after))
    return (rules - left).total()


def _compatible(findings: Iterable[LocatedFinding]) -> tuple[Edit, ...]:
    """Return the fixes that can be made together: of those whose paths contain each other, the outermost."""
    edits = [edit for found in findings if found.fix for edit in found.finding.edits]
    chosen: dict[tuple[object, ...], Edit] = {}
    for edit in sorted(edits, key=lambda edit: len(_changed_path(edit).steps)):
        steps = _changed_path(edit).steps
        if not any(steps[:length] in chosen for length in range(len(steps) + 1)):
            chosen[steps] = edit
    return tuple(chosen.values())


def _changed_path(edit: Edit) -> TemplatePath:
    return edit.path.child(edit.key) if isinstance(edit, InsertKey) else edit.path
