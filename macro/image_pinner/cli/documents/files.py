"""Reads a file completely, and writes one atomically.

New content goes to a temporary file that then replaces the target: a full disk, a crash or a power failure leaves
either the old or the new content. https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from image_pinner.cli.documents.text import MAX_BYTES, file_too_large
from image_pinner.core.errors import ImagePinnerError, UnreadableTemplateError, cut

# O_NONBLOCK: opening a pipe must not wait for its writer. Windows has neither flag.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_CHECK_PATH = "check the path"
_MAX_FAILURE = 1_000  # characters of what failed, with the path, so that the reason is in the message too
_REASONS = {
    errno.ENOENT: ("no such file or directory", _CHECK_PATH),
    errno.ENOTDIR: ("part of the path is a file, not a directory", _CHECK_PATH),
    errno.EISDIR: ("it is a directory", "pass the path of a file"),
    errno.ELOOP: ("its symbolic links form a loop", "fix the links"),
    errno.ENAMETOOLONG: ("the path is too long", _CHECK_PATH),
    errno.EACCES: ("permission denied", "check the permissions of the file and of the directories above it"),
    errno.EPERM: ("permission denied", "check the permissions and attributes of the file and its directory"),
    errno.EROFS: ("the file system is read-only", "write to another path with -o"),
    errno.ENOSPC: ("the disk is full", "free some space and run the command again"),
    errno.EDQUOT: ("the disk quota is exceeded", "free some space and run the command again"),
    errno.EFBIG: ("it exceeds the limit on file sizes", "raise the limit (ulimit -f) and run the command again"),
}
_NOT_A_FILE = "it is a pipe or a device, not a file"


class FileReadError(UnreadableTemplateError):
    """A file does not exist, is not a regular file or could not be read."""


class FileWriteError(ImagePinnerError):
    """A file could not be written; its old content is unchanged."""


def read_file(path: Path) -> bytes:
    """Read a template file.

    Raises:
        FileReadError: The file does not exist, cannot be read, or is not a regular file.
        UnreadableTemplateError: It is too large.
    """
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, _READ)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileReadError(
                    f"cannot read {path}: {_NOT_A_FILE}", "pass the template on standard input, with - as its name"
                )
            if status.st_size > MAX_BYTES:
                raise file_too_large(str(path), status.st_size)
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FileReadError(*_explain(f"cannot read {path}", error)) from error
    if len(data) > MAX_BYTES:
        raise file_too_large(str(path), len(data))
    return data


def write_atomically(path: Path, data: bytes) -> None:
    """Create or replace a file.

    The target of a symbolic link is written. Mode and, where permitted, owner and group stay. Hard links to the old
    file keep the old content.

    Raises:
        FileWriteError: The file could not be written; the old content is unchanged and no temporary file is left.
    """
    target = os.path.realpath(path)
    try:
        _replace(target, data, _writable_status(target))
    except (OSError, ValueError) as error:
        raise FileWriteError(*_explain(f"cannot write {path}", error)) from error


def create_directory(path: Path) -> None:
    """Create a directory and those above it, unless they exist.

    Raises:
        FileWriteError: It cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise FileWriteError(*_explain(f"cannot create the directory {path}", error)) from error


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Create or replace all files, or none: if one cannot be written, those before it get their old content again.

    Raises:
        FileWriteError: A file could not be written.
    """
    written: dict[Path, bytes | None] = {}
    try:
        for path, data in contents.items():
            old = path.read_bytes() if path.is_file() else None
            write_atomically(path, data)
            written[path] = old
    except FileWriteError:
        for path, old in written.items():
            if old is None:
                path.unlink()
            else:
                write_atomically(path, old)
        raise


def _writable_status(target: str) -> os.stat_result | None:
    try:
        status = os.stat(target)  # noqa: PTH116 - this module works on descriptors and strings of the same call
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "directory", target)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, _NOT_A_FILE)
    if not os.access(target, os.W_OK):
        # A rename would bypass the permission.
        raise PermissionError(errno.EACCES, "not writable", target)
    return status


def _replace(target: str, data: bytes, status: os.stat_result | None) -> None:
    temporary = Path(target).parent / f".image-pinner-{os.urandom(8).hex()}.tmp"
    descriptor = os.open(temporary, _CREATE, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if status:
                _copy_owner_and_mode(status, descriptor)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(temporary.parent)


def _copy_owner_and_mode(status: os.stat_result, descriptor: int) -> None:
    if hasattr(os, "fchown"):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, status.st_uid, status.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _sync_directory(directory: Path) -> None:
    # Makes the rename itself survive a power failure. Some file systems cannot; the content is safe all the same.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _explain(failure: str, error: OSError | ValueError) -> tuple[str, str]:
    failure = cut(failure, _MAX_FAILURE)
    if isinstance(error, OSError) and error.errno in _REASONS:
        reason, help = _REASONS[error.errno]
        return f"{failure}: {reason}", help
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return f"{failure}: {reason}", _CHECK_PATH
