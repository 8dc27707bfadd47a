"""The code of the Lambda function to install: the zip that this version carries, or one that the user names."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from image_pinner import __version__
from image_pinner.core.errors import ConfigurationError

ZIP_NAME = f"image-pinner-{__version__}.zip"
LOCK = "requirements/lambda.txt"
LEFT_OUT = (
    "image_pinner/api.py",
    "image_pinner/cfn_lint.py",
    "image_pinner/cli/",
    "image_pinner/core/check/",
    "image_pinner/core/comparison.py",
    "image_pinner/core/rules.py",
    "image_pinner/core/rules.toml",
    "image_pinner/sources/in_memory.py",
)
"""What the function never loads and its zip leaves out."""
PREFIX = "image-pinner/"
"""Prefix of the keys of all our objects in a bucket."""
CARRIED = ("image_pinner/cli/deployment/function.zip", "image_pinner/cli/deployment/function.json")
"""Where a wheel has the zip and its manifest."""
_HANDLER = "image_pinner/lambda_macro/handler.py"
_ABOUT = "image_pinner/__init__.py"
_NAMED = 3  # changed files that a message lists
_KINDS = (".py", ".toml")
_BUILD = "run `make package`"
_OTHER_ZIP = "pass a zip that `make package` built"


class Code(NamedTuple):
    """The bytes of a zip, their SHA-256 in hexadecimal, its version of ImagePinner, and whether it is compiled."""

    data: bytes
    sha256: str
    version: str
    is_compiled: bool = True

    @property
    def key(self) -> str:
        """The key in a bucket; it depends on the contents, so that no zip ever replaces another."""
        return f"{PREFIX}{self.version}/{self.sha256[:16]}.zip"

    @property
    def checksum(self) -> str:
        """The SHA-256 as Lambda and S3 write it."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


def checkout() -> Path | None:
    """Return the root of the checkout that this program runs from; None if it is installed from a wheel."""
    root = Path(str(resources.files("image_pinner"))).parents[1]
    # Above an installed package is only `site-packages`.
    return root if (root / "macro" / "image_pinner").is_dir() and (root / "pyproject.toml").is_file() else None


def own_files(root: Path) -> dict[str, bytes]:
    """Read the files of the checkout `root` that go into the function's zip, by their path in the zip.

    Raises:
        ConfigurationError: One cannot be read.
    """
    source = root / "macro"
    paths = {path.relative_to(source).as_posix(): path for path in (source / "image_pinner").rglob("*")}
    packed = {name: path for name, path in paths.items() if name.endswith(_KINDS) and not name.startswith(LEFT_OUT)}
    try:
        return {name: path.read_bytes() for name, path in [("LICENSE", root / "LICENSE"), *packed.items()]}
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {error.filename}: {error.strerror}", "restore it in the checkout"
        ) from error


def carried_code() -> Code:
    """Return the zip that this installation carries, or in a checkout the one of its files, built if necessary.

    Its bytes and files are those of its manifest.

    Raises:
        ConfigurationError: It is missing, damaged or cannot be built.
    """
    root = checkout()
    if root:
        with suppress(ConfigurationError):
            return built_code(root)
        _build_code(root)
        return built_code(root)
    site = Path(str(resources.files("image_pinner"))).parent
    archive, manifest = (site / path for path in CARRIED)
    if not (archive.is_file() and manifest.is_file()):
        raise ConfigurationError(
            "no code to install: this image-pinner was built without the function's zip",
            "pass --package FILE with a zip that `make package` built in a checkout, or run `make package` there and"
            " install image-pinner from it again",
        )
    return _read(archive, manifest)[0]


def _build_code(root: Path) -> None:
    """Run what `make package` runs."""
    command = [sys.executable, str(root / "tools" / "build_package"), "--output", str(built_files(root)[0].parent)]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 - of this checkout
    if run.returncode:
        lines = dict(line.partition(": ")[::2] for line in run.stderr.splitlines())
        cause = lines.get("error", "the builder does not run")
        raise ConfigurationError(f"cannot build the function's zip in {root}: {cause}", lines.get("help", _BUILD))


def built_files(root: Path) -> tuple[Path, Path]:
    """Return where `make package` writes the zip and its manifest in the checkout `root`."""
    archive = root / "dist" / ZIP_NAME
    return archive, archive.with_suffix(".json")


