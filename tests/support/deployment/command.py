"""Runs of the deployment subcommands, in this process and with a fake AWS account."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner

from image_pinner import __version__
from image_pinner.cli.console import Dependencies
from image_pinner.cli.main import main
from support.command import Run
from support.deployment.scene import REGION, Scene


def package(folder: Path, version: str = __version__) -> str:
    """Write a zip that looks like the package, and its manifest."""
    path = folder / "package.zip"
    files = {"image_pinner/__init__.py": f'__version__ = "{version}"\n', "image_pinner/lambda_macro/handler.py": ""}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = {"version": version, "sha256": sha256, "lock": "", "libraries": [], "files": hashes}
    manifest["compiled_by"] = "3.13.0"
    path.with_suffix(".json").write_text(json.dumps(manifest), "utf-8")
    return str(path)


def run(aws: Scene | None, *arguments: str, region: str = REGION, env: Mapping[str, str] | None = None) -> Run:
    """Run a subcommand; without a fake account it would call AWS itself."""
    environment = aws.environment(region) if aws else None
    code = -1
    own = {name: None for name in os.environ if name.startswith(("IMAGE_PINNER_", "NO_COLOR"))}
    with CliRunner().isolation(b"", env={**own, **(env or {})}) as (out, err, _):
        try:
            main(list(arguments), dependencies=Dependencies(aws=environment))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
        return Run(code, out.getvalue(), err.getvalue().decode())
