"""A zip that depends on its files alone: not on dates, modes, owners, the order of a folder, or where it is made.

The same files give the same bytes wherever zlib is the same; forks of zlib compress a little differently. The list of
contents tells apart what differs, since it has a digest for each file.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from image_pinner.cli.packaging.libraries import PackedFile
from image_pinner.core.errors import ConfigurationError

SIZE_LIMIT = 1_000_000
"""Bytes of the zip, a bound of the design: a package that grows past it carries what the Lambda does not need."""
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can name
_MODE = 0o100644  # the Lambda runs as a user who is neither owner nor group, so all may read
_LEVEL = 9
_UNIX = 3  # or zipfile writes the system that it runs on


def write_zip(path: Path, files: Iterable[PackedFile]) -> str:
    """Write a zip, all or nothing.

    Args:
        path: Where to; what is there is replaced.
        files: What it holds, in any order.

    Returns:
        The SHA-256 of its bytes, in hexadecimal.

    Raises:
        ConfigurationError: It is larger than it may be, or cannot be written.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(files):
            archive.writestr(_entry(file), file.data, zipfile.ZIP_DEFLATED, _LEVEL)
    data = packed.getvalue()
    if len(data) >= SIZE_LIMIT:
        raise ConfigurationError(
            f"The package has {len(data):,} bytes, and must stay under {SIZE_LIMIT:,}",
            "Leave out what the Lambda does not load: image_pinner/cli/packaging/build.py lists that",
        )
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, all or nothing.

    Args:
        path: Where to; what is there is replaced, and a folder that is not there is made.
        data: Its bytes.

    Raises:
        ConfigurationError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(data)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror})", "Choose another folder, or make room in it"
        ) from error


def _entry(file: PackedFile) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(file.path, _FIRST_DATE)
    entry.create_system = _UNIX
    entry.external_attr = _MODE << 16
    return entry


def contents(path: Path) -> str:
    """List what a zip holds.

    Args:
        path: The zip.

    Returns:
        A line with its name, size and digest, and one for each file: bytes, SHA-256, path.
    """
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    return "\n".join(
        [
            f"{path.name}: {len(entries)} files, {len(whole)} bytes, sha256 {hashlib.sha256(whole).hexdigest()}",
            f"compressed by zlib {zlib.ZLIB_RUNTIME_VERSION}",
            *(f"{len(data):>8} {hashlib.sha256(data).hexdigest()} {name}" for name, data in entries),
            "",
        ]
    )
