"""The Lambda runtime next to the zip: its Python, and boto3 without urllib3, which the zip contains."""

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
# The tests measure and list compiled modules, so none of the user's may be there.
_ISOLATED = ("-I", "-S", "-W", "error")


def lambda_python() -> str:
    """Return the path of the Lambda's Python; skip the test if it is not installed."""
    try:
        return find_python().path
    except ConfigurationError as error:
        pytest.skip(f"needs the Python of the Lambda: {error.cause}")


def unpack(package: Path, folder: Path) -> Path:
    """Unpack a zip into a read-only folder, as in the Lambda."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def runtime_libraries(folder: Path) -> Path:
    """Copy boto3 and its pure-Python dependencies, except urllib3, from this environment."""
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
    """Run code in a new process that imports from these folders only, and return the JSON on its last line."""
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
    command = [python, *_ISOLATED, "-c", path + code]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=dict(environment), cwd=where
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def event_of(image: str) -> dict[str, Any]:
    """Return the CloudFormation event for a template with one image."""
    container = {"Name": "web", "Image": f"!PinDigest {image}"}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}
    return {
        "requestId": "r",
        "region": REGION,
        "accountId": "111122223333",
        "fragment": {"Resources": {"Task": task}},
    }
