"""Build the zip of the Lambda function and its manifest.

The bytes of the zip depend only on the commit, on the patch level of the compiling Python and on zlib: not on dates,
modes, owners, the order of a folder, or the machine. Forks of zlib compress a little differently; the manifest shows
whether the contents differ too.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from build_package.compiler import Compiler, find_compiler
from build_package.libraries import CONTENTS, collect_libraries
from image_pinner import __version__
from image_pinner.cli.deployment.code import LOCK, ZIP_NAME, own_files
from image_pinner.core.errors import ConfigurationError

SIZE_LIMIT = 1_048_576
"""Bytes that the zip may not reach."""
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
_MODE = 0o100644  # the Lambda runs as a user who is neither owner nor group
_LEVEL = 9
_UNIX = 3  # by default zipfile writes the system that it runs on
_OWN = "image_pinner/"


class Package(NamedTuple):
    """A zip that was built, and the version of Python that compiled it (None: it has only sources)."""

    path: Path
    sha256: str
    size: int
    compiled_by: str | None


def build(directory: Path, *, root: Path, python: str | None = None, compiled: bool = True) -> Package:
    """Write `image-pinner-<version>.zip` and its manifest, with the suffix `.json`, to `directory`.

    `root` is the checkout. Without `compiled`, or if there is no CPython 3.13, the zip has no compiled files, and the
    Lambda compiles at every cold start. `python` names the CPython 3.13; otherwise the first one found compiles.

    Raises:
        ConfigurationError: A file is missing, a library is not the one of the lock, `python` has another version, or
            the zip is too large or cannot be written.
    """
    compiler = find_compiler(python) if compiled else None
    for name in (LOCK, CONTENTS):
        if not (root / name).is_file():
            raise ConfigurationError(f"cannot build the zip: {name} is missing", "restore it, or run `make lock`")
    lock = root / LOCK
    libraries = collect_libraries(lock.read_text("utf-8"), (root / CONTENTS).read_text("utf-8"))
    files = own_files(root)
    for library in libraries:
        files.update(library.files)
    if compiler:
        files = _with_compiled(files, compiler)
    data = zip_files(files)
    digest = hashlib.sha256(data).hexdigest()
    manifest = {
        "version": __version__,
        "sha256": digest,
        "compiled_by": compiler.version if compiler else None,
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "libraries": [{"name": one.name, "version": one.version, "hashes": one.hashes} for one in libraries],
        "files": {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)},
    }
    path = directory / ZIP_NAME
    _write(path, data)
    _write(path.with_suffix(".json"), f"{json.dumps(manifest, indent=1)}\n".encode())
    return Package(path, digest, len(data), compiler.version if compiler else None)


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """Zip `files`, by their paths in the zip.

    Raises:
        ConfigurationError: The zip reaches `SIZE_LIMIT`.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _FIRST_DATE)
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            archive.writestr(entry, files[path], zipfile.ZIP_DEFLATED, _LEVEL)
    data = packed.getvalue()
    if len(data) >= SIZE_LIMIT:
        raise ConfigurationError(
            f"the zip is too large: {len(data):,} bytes, and it must stay under {SIZE_LIMIT:,}",
            "leave out what the Lambda does not load: see LEFT_OUT in code.py and libraries.py",
        )
    return data


def _write(path: Path, data: bytes) -> None:
    """Write a file, all or nothing; create its folder and replace what is there."""
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
            f"cannot write {path}: {error.strerror}", "choose another folder with --output"
        ) from error


def _with_compiled(files: Mapping[str, bytes], compiler: Compiler) -> dict[str, bytes]:
    """Add compiled files next to our modules, and replace the libraries' modules with theirs.

    With both forms of all modules the zip would exceed its limit. Our sources stay readable in the Lambda console;
    those of the libraries are published, and the manifest has their versions.
    """
    result = dict(files)
    compiled = compiler.compile({path: data for path, data in files.items() if path.endswith(".py")})
    for path, code in compiled.items():
        source = PurePosixPath(path)
        if path.startswith(_OWN):
            # Where Python 3.13 looks: https://peps.python.org/pep-3147/
            result[str(source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc")] = code
            continue
        del result[path]
        result[f"{path}c"] = code
        if b"Copyright" in files[path]:
            # The license of PLY, which jsonpath-ng contains, requires the notice.
            result[f"licenses/{path.removesuffix('.py').replace('/', '-')}.txt"] = _notice(files[path])
    return result


def _notice(source: bytes) -> bytes:
    """Return the comment at the head of a module, which has its copyright notice."""
    lines = source.splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if not line.startswith(b"#")), len(lines))
    return b"".join(lines[:end])
