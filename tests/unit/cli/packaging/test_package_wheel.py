"""From a wheel the package is the same as from a checkout, with the wheel's own copy of template and license."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from image_pinner import __version__
from support.project import PACKAGE, ROOT

MODULE = "image_pinner/cli/packaging/build.py"
BUILD = """
import json, pathlib, sys
from image_pinner.core.errors import ConfigurationError
from image_pinner.cli.packaging import build, project_files
try:
    package = build.build_distribution(pathlib.Path(sys.argv[1]), compiled=False)
except ConfigurationError as error:
    print(json.dumps([error.cause, error.remedy]))
else:
    checkout = project_files.checkout()
    print(json.dumps([package.sha256, project_files.template_text(), str(checkout), build.__file__]))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Lay the package down as pip does with a wheel."""
    site = tmp_path / "site-packages"
    shutil.copytree(PACKAGE, site / "image_pinner", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "deploy" / "macro.yaml", site / "image_pinner/cli/packaging/macro.yaml")
    information = site / f"image_pinner-{__version__}.dist-info"
    (information / "licenses").mkdir(parents=True)
    shutil.copyfile(ROOT / "LICENSE", information / "licenses" / "LICENSE")
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: image-pinner\nVersion: {__version__}\n", "utf-8"
    )
    return site


def _build(site: Path, output: Path) -> list[Any]:
    command = [sys.executable, "-W", "error", "-c", BUILD, str(output)]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=110, env=environment, cwd=output.parent
    )
    assert run.returncode == 0, run.stderr
    said: list[Any] = json.loads(run.stdout)
    return said


def test_a_wheel_without_its_template_says_what_to_do(installed: Path, tmp_path: Path) -> None:
    (installed / "image_pinner/cli/packaging/macro.yaml").unlink()
    cause, help = _build(installed, tmp_path / "dist")
    assert "that installs the macro is missing" in cause
    assert "pip install --force-reinstall image-pinner" in help


def test_a_wheel_without_its_license_is_refused(installed: Path, tmp_path: Path) -> None:
    shutil.rmtree(installed / f"image_pinner-{__version__}.dist-info" / "licenses")
    cause, _ = _build(installed, tmp_path / "dist")
    assert cause == "ImagePinner's license is missing"


def test_the_package_of_a_wheel_is_that_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(installed / "image_pinner", checkout / "macro" / "image_pinner")
    for name in ("LICENSE", "pyproject.toml", "requirements/lambda.txt", "deploy/macro.yaml"):
        (checkout / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, checkout / name)
    of_checkout, of_wheel = (_build(site, tmp_path / "dist") for site in (checkout / "macro", installed))
    assert of_checkout == [*of_wheel[:2], str(checkout), str(checkout / "macro" / MODULE)]
    assert of_wheel[2:] == ["None", str(installed / MODULE)]