def built_code(root: Path) -> Code:
    """Return the zip that `make package` built in the checkout `root`.

    Raises:
        ConfigurationError: It is missing or damaged, or the checkout has changed since.
    """
    archive, manifest = built_files(root)
    for path in (archive, manifest):
        if not path.is_file():
            raise ConfigurationError(f"the function's zip is not built: {path} is missing", _BUILD)
    code, about = _read(archive, manifest)
    changed = _changed(root, about)
    if changed:
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        raise ConfigurationError(
            f"{archive} is out of date: since it was built, {', '.join(changed[:_NAMED])}{more} changed", _BUILD
        )
    return code


def _changed(root: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Return the packed files of the checkout that differ from the zip, and the lock if it or a library differs."""
    ours = {name: hashlib.sha256(data).hexdigest() for name, data in own_files(root).items()}
    packed = {
        name: digest
        for name, digest in manifest["files"].items()
        if name == "LICENSE" or (name.startswith("image_pinner/") and not name.endswith(".pyc"))
    }
    changed = [name for name in sorted(ours.keys() | packed.keys()) if ours.get(name) != packed.get(name)]
    lock = root / LOCK
    data = lock.read_bytes() if lock.is_file() else b""
    if hashlib.sha256(data).hexdigest() != manifest["lock"] or not _locks(data.decode(), manifest["libraries"]):
        changed.append(LOCK)
    return changed


def _locks(lock: str, libraries: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a lock has the versions and hashes of all libraries."""
    lines = set(re.split(r"[\s;\\]+", lock))
    return all(
        {f"{one['name']}=={one['version']}", *(f"--hash=sha256:{digest}" for digest in one["hashes"])} <= lines
        for one in libraries
    )


def _read(archive: Path, manifest: Path) -> tuple[Code, Mapping[str, Any]]:
    """Read a zip that fits its manifest and has the version of this program."""
    code, about = _read_package(archive, manifest)
    if code.version != __version__:
        raise _damaged(archive, manifest, f"it is version {code.version}, and {__version__} is installed")
    return code, about


def code_from(file: Path) -> Code:
    """Read a zip that `make package` built, of any version; its manifest is next to it.

    Raises:
        ConfigurationError: The file is not such a zip, or differs from its manifest.
    """
    try:
        names = _hash_members(file.read_bytes()).keys()
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}", _OTHER_ZIP) from None
    except zipfile.BadZipFile:
        raise ConfigurationError(f"{file} is not a zip file", _OTHER_ZIP) from None
    if not {_ABOUT, _HANDLER} <= names:
        raise ConfigurationError(f"{file} is not a zip of the macro's function", _OTHER_ZIP)
    manifest = file.with_suffix(".json")
    try:
        return _read_package(file, manifest)[0]
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {manifest}, the manifest of {file.name}: {error.strerror}",
            f"{_OTHER_ZIP}, and keep its manifest next to it",
        ) from None


def _read_package(archive: Path, manifest: Path) -> tuple[Code, Mapping[str, Any]]:
    """Read a zip and its manifest, and compare the hashes of the zip and of each of its files."""
    data = archive.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    try:
        about = json.loads(manifest.read_bytes())
        version, expected, files = str(about["version"]), about["sha256"], dict(about["files"])
        {one["name"]: (one["version"], *one["hashes"]) for one in about["libraries"]}
        str(about["lock"])
    except (ValueError, TypeError, KeyError):
        raise _damaged(archive, manifest, "its manifest is incomplete") from None
    if expected != digest:
        raise _damaged(archive, manifest, "its hash differs from its manifest")
    try:
        members = _hash_members(data)
    except zipfile.BadZipFile:
        raise _damaged(archive, manifest, "it is not a zip file") from None
    different = sorted(name for name in members.keys() | files.keys() if members.get(name) != files.get(name))
    if different:
        raise _damaged(archive, manifest, f"{different[0]} differs from its manifest")
    return Code(data, digest, version, about.get("compiled_by") is not None), about


def _hash_members(data: bytes) -> dict[str, str]:
    """Return the hashes of the files in a zip.

    Raises:
        BadZipFile: It is not a zip, or has two files of one name.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = {entry.filename: hashlib.sha256(archive.read(entry)).hexdigest() for entry in archive.infolist()}
        if len(found) != len(archive.infolist()):
            raise zipfile.BadZipFile
    return found


def _damaged(archive: Path, manifest: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"the function's zip is damaged: {archive} does not match its manifest {manifest.name}: {reason}",
        f"{_BUILD}, or reinstall image-pinner",
    )
