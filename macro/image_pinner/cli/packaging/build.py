"""Build the Lambda's package: what goes in, in which form, and what is written beside it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from image_pinner import __version__
from image_pinner.cli.packaging.archive import contents, write_whole, write_zip
from image_pinner.cli.packaging.lambda_python import LambdaPython, find_python
from image_pinner.cli.packaging.libraries import PackedFile, library_files
from image_pinner.cli.packaging.local_template import local_template
from image_pinner.cli.packaging.project_files import license_text, locked_versions, template_text

LEFT_OUT = frozenset({"image_pinner/cli", "image_pinner/core/check.py"})
"""What the Lambda never loads; a test compares it with the imports of the handler."""
_KINDS = (".py", ".toml")
_OWN = "image_pinner/"


class Package(NamedTuple):
    """The package of the Lambda.

    Args:
        path: Where the zip is.
        sha256: The SHA-256 of its bytes, in hexadecimal.
        version: The version of ImagePinner in it.
        size: Its bytes.
        compiled_by: The version of Python that compiled it; None where it has sources alone.
    """

    path: Path
    sha256: str
    version: str
    size: int
    compiled_by: str | None

    @property
    def key(self) -> str:
        """The name of the zip in a bucket; it tells the contents, so that another package never replaces this one."""
        return f"image-pinner/{self.version}/{self.sha256[:16]}.zip"


def build_package(directory: Path, *, python: str | None = None, compiled: bool = True) -> Package:
    """Write `image-pinner-<version>.zip`.

    Args:
        directory: Where to; it is made if it is not there.
        python: The CPython 3.13 that compiles; without it one is looked for.
        compiled: Whether compiled files are added. Without them the Lambda compiles at every cold start.

    Returns:
        The package.

    Raises:
        ConfigurationError: Something is missing, is not what was published, is too large or cannot be written.
    """
    compiler = find_python(python) if compiled else None
    files = [*_sources(), PackedFile("LICENSE", license_text().encode())]
    path = directory / f"image-pinner-{__version__}.zip"
    digest = write_zip(path, _compiled(files, compiler) if compiler else files)
    return Package(path, digest, __version__, path.stat().st_size, compiler.version if compiler else None)


def build_distribution(directory: Path, *, python: str | None = None, compiled: bool = True) -> Package:
    """Write the package, the list of its contents and the template that names it by its local path.

    Args:
        directory: As in `build_package`.
        python: The same.
        compiled: The same.

    Returns:
        The package; `CONTENTS.txt` and `macro.yaml` are beside it.

    Raises:
        ConfigurationError: As in `build_package`, or the template has not the form that is known here.
    """
    package = build_package(directory, python=python, compiled=compiled)
    by = f"compiled by CPython {package.compiled_by}" if package.compiled_by else "not compiled"
    listed = f"{contents(package.path)}{by}\n"
    template = local_template(template_text(), package.path.name)
    write_whole(directory / "CONTENTS.txt", listed.encode())
    write_whole(directory / "macro.yaml", template.encode())
    return package


def _sources() -> Iterator[PackedFile]:
    yield from _own_files(resources.files("image_pinner"), "image_pinner")
    yield from library_files(locked_versions())


def _own_files(folder: Traversable, path: str) -> Iterator[PackedFile]:
    for item in folder.iterdir():
        inner = f"{path}/{item.name}"
        if inner in LEFT_OUT:
            continue
        if item.is_dir():
            yield from _own_files(item, inner)
        elif inner.endswith(_KINDS):
            yield PackedFile(inner, item.read_bytes())


def _compiled(files: list[PackedFile], compiler: LambdaPython) -> Iterator[PackedFile]:
    """Add compiled files to our modules, and put them in the place of the libraries' modules.

    With both forms of all modules the zip is over its limit. Ours stay readable in the console; the libraries' are
    those that were published, whose versions the folder `licenses` tells.
    """
    done = compiler.compile(file for file in files if file.path.endswith(".py"))
    for file in files:
        ours = file.path.startswith(_OWN)
        if ours or file.path not in done:
            yield file
        elif b"Copyright" in file.data:
            yield _notice(file)
        if file.path in done:
            yield PackedFile(_place(file.path) if ours else f"{file.path}c", done[file.path])


def _place(path: str) -> str:
    """Give where Python 3.13 looks for what a module compiles to: https://peps.python.org/pep-3147/."""
    source = PurePosixPath(path)
    return str(source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc")


def _notice(file: PackedFile) -> PackedFile:
    """Give the copyright notice at the head of a module that goes without its source: PLY's license asks for it."""
    lines = []
    for line in file.data.splitlines(keepends=True):
        if not line.startswith(b"#"):
            break
        lines.append(line)
    return PackedFile(f"licenses/{file.path.removesuffix('.py').replace('/', '-')}.txt", b"".join(lines))
