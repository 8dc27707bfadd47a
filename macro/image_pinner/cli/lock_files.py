"""Lock files on disk."""

from __future__ import annotations

import time
from pathlib import Path

from image_pinner.cli.documents import read_file
from image_pinner.core.lock import LockFile
from image_pinner.core.lock_text import parse_lock

DEFAULT_NAME = "images.lock.json"


def today() -> str:
    """Return the day, in UTC and ISO 8601."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def find_lock_file(path: Path) -> LockFile:
    """Read a lock file; without one, it is empty. See `read_lock_file`."""
    return read_lock_file(path) if path.exists() else LockFile({}, {}, str(path), today())


def read_lock_file(path: Path) -> LockFile:
    """Read a lock file, to be used today.

    Raises:
        UnreadableTemplateError: The file cannot be read.
        ConfigurationError: It is not a lock file.
    """
    return parse_lock(read_file(path), str(path), today())
