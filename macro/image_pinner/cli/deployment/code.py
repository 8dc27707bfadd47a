"""The code to install: a package that is built now, or one that was built before."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from image_pinner.cli.packaging.build import build_package
from image_pinner.core.errors import ConfigurationError

_HANDLER = "image_pinner/lambda_macro/handler.py"
_ABOUT = "image_pinner/__init__.py"
_VERSION = re.compile(rb"""^__version__ = ["']([0-9A-Za-z.+-]{1,64})["']""", re.MULTILINE)
_REMEDY = "Give a zip that make package or image-pinner itself has built"


class Code(NamedTuple):
    """A package.

    Args:
        data: Its bytes.
        sha256: Their SHA-256, in hexadecimal.
        version: The version of ImagePinner in it.
    """

    data: bytes
    sha256: str
    version: str

    @property
    def key(self) -> str:
        """Its name in a bucket, which tells the contents: another package never replaces this one."""
        return f"{PREFIX}{self.version}/{self.sha256[:16]}.zip"


PREFIX = "image-pinner/"
"""What the names of all our objects begin with."""


def built_code(folder: Path, *, python: str | None, compiled: bool) -> Code:
    """Build the package.

    Args:
        folder: Where to.
        python: The Python that compiles; without it one is looked for.
        compiled: Whether compiled files are added.

    Returns:
        The package.

    Raises:
        ConfigurationError: It cannot be built.
    """
    package = build_package(folder, python=python, compiled=compiled)
    return Code(package.path.read_bytes(), package.sha256, package.version)


def code_from(file: Path) -> Code:
    """Take a package that was built before.

    Args:
        file: The zip.

    Returns:
        The package.

    Raises:
        ConfigurationError: The file is none.
    """
    try:
        data = file.read_bytes()
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            version = _VERSION.search(archive.read(_ABOUT)) if _ABOUT in names else None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}", _REMEDY) from None
    except zipfile.BadZipFile:
        raise ConfigurationError(f"{file} is no zip", _REMEDY) from None
    if version is None or _HANDLER not in names:
        raise ConfigurationError(f"{file} is no package of the macro", _REMEDY)
    return Code(data, hashlib.sha256(data).hexdigest(), version[1].decode())
