"""The libraries in the zip: installed here in the version of the lock and with the files of its wheels, or refused.

The lock has the hashes of wheels, which an installation does not keep, and a program that changes an installed file can
change its RECORD too. `make lock` therefore writes the hash of each wheel's files.

boto3 is not among them: the runtime has it (https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html). urllib3
is, although the runtime's botocore brings one: AWS does not document its version, and ImagePinner needs 2. The
function's folder comes first on the path, so botocore uses this one too, and supports it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from image_pinner.core.errors import ConfigurationError

LIBRARIES = ("jsonpath-ng", "urllib3")
LEFT_OUT = (
    "jsonpath_ng/bin/",
    "jsonpath_ng/__main__.py",
    "urllib3/contrib/",
    "urllib3/http2/connection.py",
)
"""What the function never imports: a command, and support for browsers, SOCKS, OpenSSL's binding and HTTP/2."""
CONTENTS = "requirements/lambda-contents.txt"
"""Where a checkout has the hashes of the wheels' files."""
_CONTENTS = re.compile(r"^([\w.-]+)==(\S+) sha256:([0-9a-f]{64})$", re.MULTILINE)
_LOCKED = re.compile(r"^([\w.-]+)==([^\s;\\]+)[^\n\\]*((?:\\\n\s*--hash=sha256:[0-9a-f]{64}\s*?)+)$", re.MULTILINE)


class Library(NamedTuple):
    """A library with its locked version, the hashes that the lock accepts, and its files by path in the zip."""

    name: str
    version: str
    hashes: tuple[str, ...]
    files: dict[str, bytes]


def locked_libraries(lock: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the locked versions and hashes of the libraries by name; `lock` is the text of a lock with hashes.

    Raises:
        ConfigurationError: A library is not locked.
    """
    locked = {
        name: (version, tuple(re.findall("[0-9a-f]{64}", hashes))) for name, version, hashes in _LOCKED.findall(lock)
    }
    for name in LIBRARIES:
        if name not in locked:
            raise ConfigurationError(f"cannot build the zip: the lock has no {name} with hashes", "run `make lock`")
    return {name: locked[name] for name in LIBRARIES}


def collect_libraries(
    lock: str, contents: str, find: Callable[[str], metadata.Distribution] = metadata.distribution
) -> tuple[Library, ...]:
    """Collect modules and licenses of the libraries; `lock` and `contents` are the texts that `make lock` writes.

    Raises:
        ConfigurationError: A library is not locked, not installed, installed in another version, or has a file that
            differs from the published one.
    """
    expected = {(name, version): digest for name, version, digest in _CONTENTS.findall(contents)}
    collected = tuple(
        Library(name, version, hashes, _collect_files(name, version, find))
        for name, (version, hashes) in locked_libraries(lock).items()
    )
    for name, version, _, files in collected:
        if (name, version) not in expected:
            raise ConfigurationError(
                f"cannot build the zip: {CONTENTS} has no hash of {name} {version}", "run `make lock`"
            )
        if hash_files(files) != expected[name, version]:
            raise _refusal(name, version, f"the files of {name} {version} are not those of the locked wheel")
    return collected


def hash_files(files: Mapping[str, bytes]) -> str:
    """Return one SHA-256 of files and their paths."""
    lines = (f"{path} {hashlib.sha256(files[path]).hexdigest()}\n" for path in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def wheel_files(name: str, version: str, wheel: zipfile.ZipFile) -> dict[str, bytes]:
    """Return the files of a wheel that go into the zip, by path in the zip."""
    return {target: wheel.read(path) for path in wheel.namelist() if (target := _target(name, version, path))}


def _refusal(name: str, version: str, reason: str) -> ConfigurationError:
    install = f"pip install --force-reinstall --no-deps '{name}=={version}'"
    return ConfigurationError(f"cannot build the zip: {reason}", f"install the published wheel: {install}")


def _collect_files(name: str, version: str, find: Callable[[str], metadata.Distribution]) -> dict[str, bytes]:
    refuse = partial(_refusal, name, version)
    try:
        distribution = find(name)
    except metadata.PackageNotFoundError:
        raise refuse(f"{name} {version} is not installed") from None
    if distribution.version != version:
        raise refuse(f"the lock has {name} {version}, but {distribution.version} is installed")
    if "Root-Is-Purelib: true" not in (distribution.read_text("WHEEL") or ""):
        raise refuse(f"{name} {version} is not installed from a wheel that fits all machines")
    record = distribution.read_text("RECORD")
    if not record:
        raise refuse(f"{name} {version} is installed without a RECORD of its files")
    files = {}
    # Not `Distribution.files`, which omits missing files since Python 3.12.
    # https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
    for path, expected, *_ in csv.reader(record.splitlines()):
        target = _target(name, version, path)
        if not target:
            continue
        try:
            data = Path(str(distribution.locate_file(path))).read_bytes()
        except OSError as error:
            raise refuse(f"{path} of {name} {version} cannot be read: {error.strerror}") from error
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if expected != f"sha256={digest}":
            raise refuse(f"{path} of {name} {version} differs from the published file")
        files[target] = data
    return files


def _target(name: str, version: str, path: str) -> str | None:
    """Return where an installed file is in the zip; None if it is left out."""
    folder, _, name_in_folder = path.partition("/")
    if folder.endswith(".dist-info") and name_in_folder.startswith("licenses/"):
        return f"licenses/{name}-{version}/{PurePosixPath(name_in_folder).name}"
    if folder == name.replace("-", "_") and path.endswith(".py") and not path.startswith(LEFT_OUT):
        return path
    return None
