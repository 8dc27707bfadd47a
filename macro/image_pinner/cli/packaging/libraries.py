"""The libraries that the zip carries: as they were published, in the locked versions, or not at all.

boto3 is not among them: the runtime has it (https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html). urllib3
is, although the runtime's botocore brings one: which version that is, AWS does not say, and ImagePinner needs 2. What
is in the function's folder comes first on the path, so botocore takes this one too, and it is made for both.
"""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from image_pinner.core.errors import ConfigurationError

LIBRARIES = ("jsonpath-ng", "urllib3")
LEFT_OUT = ("jsonpath_ng/bin/", "jsonpath_ng/__main__.py", "urllib3/contrib/emscripten/")
"""What no module of the rest imports on Linux: a command, and urllib3 in a browser."""


class PackedFile(NamedTuple):
    """A file of the zip.

    Args:
        path: Its path there, from the root, with slashes.
        data: Its bytes.
    """

    path: str
    data: bytes


class _Recorded(NamedTuple):
    path: str
    hashed: str


def library_files(
    locked: Mapping[str, str], find: Callable[[str], metadata.Distribution] = metadata.distribution
) -> Iterator[PackedFile]:
    """Collect the modules and licenses of the libraries from the environment of this process.

    Args:
        locked: The versions that must be there; a library that is not named may have any version that pip accepted.
        find: Gives an installed distribution by its name.

    Yields:
        Their files: modules where they are imported from, licenses under `licenses/`.

    Raises:
        ConfigurationError: A library is missing, has another version, or is not what was published.
    """
    for name in LIBRARIES:
        yield from _files_of(name, locked.get(name), find)


def _files_of(name: str, version: str | None, find: Callable[[str], metadata.Distribution]) -> Iterator[PackedFile]:
    wanted = f"{name}=={version}" if version else name
    repair = f"Install it as it was published: pip install --force-reinstall --no-deps '{wanted}'"
    try:
        distribution = find(name)
    except metadata.PackageNotFoundError:
        raise ConfigurationError(f"The zip needs {name}, which is not installed here", repair) from None
    if version and distribution.version != version:
        raise ConfigurationError(
            f"The zip needs {name} {version}, the version of the lock, and {distribution.version} is installed here",
            f"Build it by make package, or install that version: pip install --no-deps '{wanted}'",
        )
    if "Root-Is-Purelib: true" not in (distribution.read_text("WHEEL") or ""):
        raise ConfigurationError(
            f"{name} {distribution.version} is installed with parts that run on this kind of machine only, or from no"
            " wheel",
            f"Install its wheel for all machines: pip install --force-reinstall --no-deps '{wanted}'",
        )
    if not distribution.read_text("RECORD"):
        raise ConfigurationError(f"{name} {distribution.version} is installed without a list of its files", repair)
    for recorded in _recorded(distribution):
        target = _target(name, distribution.version, recorded.path)
        if target:
            yield PackedFile(target, _verified(distribution, recorded, f"{name} {distribution.version}", repair))


def _recorded(distribution: metadata.Distribution) -> Iterator[_Recorded]:
    """Give what was installed. `Distribution.files` keeps missing files back since Python 3.12.

    https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
    """
    for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        yield _Recorded(row[0], row[1])


def _target(name: str, version: str, path: str) -> str | None:
    folder, _, rest = path.partition("/")
    if folder.endswith(".dist-info") and rest.startswith("licenses/"):
        return f"licenses/{name}-{version}/{PurePosixPath(rest).name}"
    if folder == name.replace("-", "_") and path.endswith(".py") and not path.startswith(LEFT_OUT):
        return path
    return None


def _verified(distribution: metadata.Distribution, recorded: _Recorded, named: str, repair: str) -> bytes:
    try:
        data = Path(str(distribution.locate_file(recorded.path))).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{recorded.path} of {named} cannot be read ({error.strerror})", repair) from error
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    if recorded.hashed != f"sha256={digest}":
        raise ConfigurationError(f"{recorded.path} of {named} is not the file that was published", repair)
    return data
