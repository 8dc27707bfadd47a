"""Reading a file whole, and writing one so that it is never half written.

The new content goes into a file beside the old one, which then takes its place: a full disk, a crash or a power cut
leave the one or the other. https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from image_pinner.cli.documents.encodings import MAX_BYTES, too_big
from image_pinner.core.errors import ImagePinnerError, UnreadableTemplateError

# O_NONBLOCK: opening a pipe must not wait for its writer. Windows has neither flag.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_REASONS = {
    errno.ENOENT: ("there is no such file or directory", "Check the path"),
    errno.ENOTDIR: ("a part of the path is a file, not a directory", "Check the path"),
    errno.EISDIR: ("it is a directory", "Name a file in it"),
    errno.ELOOP: ("its symbolic links lead in a circle", "Mend the links"),
    errno.ENAMETOOLONG: ("the path is too long", "Check the path"),
    errno.EACCES: ("permission is denied", "Check the permissions of the file and of the directories above it"),
    errno.EPERM: ("permission is denied", "Check the permissions and attributes of the file and its directory"),
    errno.EROFS: ("the file system is read-only", "Write to another place with -o"),
    errno.ENOSPC: ("the disk is full", "Make room and run it again"),
    errno.EDQUOT: ("the disk quota is used up", "Make room and run it again"),
    errno.EFBIG: ("a limit on the size of files forbids it", "Raise the limit (ulimit -f) and run it again"),
}


class UnwritableFileError(ImagePinnerError):
    """A file could not be written; what was there before is unchanged."""


def read_file(path: Path) -> bytes:
    """Read a template file whole.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        UnreadableTemplateError: There is no such file, it cannot be read, it is no regular file, or it is too big.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableTemplateError(
                    f"{path} is a pipe or a device, no file",
                    "Give the template on standard input and write - for its name",
                )
            if status.st_size > MAX_BYTES:
                raise too_big(str(path), status.st_size)
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UnreadableTemplateError(*_told(f"{path} cannot be read", error)) from error
    if len(data) > MAX_BYTES:
        raise too_big(str(path), len(data))
    return data


def _open_without_waiting(path: str, _: int) -> int:
    return os.open(path, _READ)


def write_by_rename(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    A symbolic link stays one, and the file that it leads to is written. Mode and, where the system allows it, owner and
    group stay. Hard links to the old file keep the old content.

    Args:
        path: The file; it need not exist.
        data: Its new content.

    Raises:
        UnwritableFileError: It could not be written; what was there is unchanged, and nothing is left beside it.
    """
    target = os.path.realpath(path)
    try:
        status = _writable_status(target)
        _replace(target, data, status)
    except (OSError, ValueError) as error:
        raise UnwritableFileError(*_told(f"{path} cannot be written", error)) from error


def _writable_status(target: str) -> os.stat_result | None:
    try:
        status = os.stat(target)  # noqa: PTH116 - all of this module works on descriptors and strings of the same call
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "directory", target)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, no file")
    if not os.access(target, os.W_OK):
        # A rename would get round the permission.
        raise PermissionError(errno.EACCES, "not writable", target)
    return status


def _replace(target: str, data: bytes, status: os.stat_result | None) -> None:
    beside = Path(target).parent / f".image-pinner-{secrets.token_hex(8)}.tmp"
    descriptor = os.open(beside, _CREATE, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if status:
                _take_over(descriptor, status)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_directory(beside.parent)


def _take_over(descriptor: int, status: os.stat_result) -> None:
    if hasattr(os, "fchown"):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, status.st_uid, status.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _sync_directory(directory: Path) -> None:
    # The rename itself survives a power cut only then. Some file systems cannot; the content is safe all the same.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _told(what: str, error: OSError | ValueError) -> tuple[str, str]:
    if isinstance(error, OSError) and error.errno in _REASONS:
        reason, help = _REASONS[error.errno]
        return f"{what}: {reason}", help
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return f"{what}: {reason}", "Check the path"
