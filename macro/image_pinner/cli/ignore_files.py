"""The ignore files of Git, read without Git: a build that gets an archive of the sources has no repository.

Read are `.gitignore` in every directory from the repository's root on, and `info/exclude`. The user's own excludes are
not, so that the result is the same on every machine. https://git-scm.com/docs/gitignore
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from image_pinner.cli.documents import read_file
from image_pinner.cli.path_patterns import PathPattern
from image_pinner.core.errors import ImagePinnerError

_IGNORE_FILE = ".gitignore"


class IgnoreRules(NamedTuple):
    """Patterns, each with the number of names in the path of its directory; the last one that matches decides."""

    patterns: tuple[tuple[int, PathPattern], ...] = ()

    @classmethod
    def above(cls, directory: Path) -> IgnoreRules:
        """Return the rules of the repository for an absolute directory, without those of the file in it.

        A directory that is itself ignored has none, because the user selected it.
        """
        root = next((path for path in (directory, *directory.parents) if (path / ".git").exists()), None)
        if root is None:
            return cls()
        rules = cls().extended(root, _common_directory(root / ".git") / "info" / "exclude")
        for path in reversed([path for path in directory.parents if path.is_relative_to(root)]):
            rules = rules.extended(path, path / _IGNORE_FILE)
        return cls() if rules.ignores(directory.parts, is_directory=True) else rules

    def inside(self, directory: Path) -> IgnoreRules:
        """Return the rules for what is in an absolute directory, which may have an ignore file."""
        return self.extended(directory, directory / _IGNORE_FILE)

    def extended(self, directory: Path, file: Path) -> IgnoreRules:
        """Return the rules extended by a file for an absolute directory, if the file can be read."""
        if file.name == _IGNORE_FILE and file.is_symlink():
            return self  # as Git does
        lines = _read(file).removeprefix("\ufeff").split("\n")
        depth = len(directory.parts)
        parsed = ((depth, pattern) for line in lines if (pattern := PathPattern.parse_line(line.removesuffix("\r"))))
        return IgnoreRules((*self.patterns, *parsed))

    def ignores(self, names: Sequence[str], *, is_directory: bool) -> bool:
        """Return whether the absolute path of these names is ignored. The directories above it are not."""
        for depth, pattern in reversed(self.patterns):
            if pattern.matches(names[depth:], is_directory=is_directory):
                return not pattern.negated
        return False


def _common_directory(git: Path) -> Path:
    """Return the directory with `info`: `.git`, or in a worktree that of the repository.

    https://git-scm.com/docs/gitrepository-layout
    """
    if git.is_file():
        git = git.parent / _read(git).removeprefix("gitdir:").strip()
        git /= _read(git / "commondir").strip()
    return git


def _read(file: Path) -> str:
    """Return the text of a file; empty if it cannot be read."""
    # A repository can have a link to a device without an end, which `read_file` refuses.
    try:
        return read_file(file).decode("utf-8", "surrogateescape")
    except (ImagePinnerError, ValueError):
        return ""
