"""What a Lambda has beside the zip: its Python, and boto3 without the urllib3 that the zip brings."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.packaging.lambda_python import find_python
from image_pinner.core.errors import ConfigurationError

REGION = "eu-central-1"
_LIBRARIES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six")
# The compiled files that a module has are part of what is measured and looked at, so nothing of the user's is there.
_ISOLATED = ("-I", "-S", "-W", "error")


def lambda_python() -> str:
    """Return the Lambda's Python, or skip the test that asks."""
    try:
        return find_python().path
    except ConfigurationError as error:
        pytest.skip(f"needs the Python of the Lambda: {error.cause}")


def unpack(package: Path, folder: Path) -> Path:
    """Unpack a zip, and let nobody write to it, as in the Lambda."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def runtime_libraries(folder: Path) -> Path:
    """Copy boto3 and what it needs, urllib3 excepted, out of this environment; all of it is Python."""
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        if origin.name != "__init__.py":
            folder.mkdir(exist_ok=True)
            shutil.copy(origin, folder)
        else:
            shutil.copytree(origin.parent, folder / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
            if (origin.parent / "data").is_dir():
                (folder / name / "data").symlink_to(origin.parent / "data")
    return folder


def run(python: str, folders: tuple[Path, ...], code: str, environment: Mapping[str, str], where: Path) -> Any:
    """Run code in a fresh process that imports from these folders alone, and give the JSON of its last line."""
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
    command = [python, *_ISOLATED, "-c", path + code]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=dict(environment), cwd=where
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def event_of(image: str) -> dict[str, Any]:
    """Return an event of CloudFormation for a template with one image."""
    container = {"Name": "web", "Image": f"!PinDigest {image}"}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}
    return {
        "requestId": "r",
        "region": REGION,
        "accountId": "111122223333",
        "fragment": {"Resources": {"Task": task}},
    }
