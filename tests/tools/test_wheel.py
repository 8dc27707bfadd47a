"""The wheel carries the zip of `make package`, and `install` uploads it; without the zip both print help."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from image_pinner import __version__
from image_pinner.cli.deployment.code import CARRIED, ZIP_NAME
from support.project import ROOT
from support.repository import MARKED, UNPINNED, require_program
from tools.checkouts import run_build

INSTALL = """
import hashlib, json
import image_pinner
from support.deployment.command import run
from support.deployment.scene import Scene
aws = Scene()
ended = run(aws, "install", "--yes")
stored = [one[1] for bucket in aws.s3.buckets.values() for versions in bucket.objects.values() for one in versions]
hashes = [hashlib.sha256(data).hexdigest() for data in stored]
print(json.dumps([ended.code, ended.err, hashes, image_pinner.__file__]))
"""


def _hatchling(project: Path, target: str, output: Path) -> tuple[Path, str]:
    """Build a wheel or source distribution with the backend of pyproject.toml, and return it with the messages."""
    run = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(output)],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        cwd=project,
    )
    assert run.returncode == 0, run.stderr
    (built,) = output.iterdir()
    return built, run.stdout + run.stderr


def _install(wheel: Path, tmp_path: Path) -> Path:
    site = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def _run_install(site: Path, tmp_path: Path) -> list[Any]:
    """Run `image-pinner install` from `site` with fakes of AWS; return its exit code, messages and uploads' hashes."""
    run = subprocess.run(
        [sys.executable, "-B", "-c", INSTALL],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT / "tests")])},
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    result: list[Any] = json.loads(run.stdout)
    assert Path(result[-1]).is_relative_to(site)
    return result[:-1]


@pytest.fixture
def built(checkout: Path) -> Path:
    assert run_build(checkout, "--no-compile").returncode == 0
    return checkout


def test_a_wheel_without_the_zip_is_built_and_its_install_prints_help(checkout: Path, tmp_path: Path) -> None:
    wheel, output = _hatchling(checkout, "wheel", tmp_path / "wheels")
    assert "warning: the wheel cannot install the macro: the function's zip is not built" in output
    assert "help: run `make package`" in output
    site = _install(wheel, tmp_path)
    assert not [path for path in CARRIED if (site / path).exists()]
    code, error, stored = _run_install(site, tmp_path)
    assert (code, stored) == (2, [])
    assert "this image-pinner was built without the function's zip" in error
    assert "pass --package FILE with a zip that `make package` built" in error


def test_a_stale_zip_stays_out_of_the_wheel(built: Path, tmp_path: Path) -> None:
    with (built / "macro" / "image_pinner" / "pinning.py").open("a", encoding="utf-8") as module:
        module.write("# changed\n")
    wheel, output = _hatchling(built, "wheel", tmp_path / "wheels")
    assert "is out of date: since it was built, image_pinner/pinning.py changed" in output
    with zipfile.ZipFile(wheel) as archive:
        assert not set(CARRIED) & set(archive.namelist())


def test_a_damaged_zip_of_a_wheel_is_refused(built: Path, tmp_path: Path) -> None:
    site = _install(_hatchling(built, "wheel", tmp_path / "wheels")[0], tmp_path)
    with (site / CARRIED[0]).open("ab") as archive:
        archive.write(b"\0")
    code, error, stored = _run_install(site, tmp_path)
    assert (code, stored) == (2, [])
    assert "the function's zip is damaged" in error


def test_a_wheel_without_its_template_is_refused(built: Path, tmp_path: Path) -> None:
    site = _install(_hatchling(built, "wheel", tmp_path / "wheels")[0], tmp_path)
    (site / CARRIED[0]).with_name("macro.yaml").unlink()
    code, error, stored = _run_install(site, tmp_path)
    assert (code, stored) == (2, [])
    assert "macro.yaml is missing" in error
    assert "pip install --force-reinstall image-pinner" in error


def test_the_wheel_carries_the_zip_of_make_package_and_installs_it(built: Path, tmp_path: Path) -> None:
    wheel, output = _hatchling(built, "wheel", tmp_path / "wheels")
    assert "warning" not in output
    archive = (built / "dist" / ZIP_NAME).read_bytes()
    site = _install(wheel, tmp_path)
    assert (site / CARRIED[0]).read_bytes() == archive
    assert (site / CARRIED[1]).read_bytes() == (built / "dist" / ZIP_NAME).with_suffix(".json").read_bytes()
    code, error, stored = _run_install(site, tmp_path)
    assert code == 0, error
    assert stored == [hashlib.sha256(archive).hexdigest()]


