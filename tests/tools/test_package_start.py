"""The handler runs from the zip with only the Python and boto3 of the runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from build_package.build import Package
from image_pinner.cli.demo.embedded_aws import ACCOUNT, embedded_aws
from support.lambda_runtime import REGION, event_of, lambda_python, run, runtime_libraries, unpack

HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
ANSWER = """
import json
from image_pinner.lambda_macro import handler as lambda_macro
answer = lambda_macro.handler({event!r}, None)
files = {{name: getattr(module, "__file__", None) for name, module in sys.modules.items()}}
print(json.dumps([answer, files]))
"""
NAMES = """
import json, marshal, pathlib
folder = pathlib.Path({folder!r})
found = []
for path in folder.rglob("*.pyc"):
    data = path.read_bytes()
    code = marshal.loads(data[16:])
    found.append([str(path.relative_to(folder)), code.co_filename, int.from_bytes(data[4:8], "little")])
print(json.dumps(found))
"""


def _pin(folder: Path, runtime: Path, where: Path) -> dict[str, Path]:
    """Pin an image with the handler in a folder, and return the files of the modules that it loaded."""
    with embedded_aws() as aws:
        digest = aws.push("web", "1", "build", ("linux/amd64", "linux/arm64"))
        code = ANSWER.format(event=event_of(f"{HOST}/web:1"))
        answer, files = run(lambda_python(), (folder, runtime), code, aws.environment, where)
    assert answer["status"] == "success", answer
    container = answer["fragment"]["Resources"]["Task"]["Properties"]["ContainerDefinitions"][0]
    assert container["Image"] == f"{HOST}/web@{digest}"
    return {name: Path(file) for name, file in files.items() if file}


@pytest.mark.parametrize("form", ["compiled_package", "sources_package"])
def test_the_handler_needs_only_the_zip_and_boto3(
    form: str, request: pytest.FixtureRequest, tmp_path: Path, runtime: Path
) -> None:
    package: Package = request.getfixturevalue(form)
    folder = unpack(package.path, tmp_path / "task")
    files = _pin(folder, runtime, tmp_path)
    brought = ("image_pinner", "jsonpath_ng", "urllib3")
    ours = {name: file for name, file in files.items() if name.split(".")[0] in brought}
    # jsonpath-ng is loaded only for expressions that our own parser does not read.
    assert {name.split(".")[0] for name in ours} == {"image_pinner", "urllib3"}
    assert [file for file in ours.values() if not file.is_relative_to(folder)] == []
    standard = set(run(lambda_python(), (), "import json; print(json.dumps([*sys.stdlib_module_names]))", {}, tmp_path))
    others = {name: file for name, file in files.items() if name.split(".")[0] not in standard | set(brought)}
    assert {name.split(".")[0] for name in others} >= {"boto3", "botocore"}
    assert [file for file in others.values() if not file.is_relative_to(runtime)] == []


def test_the_handler_writes_nothing_to_its_folder(compiled_package: Package, tmp_path: Path, runtime: Path) -> None:
    """The folder is read-only in the Lambda; here root could write to it, and the test would see the file."""
    folder = unpack(compiled_package.path, tmp_path / "task")
    before = sorted(folder.rglob("*"))
    _pin(folder, runtime, tmp_path)
    assert sorted(folder.rglob("*")) == before


def test_compiled_files_are_loaded_without_reading_the_sources(
    compiled_package: Package, tmp_path: Path, runtime: Path
) -> None:
    folder = unpack(compiled_package.path, tmp_path / "task")
    for source in folder.rglob("*.py"):
        source.chmod(0o644)
        source.write_text("raise SystemExit('a source was compiled')\n", "utf-8")
    _pin(folder, runtime, tmp_path)


def test_compiled_files_have_the_path_in_the_lambda_and_are_not_checked_against_sources(
    compiled_package: Package, tmp_path: Path
) -> None:
    folder = unpack(compiled_package.path, tmp_path / "task")
    found = run(lambda_python(), (), NAMES.format(folder=str(folder)), {}, tmp_path)
    assert len(found) > 100
    for path, name, flags in found:
        source = path.replace("__pycache__/", "").replace(".cpython-313", "").removesuffix("c")
        assert (name, flags) == (f"/var/task/{source}", 0b01)


def test_the_runtime_of_these_tests_has_no_urllib3(tmp_path: Path) -> None:
    assert not (runtime_libraries(tmp_path / "libraries") / "urllib3").exists()
