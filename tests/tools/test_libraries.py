"""Libraries go into the zip as they were published and in the version of the lock, or the build fails."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from build_package.libraries import CONTENTS, LIBRARIES, collect_libraries, hash_files, wheel_files
from image_pinner.core.errors import ConfigurationError
from support.project import ROOT

LOCKED = {"jsonpath-ng": "1.16.0", "urllib3": "2.8.0"}
HASHES = ("0" * 64, "1" * 64)
LOCK = "".join(
    f"{name}=={version}{marker} \\\n    --hash=sha256:{HASHES[0]} \\\n    --hash=sha256:{HASHES[1]}\n"
    for name, version, marker in (
        ("boto3", "1.44.5", ""),
        ("jsonpath-ng", "1.16.0", ""),
        ("six", "1.17.0", " ; python_version < '4'"),
        ("urllib3", "2.8.0", " ; python_version >= '3.11'"),
    )
)
UNKNOWN_CONTENTS = "".join(f"{name}=={version} sha256:{'0' * 64}\n" for name, version in LOCKED.items())
FILES = {
    "{module}/__init__.py": "VALUE = 1\n",
    "{module}/py.typed": "",
    "{module}-{version}.dist-info/licenses/LICENSE": "Do what you want.\n",
    "{module}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
    "{module}-{version}.dist-info/METADATA": "Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n",
}


def _hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _install(folder: Path, name: str, version: str, more: dict[str, str] | None = None) -> Path:
    """Install a distribution as pip does."""
    words = {"name": name, "module": name.replace("-", "_"), "version": version}
    record = ["../../../bin/program,,"]
    for template, text in (FILES | (more or {})).items():
        path = template.format(**words)
        data = text.format(**words).encode()
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        record.append(f"{path},{_hash(data)},{len(data)}")
    information = folder / f"{words['module']}-{version}.dist-info"
    (information / "RECORD").write_text("\n".join([*record, f"{information.name}/RECORD,,"]) + "\n", "utf-8")
    return information


def _in(folder: Path) -> Callable[[str], metadata.Distribution]:
    def find(name: str) -> metadata.Distribution:
        for found in metadata.distributions(name=name, path=[str(folder)]):
            return found
        raise metadata.PackageNotFoundError(name)

    return find


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    for name, version in LOCKED.items():
        _install(tmp_path, name, version)
    return tmp_path


def _contents(folder: Path) -> str:
    """Return what `make lock` writes if the wheels have the files that are installed."""
    lines = []
    for name, version in LOCKED.items():
        record = folder / f"{name.replace('-', '_')}-{version}.dist-info" / "RECORD"
        with zipfile.ZipFile(io.BytesIO(), "w") as wheel:
            for path in (line.split(",")[0] for line in record.read_text("utf-8").splitlines()[1:]):
                wheel.writestr(path, (folder / path).read_bytes())
            lines.append(f"{name}=={version} sha256:{hash_files(wheel_files(name, version, wheel))}\n")
    return "".join(lines)


def _refusal(folder: Path, lock: str = LOCK, contents: str = UNKNOWN_CONTENTS) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        collect_libraries(lock, contents, _in(folder))
    return refused.value


def test_a_library_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    refused = _refusal(tmp_path)
    assert refused.cause == "cannot build the zip: jsonpath-ng 1.16.0 is not installed"
    assert "'jsonpath-ng==1.16.0'" in refused.help


def test_another_version_than_the_locks_is_refused(tmp_path: Path) -> None:
    _install(tmp_path, "jsonpath-ng", "1.16.0")
    _install(tmp_path, "urllib3", "2.9.0")
    refused = _refusal(tmp_path)
    assert refused.cause == "cannot build the zip: the lock has urllib3 2.8.0, but 2.9.0 is installed"
    assert "'urllib3==2.8.0'" in refused.help


def test_a_changed_module_is_refused(installed: Path) -> None:
    (installed / "urllib3" / "__init__.py").write_text("VALUE = 2\n", "utf-8")
    refused = _refusal(installed)
    assert refused.cause == "cannot build the zip: urllib3/__init__.py of urllib3 2.8.0 differs from the published file"
    assert "--force-reinstall" in refused.help


@pytest.mark.parametrize("path", ["urllib3/__init__.py", "urllib3-2.8.0.dist-info/licenses/LICENSE"])
def test_a_changed_file_with_its_record_is_refused(installed: Path, path: str) -> None:
    # A wheel of the same version that others built, or a patch of an installed one.
    contents = _contents(installed)
    record = installed / "urllib3-2.8.0.dist-info" / "RECORD"
    before = _hash((installed / path).read_bytes())
    (installed / path).write_text("VALUE = 2\n", "utf-8")
    record.write_text(record.read_text("utf-8").replace(before, _hash(b"VALUE = 2\n")), "utf-8")

    refused = _refusal(installed, contents=contents)

    assert refused.cause == "cannot build the zip: the files of urllib3 2.8.0 are not those of the locked wheel"
    assert "--force-reinstall" in refused.help


def test_an_additional_module_with_its_record_is_refused(installed: Path) -> None:
    contents = _contents(installed)
    _install(installed, "urllib3", "2.8.0", {"urllib3/more.py": "VALUE = 1\n"})
    assert "are not those of the locked wheel" in _refusal(installed, contents=contents).cause


def test_a_library_without_a_hash_of_its_files_is_refused(installed: Path) -> None:
    refused = _refusal(installed, contents=_contents(installed).replace("urllib3==2.8.0", "urllib3==2.7.0"))
    assert refused.cause == "cannot build the zip: requirements/lambda-contents.txt has no hash of urllib3 2.8.0"
    assert refused.help == "run `make lock`"


def test_a_missing_module_is_refused(installed: Path) -> None:
    (installed / "jsonpath_ng" / "__init__.py").unlink()
    assert "cannot be read" in _refusal(installed).cause


def test_a_module_without_a_recorded_hash_is_refused(installed: Path) -> None:
    record = installed / "urllib3-2.8.0.dist-info" / "RECORD"
    lines = record.read_text("utf-8").splitlines()
    record.write_text("\n".join("urllib3/__init__.py,," if "__init__" in line else line for line in lines), "utf-8")
    assert "differs from the published file" in _refusal(installed).cause


def test_a_library_for_this_kind_of_machine_only_is_refused(tmp_path: Path) -> None:
    _install(tmp_path, "jsonpath-ng", "1.16.0", {"{module}-{version}.dist-info/WHEEL": "Root-Is-Purelib: false\n"})
    assert "is not installed from a wheel that fits all machines" in _refusal(tmp_path).cause


@pytest.mark.parametrize("lost", ["RECORD", "WHEEL"])
def test_a_library_without_a_record_of_its_files_is_refused(installed: Path, lost: str) -> None:
    (installed / "urllib3-2.8.0.dist-info" / lost).unlink()
    assert "urllib3 2.8.0" in _refusal(installed).cause


@pytest.mark.parametrize(
    "lock",
    ["", LOCK.replace("urllib3==", "urllib4=="), LOCK[: LOCK.index("urllib3")] + "urllib3==2.8.0\n"],
    ids=["empty", "without urllib3", "without hashes of urllib3"],
)
def test_a_library_that_is_not_locked_with_hashes_is_refused(installed: Path, lock: str) -> None:
    assert "cannot build the zip: the lock has no" in _refusal(installed, lock).cause


def test_versions_and_hashes_are_those_of_the_lock(installed: Path) -> None:
    collected = collect_libraries(LOCK, _contents(installed), _in(installed))
    assert [(one.name, one.version, one.hashes) for one in collected] == [
        (name, version, HASHES) for name, version in LOCKED.items()
    ]


def test_only_modules_and_licenses_are_packed(tmp_path: Path) -> None:
    _install(tmp_path, "jsonpath-ng", "1.16.0", {"jsonpath_ng/bin/jsonpath.py": "", "jsonpath_ng/__main__.py": ""})
    _install(tmp_path, "urllib3", "2.8.0", {"urllib3/contrib/emscripten/fetch.py": "", "urllib3/util/url.py": ""})
    (tmp_path / "urllib3" / "stray.py").write_text("raise SystemExit\n", "utf-8")
    assert sorted(
        path for library in collect_libraries(LOCK, _contents(tmp_path), _in(tmp_path)) for path in library.files
    ) == [
        "jsonpath_ng/__init__.py",
        "licenses/jsonpath-ng-1.16.0/LICENSE",
        "licenses/urllib3-2.8.0/LICENSE",
        "urllib3/__init__.py",
        "urllib3/util/url.py",
    ]


def test_the_installed_libraries_are_those_of_the_projects_lock() -> None:
    lock, contents = ((ROOT / path).read_text("utf-8") for path in ("requirements/lambda.txt", CONTENTS))
    assert [library.name for library in collect_libraries(lock, contents)] == list(LIBRARIES)
