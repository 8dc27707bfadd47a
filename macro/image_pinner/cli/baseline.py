"""The baseline: a file with findings that `check` accepts. It can only shrink.

A finding is identified by its file, rule, property path without indices, and cause, so an entry stays valid when lines
or containers are added above it. Files are relative to the directory of the baseline.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from image_pinner.cli.documents import read_file, write_atomically
from image_pinner.cli.output import LocatedFinding
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.rules import UNREADABLE_TEMPLATE

VERSION = 1
_INDEX = re.compile(r"\[\d+\]")


class Entry(NamedTuple):
    """What identifies findings."""

    file: str
    code: str
    path: str
    cause: str


class Comparison(NamedTuple):
    """Findings compared with a baseline.

    Args:
        new: The findings that are not in it.
        stale: The entries that no longer occur, with how often they did.
        remaining: The baseline without those.
    """

    new: tuple[LocatedFinding, ...]
    stale: Counter[Entry]
    remaining: Counter[Entry]


class Baseline(NamedTuple):
    """The accepted findings, and how often each occurs."""

    path: Path
    entries: Counter[Entry]

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read a baseline file.

        Raises:
            ConfigurationError: The file is not a baseline.
            UnreadableTemplateError: The file cannot be read.
        """
        try:
            content = json.loads(read_file(path))
            if content["version"] != VERSION:
                raise ConfigurationError(
                    f"{path} has version {content['version']!r} of baselines, not {VERSION}",
                    "install the version of image-pinner that wrote it, or create a new baseline",
                )
            entries = Counter({_parse_entry(item): int(item.get("count", 1)) for item in content["findings"]})
            if any(count < 1 for count in entries.values()):
                raise ValueError("a count is less than 1")  # noqa: TRY301 - the same message as for the others
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
            raise ConfigurationError(f"{path} is not a baseline: {error!r}", "delete it and create a new one") from None
        return cls(path, entries)

    @classmethod
    def of(cls, path: Path, findings: Iterable[LocatedFinding]) -> Baseline:
        """Return a baseline with findings. Files that cannot be read are never accepted."""
        baseline = cls(path, Counter())
        accepted = (found for found in findings if found.finding.rule != UNREADABLE_TEMPLATE)
        return baseline._replace(entries=Counter(map(baseline._entry_of, accepted)))

    def compare(self, findings: Iterable[LocatedFinding], checked: Iterable[str], codes: frozenset[str]) -> Comparison:
        """Compare findings with the baseline.

        Entries of files that were not `checked`, and of rules other than `codes`, are not stale; those of files that do
        not exist any more are.
        """
        unused, new = self.entries.copy(), []
        for found in findings:
            entry = self._entry_of(found)
            if unused[entry] > 0:
                unused[entry] -= 1
            else:
                new.append(found)
        files = {self._relative(name) for name in checked}
        stale = Counter(
            {
                entry: count
                for entry, count in sorted((+unused).items())
                if entry.code in codes and (entry.file in files or not (self.path.parent / entry.file).exists())
            }
        )
        return Comparison(tuple(new), stale, self.entries - stale)

    def write(self) -> None:
        """Write the file, sorted, with a line for each field.

        Raises:
            FileWriteError: The file cannot be written.
        """
        findings = [
            entry._asdict() | ({"count": count} if count > 1 else {}) for entry, count in sorted(self.entries.items())
        ]
        text = json.dumps({"version": VERSION, "findings": findings}, indent=2, ensure_ascii=False)
        write_atomically(self.path, f"{text}\n".encode())

    def _entry_of(self, found: LocatedFinding) -> Entry:
        finding = found.finding
        path = _INDEX.sub("[]", str(finding.path))
        return Entry(self._relative(found.file), finding.rule.code, path, finding.cause)

    def _relative(self, name: str) -> str:
        return os.path.relpath(name, self.path.parent).replace(os.sep, "/")


def _parse_entry(item: Mapping[str, Any]) -> Entry:
    return Entry(*(str(item[field]) for field in Entry._fields))
