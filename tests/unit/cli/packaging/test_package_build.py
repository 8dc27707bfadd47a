"""The package: the same bytes for the same sources, what the Lambda loads, and under a megabyte."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import grimp
import pytest

from image_pinner import __version__
from image_pinner.cli.packaging.archive import SIZE_LIMIT, write_zip
from image_pinner.cli.packaging.build import LEFT_OUT, Package, build_package
from image_pinner.cli.packaging.libraries import PackedFile
from image_pinner.core.errors import ConfigurationError
from support.lambda_runtime import lambda_python
from support.project import ROOT

HANDLER = "image_pinner.lambda_macro.handler"


def _copy(source: Path, target: Path) -> Path:
    """Copy what a package is made of; the folders get their files in another order."""
    names = [
        path.relative_to(source) for part in ("macro", "deploy", "requirements") for path in (source / part).rglob("*")
    ]
    names = [name for name in names if (source / name).is_file() and "__pycache__" not in name.parts]
    for name in random.sample([*names, Path("LICENSE"), Path("pyproject.toml")], len(names) + 2):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    return target


def _build(checkout: Path, *arguments: str, umask: int = 0o022, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(checkout / "deploy" / "build.py"), "--output", str(checkout / "dist"), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        umask=umask,
        env={**os.environ, **environment},
        cwd=checkout.parent,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _copy(ROOT, tmp_path_factory.mktemp("checkout"))


def _members(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def test_a_package_that_is_too_large_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    noise = PackedFile("noise.py", random.Random(1).randbytes(SIZE_LIMIT))
    with pytest.raises(ConfigurationError, match=r"The package has 1,000,\d+ bytes, and must stay under 1,000,000"):
        write_zip(tmp_path / "a.zip", [noise])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        build_package(tmp_path / "file" / "dist", compiled=False)


def test_another_library_than_the_locks_ends_the_build_in_one_sentence(checkout: Path, tmp_path: Path) -> None:
    other = _copy(checkout, tmp_path / "other")
    lock = other / "requirements" / "lambda.txt"
    lock.write_text(re.sub(r"urllib3==\S+", "urllib3==2.2.0", lock.read_text("utf-8")), "utf-8")
    run = _build(other, "--no-compile")
    assert run.returncode == 2
    assert run.stderr.startswith("The zip needs urllib3 2.2.0, the version of the lock, and ")
    assert not (other / "dist").exists()


def test_the_same_sources_give_the_same_bytes_wherever_they_are_built(checkout: Path, tmp_path: Path) -> None:
    other = _copy(checkout, tmp_path / "another place" / "ünderneath")
    python = lambda_python()
    runs = [
        _build(checkout, "--python", python, umask=0o022, TZ="UTC", LC_ALL="C.UTF-8", PYTHONHASHSEED="1"),
        _build(
            other,
            "--python",
            python,
            umask=0o077,
            TZ="Pacific/Kiritimati",
            LC_ALL="C",
            PYTHONHASHSEED="2",
            PYTHONOPTIMIZE="1",
            SOURCE_DATE_EPOCH="1700000000",
        ),
    ]
    assert [run.stderr for run in runs] == ["", ""]
    written = [{path.name: path.read_bytes() for path in (place / "dist").iterdir()} for place in (checkout, other)]
    assert set(written[0]) == {f"image-pinner-{__version__}.zip", "macro.yaml", "CONTENTS.txt"}
    assert written[0] == written[1]


def test_without_compiled_files_the_slower_start_is_told(checkout: Path, tmp_path: Path) -> None:
    run = _build(_copy(checkout, tmp_path / "copy"), "--no-compile")
    assert run.returncode == 0, run.stderr
    assert "cold start takes about 0.7 s instead of 0.3 s" in run.stderr
    names = _members(tmp_path / "copy" / "dist" / f"image-pinner-{__version__}.zip")
    assert not [name for name in names if name.endswith(".pyc")]
    assert "urllib3/poolmanager.py" in names


def test_entries_have_one_date_and_one_mode_and_stand_in_order(sources_package: Package) -> None:
    with zipfile.ZipFile(sources_package.path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted({entry.filename for entry in entries})
    assert {(entry.date_time, entry.external_attr >> 16, entry.create_system) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, 3)
    }


def test_the_zip_holds_what_the_handler_imports_and_no_module_of_the_command(sources_package: Package) -> None:
    graph = grimp.build_graph("image_pinner")
    needed = {HANDLER, *graph.find_upstream_modules(HANDLER)}
    names = _members(sources_package.path)
    packed = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in names
        if name.startswith("image_pinner/") and name.endswith(".py")
    }
    assert needed <= packed
    handlers = {name for name in packed if name.startswith(("image_pinner.cli", "image_pinner.lambda_macro."))}
    assert handlers <= needed, f"The Lambda loads none of these: name them in {LEFT_OUT=}"
    assert "image_pinner/core/template/image_locations.toml" in names
    assert not [name for name in names if name.startswith(("boto", "image_pinner/cli/packaging"))]


def test_licenses_are_in_the_zip_that_of_a_module_without_its_source_too(compiled_package: Package) -> None:
    names = _members(compiled_package.path)
    assert names["LICENSE"] == (ROOT / "LICENSE").read_bytes()
    licenses = {name for name in names if name.startswith("licenses/")}
    assert {re.sub(r"-[\d.]+/", "/", name) for name in licenses} == {
        "licenses/jsonpath-ng/LICENSE",
        "licenses/jsonpath_ng-_ply-lex.txt",
        "licenses/jsonpath_ng-_ply-yacc.txt",
        "licenses/urllib3/LICENSE.txt",
    }
    assert b"Redistributions in binary form" in names["licenses/jsonpath_ng-_ply-lex.txt"]


def test_every_module_is_compiled_and_ours_keep_their_sources(compiled_package: Package) -> None:
    names = set(_members(compiled_package.path))
    ours = [name for name in names if name.startswith("image_pinner/") and name.endswith(".py")]
    places = {f"{Path(name).parent}/__pycache__/{Path(name).stem}.cpython-313.pyc" for name in ours}
    assert len(places) > 50
    assert places <= names
    assert {"urllib3/poolmanager.pyc", "jsonpath_ng/ext/parser.pyc"} <= names
    assert not [name for name in names if name.startswith(("urllib3/", "jsonpath_ng/")) and name.endswith(".py")]


def test_the_key_tells_version_and_contents(compiled_package: Package) -> None:
    package = compiled_package
    data = package.path.read_bytes()
    assert package.sha256 == hashlib.sha256(data).hexdigest()
    assert package.size == len(data) < SIZE_LIMIT
    assert package.key == f"image-pinner/{__version__}/{package.sha256[:16]}.zip"


def test_the_list_of_contents_can_be_checked(checkout: Path, tmp_path: Path) -> None:
    folder = _copy(checkout, tmp_path / "copy")
    assert _build(folder, "--no-compile").returncode == 0
    package = folder / "dist" / f"image-pinner-{__version__}.zip"
    lines = (folder / "dist" / "CONTENTS.txt").read_text("utf-8").splitlines()
    assert hashlib.sha256(package.read_bytes()).hexdigest() in lines[0]
    assert lines[-1] == "not compiled"
    listed = {name: (int(size), digest) for size, digest, name in (line.split() for line in lines[2:-1])}
    assert listed == {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in _members(package).items()}
