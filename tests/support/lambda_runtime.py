"""What a Lambda has next to the zip: its Python, and boto3 without the urllib3 that the zip brings."""

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

from build_package.compiler import VERSION, find_compiler

REGION = "eu-central-1"
_LIBRARIES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six")
# Nothing of the user's environment may change which compiled files are measured and inspected.
_ISOLATED = ("-I", "-S", "-W", "error")


def lambda_python() -> str:
    """Return the Lambda's Python, or skip the test."""
    compiler = find_compiler()
    if compiler is None:
        pytest.skip(f"needs the Python of the Lambda: CPython {VERSION} not found")
    return compiler.path


def unpack(package: Path, folder: Path) -> Path:
    """Unpack a zip, read-only as in the Lambda."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def runtime_libraries(folder: Path) -> Path:
    """Copy boto3 and its dependencies except urllib3 from this environment; all of them are pure Python."""
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
    """Run code in a new process that imports only from these folders, and return the JSON of its last line."""
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
    command = [python, *_ISOLATED, "-c", path + code]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=dict(environment), cwd=where
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def event_of(image: str) -> dict[str, Any]:
    """Return a CloudFormation event for a template with one image."""
    container = {"Name": "web", "Image": f"!PinDigest {image}"}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}
    return {
        "requestId": "r",
        "region": REGION,
        "accountId": "111122223333",
        "fragment": {"Resources": {"Task": task}},
    }
