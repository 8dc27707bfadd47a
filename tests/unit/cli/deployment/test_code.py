"""The package that is installed: one that was built before is taken for nothing else."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from image_pinner import __version__
from image_pinner.cli.deployment.code import built_code, code_from
from image_pinner.core.errors import ConfigurationError

ABOUT = ("image_pinner/__init__.py", '"""About."""\n\n__version__ = "4.5.6"\n')
HANDLER = ("image_pinner/lambda_macro/handler.py", "")


def zipped(folder: Path, *files: tuple[str, str]) -> Path:
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files:
            archive.writestr(name, text)
    return path


def test_a_file_that_is_not_there_or_no_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        code_from(tmp_path / "missing.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ConfigurationError, match=r"text\.zip is no zip"):
        code_from(tmp_path / "text.zip")


@pytest.mark.parametrize("files", [(), (ABOUT,), (HANDLER,), ((ABOUT[0], "nothing"), HANDLER)])
def test_a_zip_of_something_else_is_refused(tmp_path: Path, files: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ConfigurationError, match="is no package of the macro"):
        code_from(zipped(tmp_path, *files))


def test_a_package_is_named_after_its_contents(tmp_path: Path) -> None:
    path = zipped(tmp_path, ABOUT, HANDLER)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    code = code_from(path)
    assert (code.sha256, code.version, code.key) == (sha256, "4.5.6", f"image-pinner/4.5.6/{sha256[:16]}.zip")


def test_what_is_built_now_can_be_taken_later(tmp_path: Path) -> None:
    built = built_code(tmp_path, python=None, compiled=False)
    assert built.version == __version__
    assert code_from(tmp_path / f"image-pinner-{__version__}.zip") == built
