"""The zip: the same bytes for the same commit, only what the Lambda loads, and under a megabyte."""

from __future__ import annotations

import hashlib
import json
import random
import re
import zipfile
from pathlib import Path

import grimp
import pytest

from build_package.build import SIZE_LIMIT, Package, build, zip_files
from build_package.compiler import VERSION
from image_pinner import __version__
from image_pinner.cli.deployment.code import LEFT_OUT, ZIP_NAME
from image_pinner.core.errors import ConfigurationError
from support.lambda_runtime import lambda_python
from support.project import ROOT
from tools.checkouts import copy_checkout, run_build

HANDLER = "image_pinner.lambda_macro.handler"
# The tests may run on a CPython 3.13 themselves.
UNKNOWN_PYTHON = ("-c", "import runpy, sys; sys.executable = ''; runpy.run_path(sys.argv.pop(1), run_name='__main__')")


def _members(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def test_a_zip_over_the_limit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"too large: 1,049,\d+ bytes, and it must stay under 1,048,576"):
        zip_files({"noise.py": random.Random(1).randbytes(SIZE_LIMIT)})


def test_an_output_folder_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(ConfigurationError, match=rf"cannot write {tmp_path}/file/dist/"):
        build(tmp_path / "file" / "dist", root=ROOT, compiled=False)


def test_a_failed_write_leaves_the_earlier_zip_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / ZIP_NAME).mkdir()
    with pytest.raises(ConfigurationError, match="cannot write"):
        build(tmp_path, root=ROOT, compiled=False)
    assert [path.name for path in tmp_path.iterdir()] == [ZIP_NAME]


def test_another_library_version_than_the_locks_is_refused(checkout: Path) -> None:
    lock = checkout / "requirements" / "lambda.txt"
    lock.write_text(re.sub(r"urllib3==\S+", "urllib3==2.2.0", lock.read_text("utf-8")), "utf-8")
    run = run_build(checkout, "--no-compile")
    assert run.returncode == 2
    assert re.fullmatch(
        r"error: cannot build the zip: the lock has urllib3 2\.2\.0, but [\d.]+ is installed\n"
        r"help: install the published wheel: pip install --force-reinstall --no-deps 'urllib3==2\.2\.0'\n",
        run.stderr,
    )
    assert not (checkout / "dist").exists()


@pytest.mark.parametrize("name", ["requirements/lambda.txt", "LICENSE"])
def test_a_checkout_without_lock_or_license_is_refused(checkout: Path, name: str) -> None:
    (checkout / name).unlink()
    run = run_build(checkout, "--no-compile")
    assert (run.returncode, run.stdout) == (2, "")
    assert name in run.stderr
    assert "help: restore it" in run.stderr
    assert not (checkout / "dist").exists()


def test_a_chosen_python_of_another_version_is_refused(checkout: Path) -> None:
    run = run_build(checkout, "--python", "no-such-python")
    assert run.returncode == 2
    assert "CPython 3.13 is needed, and no-such-python does not run\nhelp: Pass a CPython 3.13 by" in run.stderr
    assert not (checkout / "dist").exists()


def test_builds_of_the_same_commit_are_identical(checkout: Path, tmp_path: Path) -> None:
    other = copy_checkout(tmp_path / "another folder" / "ünderneath")
    python = lambda_python()
    runs = [
        run_build(checkout, "--python", python, umask=0o022, TZ="UTC", LC_ALL="C.UTF-8", PYTHONHASHSEED="1"),
        run_build(
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
    written = [{path.name: path.read_bytes() for path in (one / "dist").iterdir()} for one in (checkout, other)]
    assert set(written[0]) == {ZIP_NAME, f"image-pinner-{__version__}.json"}
    assert written[0] == written[1]


def test_without_cpython_3_13_the_build_succeeds_and_warns(checkout: Path, tmp_path: Path) -> None:
    run = run_build(checkout, start=UNKNOWN_PYTHON, PATH=str(tmp_path), HOME=str(tmp_path), PYENV_ROOT=str(tmp_path))
    assert run.returncode == 0, run.stderr
    assert run.stderr.startswith(
        f"warning: CPython {VERSION} not found, so the zip has no compiled files: a cold start takes about 0.7 s"
        f" instead of 0.3 s\nhelp: install it (uv python install {VERSION}, "
    )
    names = _members(checkout / "dist" / ZIP_NAME)
    assert not [name for name in names if name.endswith(".pyc")]
    assert "urllib3/poolmanager.py" in names


def test_no_compile_warns_too(checkout: Path) -> None:
    run = run_build(checkout, "--no-compile")
    assert run.returncode == 0
    assert run.stderr == ("warning: the zip has no compiled files: a cold start takes about 0.7 s instead of 0.3 s\n")
    assert not [name for name in _members(checkout / "dist" / ZIP_NAME) if name.endswith(".pyc")]


def test_entries_have_one_date_and_mode_and_are_sorted(sources_package: Package) -> None:
    with zipfile.ZipFile(sources_package.path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted({entry.filename for entry in entries})
    assert {(entry.date_time, entry.external_attr >> 16, entry.create_system) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, 3)
    }


def test_the_zip_has_what_the_handler_imports_and_no_module_of_the_command(sources_package: Package) -> None:
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
    assert handlers <= needed, f"The Lambda loads none of these: add them to {LEFT_OUT=}"
    assert "image_pinner/core/template/image_locations.toml" in names
    assert not [name for name in names if name.startswith(("boto", *LEFT_OUT))]


def test_the_zip_has_all_licenses_and_the_notices_of_modules_without_sources(compiled_package: Package) -> None:
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
    compiled = {f"{Path(name).parent}/__pycache__/{Path(name).stem}.cpython-313.pyc" for name in ours}
    assert len(compiled) > 50
    assert compiled <= names
    assert {"urllib3/poolmanager.pyc", "jsonpath_ng/ext/parser.pyc"} <= names
    assert not [name for name in names if name.startswith(("urllib3/", "jsonpath_ng/")) and name.endswith(".py")]


def test_the_manifest_describes_the_zip(compiled_package: Package) -> None:
    data = compiled_package.path.read_bytes()
    assert compiled_package.sha256 == hashlib.sha256(data).hexdigest()
    assert compiled_package.size == len(data) < SIZE_LIMIT
    manifest = json.loads(compiled_package.path.with_suffix(".json").read_text("utf-8"))
    lock = (ROOT / "requirements" / "lambda.txt").read_text("utf-8")
    assert manifest["version"] == __version__
    assert manifest["sha256"] == compiled_package.sha256
    assert manifest["compiled_by"] == compiled_package.compiled_by
    assert str(manifest["compiled_by"]).startswith(f"{VERSION}.")
    assert manifest["lock"] == hashlib.sha256(lock.encode()).hexdigest()
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in _members(compiled_package.path).items()
    }
    assert [library["name"] for library in manifest["libraries"]] == ["jsonpath-ng", "urllib3"]
    for library in manifest["libraries"]:
        hashes = " \\\n".join(f"    --hash=sha256:{digest}" for digest in library["hashes"])
        assert f"{library['name']}=={library['version']} \\\n{hashes}\n" in lock


def test_the_manifest_states_that_a_zip_has_no_compiled_files(sources_package: Package) -> None:
    assert json.loads(sources_package.path.with_suffix(".json").read_text("utf-8"))["compiled_by"] is None


def test_the_template_runs_the_python_that_the_zip_is_compiled_for() -> None:
    assert f"Runtime: python{VERSION}\n" in (ROOT / "deploy" / "macro.yaml").read_text("utf-8")
