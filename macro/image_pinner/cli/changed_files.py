"""Find the files that changed since a revision, with Git."""

from __future__ import annotations

import os
import subprocess

from image_pinner.cli.discovery import real_path
from image_pinner.core.errors import ConfigurationError

_LIST = ("--name-only", "-z", "--no-renames", "--diff-filter=d", "--no-ext-diff", "--merge-base", "--end-of-options")


def changed_since(revision: str) -> frozenset[str]:
    """Return the real paths of files that changed since the working tree branched from a revision.

    Changes that are not committed count too, and files that Git does not track and does not ignore. Deleted files do
    not, and a renamed one has its new name.

    Raises:
        ConfigurationError: Git is not installed, this is not a repository, or it has no such revision.
    """
    if not revision:
        raise ConfigurationError("--since '' is not a revision", "pass a branch, a tag or a commit")
    root = os.fsdecode(_git(revision, "rev-parse", "--show-toplevel").rstrip(b"\r\n"))
    changed = _git(revision, "diff", *_LIST, revision, "--", directory=root)
    untracked = _git(revision, "ls-files", "--others", "--exclude-standard", "-z", directory=root)
    names = filter(None, (changed + untracked).split(b"\0"))
    return frozenset(real_path(os.path.join(root, os.fsdecode(name))) for name in names)  # noqa: PTH118 - see real_path


def _git(revision: str, *arguments: str, directory: str = ".") -> bytes:
    try:
        run = subprocess.run(  # noqa: S603 - no shell, and the revision is behind --end-of-options
            ["git", "-C", directory, *arguments],  # noqa: S607 - the user's Git
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise ConfigurationError("--since needs git, which is not installed", "install git, or omit --since") from None
    if run.returncode:
        lines = run.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {run.returncode}"]
        raise ConfigurationError(
            f"--since {revision!r}: git: {lines[0].removeprefix('fatal: ')}",
            "pass a branch, a tag or a commit of this repository; a shallow clone must fetch its history",
        )
    return run.stdout