def test_a_wheel_of_the_source_distribution_carries_it_too(built: Path, tmp_path: Path) -> None:
    source, _ = _hatchling(built, "sdist", tmp_path / "sources")
    run = subprocess.run(["tar", "-xzf", str(source), "-C", str(tmp_path)], check=False, timeout=60)
    assert run.returncode == 0
    wheel, output = _hatchling(tmp_path / source.name.removesuffix(".tar.gz"), "wheel", tmp_path / "wheels")
    assert "warning" not in output
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(CARRIED[0]) == (built / "dist" / ZIP_NAME).read_bytes()


def test_install_in_a_checkout_uploads_the_zip_of_make_package(built: Path, tmp_path: Path) -> None:
    code, error, stored = _run_install(built / "macro", tmp_path)
    assert code == 0, error
    assert stored == [hashlib.sha256((built / "dist" / ZIP_NAME).read_bytes()).hexdigest()]


def test_install_in_a_checkout_builds_a_zip_that_is_out_of_date(built: Path, tmp_path: Path) -> None:
    before = (built / "dist" / ZIP_NAME).read_bytes()
    with (built / "macro" / "image_pinner" / "pinning.py").open("a", encoding="utf-8") as module:
        module.write("# changed\n")
    code, error, stored = _run_install(built / "macro", tmp_path)
    assert code == 0, error
    after = (built / "dist" / ZIP_NAME).read_bytes()
    assert after != before
    assert stored == [hashlib.sha256(after).hexdigest()]


def test_install_in_a_checkout_without_the_python_of_the_function_builds_without_compiled_files(
    checkout: Path, tmp_path: Path
) -> None:
    compiler = checkout / "tools" / "build_package" / "compiler.py"
    compiler.write_text(compiler.read_text("utf-8").replace('VERSION = "3.13"', 'VERSION = "3.99"', 1), "utf-8")
    code, error, stored = _run_install(checkout / "macro", tmp_path)
    assert code == 0, error
    assert "warning: the package has no compiled files" in error
    assert stored == [hashlib.sha256((checkout / "dist" / ZIP_NAME).read_bytes()).hexdigest()]


def test_install_in_a_checkout_reports_why_the_zip_cannot_be_built(checkout: Path, tmp_path: Path) -> None:
    (checkout / "requirements" / "lambda.txt").unlink()
    code, error, stored = _run_install(checkout / "macro", tmp_path)
    assert (code, stored) == (2, [])
    assert f"cannot build the function's zip in {checkout}: cannot build the zip: requirements/lambda.txt" in error
    assert "help: restore it, or run `make lock`" in error


def test_the_wheel_runs_in_a_fresh_environment(built: Path, tmp_path: Path) -> None:
    wheel, _ = _hatchling(built, "wheel", tmp_path / "wheels")
    site, programs = _environment(tmp_path / "environment")
    _run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(programs / "python"),
        "install",
        "--no-index",
        "--no-deps",
        str(wheel),
    )
    # The dependencies that the wheel declares are those of this environment, in versions that it accepts.
    checked = _run(sys.executable, "-m", "pip", "--python", str(programs / "python"), "check")
    assert "No broken requirements found" in checked
    command = str(programs / "image-pinner")
    assert _run(command, "--version") == f"image-pinner, version {__version__}\n"
    template = tmp_path / "web.yaml"
    template.write_text(UNPINNED, "utf-8")
    assert "nginx:1.27" in _run(command, "check", str(template), code=1)
    template.write_text(MARKED, "utf-8")
    _run(command, "check", str(template))
    assert "image-pinner.source" in _run(command, "demo")
    assert site.joinpath("image_pinner", "py.typed").is_file()
    assert site.joinpath("image_pinner", "__init__.pyi").is_file()


def test_twine_accepts_the_wheel_and_the_source_distribution(checkout: Path, tmp_path: Path) -> None:
    built = [_hatchling(checkout, target, tmp_path / target)[0] for target in ("wheel", "sdist")]
    output = _run(require_program("twine"), "--no-color", "check", "--strict", *map(str, built))
    assert output.count("PASSED") == len(built)


def _environment(folder: Path) -> tuple[Path, Path]:
    """Create an environment that also has the libraries of this one; return its libraries and its programs."""
    venv.EnvBuilder(symlinks=True).create(folder)
    (site,) = folder.glob("lib/python3*/site-packages")
    libraries = sysconfig.get_path("purelib")
    site.joinpath("libraries.pth").write_text(f"{libraries}\n", "utf-8")
    return site, folder / "bin"


def _run(*command: str, code: int = 0) -> str:
    environment = {"PATH": os.defpath, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110, env=environment)
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout
