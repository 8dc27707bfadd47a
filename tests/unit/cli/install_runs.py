"""Runs of the verbs about installing, in this process and with an account of fakes."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner

from image_pinner import __version__
from image_pinner.cli.dependencies import Dependencies
from image_pinner.cli.installing import Outside
from image_pinner.cli.main import main
from support.command import Run
from unit.cli.deployment.installations import REGION, Scene


def package(folder: Path, version: str = __version__) -> str:
    """Write a zip that looks like the package."""
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image_pinner/__init__.py", f'__version__ = "{version}"\n')
        archive.writestr("image_pinner/lambda_macro/handler.py", "")
    return str(path)


def run(aws: Scene | None, *arguments: str, region: str = REGION, env: Mapping[str, str] | None = None) -> Run:
    """Run a verb; without an account it is AWS itself that would be asked."""
    outside = Outside(aws, region, aws.now, aws.sleep) if aws else None
    code = -1
    own = {name: None for name in os.environ if name.startswith(("IMAGE_PINNER_", "NO_COLOR"))}
    with CliRunner().isolation(b"", env={**own, **(env or {})}) as (out, err, _):
        try:
            main(list(arguments), dependencies=Dependencies(aws=outside))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
        return Run(code, out.getvalue(), err.getvalue().decode())
