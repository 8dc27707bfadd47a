"""The libraries in the zip: installed here in the version of the lock and as they were published, or refused.

boto3 is not among them: the runtime has it (https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html). urllib3
is, although the runtime's botocore brings one: AWS does not document its version, and ImagePinner needs 2. The
function's folder comes first on the path, so botocore uses this one too, and supports it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from collections.abc import Callable
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from image_pinner.core.errors import ConfigurationError

LIBRARIES = ("jsonpath-ng", "urllib3")
LEFT_OUT = ("jsonpath_ng/bin/", "jsonpath_ng/__main__.py", "urllib3/contrib/emscripten/")
"""What no other module imports on Linux: a command, and support for browsers."""
_LOCKED = re.compile(r"^([\w.-]+)==([^\s;\\]+)[^\n\\]*((?:\\\n\s*--hash=sha256:[0-9a-f]{64}\s*?)+)$", re.MULTILINE)


class Library(NamedTuple):
    """A library with its locked version, the hashes that the lock accepts, and its files by path in the zip."""

    name: str
    version: str
    hashes: tuple[str, ...]
    files: dict[str, bytes]


def collect_libraries(
    lock: str, find: Callable[[str], metadata.Distribution] = metadata.distribution
) -> tuple[Library, ...]:
    """Collect modules and licenses of the libraries; `lock` is the text of a lock with hashes.

    Raises:
        ConfigurationError: A library is not locked, not installed, installed in another version, or has a file that
            differs from the published one.
    """
    locked = {name: (version, hashes) for name, version, hashes in _LOCKED.findall(lock)}
    collected = []
    for name in LIBRARIES:
        if name not in locked:
            raise ConfigurationError(f"cannot build the zip: the lock has no {name} with hashes", "run `make lock`")
        version, hashes = locked[name]
        hashes = tuple(re.findall("[0-9a-f]{64}", hashes))
        collected.append(Library(name, version, hashes, _collect_files(name, version, find)))
    return tuple(collected)


def _collect_files(name: str, version: str, find: Callable[[str], metadata.Distribution]) -> dict[str, bytes]:
    def refuse(reason: str) -> ConfigurationError:
        install = f"pip install --force-reinstall --no-deps '{name}=={version}'"
        return ConfigurationError(f"cannot build the zip: {reason}", f"install the published wheel: {install}")

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
