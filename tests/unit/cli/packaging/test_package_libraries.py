"""Libraries go into the zip as they were published and in the version of the lock, or nothing is built."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from image_pinner.cli.packaging.libraries import LIBRARIES, library_files
from image_pinner.cli.packaging.project_files import locked_versions
from image_pinner.core.errors import ConfigurationError

LOCKED = {"jsonpath-ng": "1.16.0", "urllib3": "2.8.0"}
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
    """Lay a distribution down as pip does."""
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


def _refusal(folder: Path, locked: dict[str, str] = LOCKED) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        list(library_files(locked, _in(folder)))
    return refused.value


def test_a_library_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    refused = _refusal(tmp_path)
    assert refused.cause == "The zip needs jsonpath-ng, which is not installed here"
    assert "'jsonpath-ng==1.16.0'" in refused.help


def test_another_version_than_the_locks_is_refused(tmp_path: Path) -> None:
    _install(tmp_path, "jsonpath-ng", "1.16.0")
    _install(tmp_path, "urllib3", "2.9.0")
    refused = _refusal(tmp_path)
    assert refused.cause == "The zip needs urllib3 2.8.0, the version of the lock, and 2.9.0 is installed here"
    assert "'urllib3==2.8.0'" in refused.help


def test_a_changed_module_is_refused(installed: Path) -> None:
    (installed / "urllib3" / "__init__.py").write_text("VALUE = 2\n", "utf-8")
    refused = _refusal(installed)
    assert refused.cause == "urllib3/__init__.py of urllib3 2.8.0 is not the file that was published"
    assert "--force-reinstall" in refused.help


def test_a_missing_module_is_refused(installed: Path) -> None:
    (installed / "jsonpath_ng" / "__init__.py").unlink()
    assert "cannot be read" in _refusal(installed).cause


def test_a_module_that_was_recorded_without_a_hash_is_refused(installed: Path) -> None:
    record = installed / "urllib3-2.8.0.dist-info" / "RECORD"
    lines = record.read_text("utf-8").splitlines()
    record.write_text("\n".join("urllib3/__init__.py,," if "__init__" in line else line for line in lines), "utf-8")
    assert "is not the file that was published" in _refusal(installed).cause


def test_a_library_with_parts_for_this_machine_alone_is_refused(tmp_path: Path) -> None:
    _install(tmp_path, "jsonpath-ng", "1.16.0", {"{module}-{version}.dist-info/WHEEL": "Root-Is-Purelib: false\n"})
    assert "run on this kind of machine only" in _refusal(tmp_path).cause


@pytest.mark.parametrize("lost", ["RECORD", "WHEEL"])
def test_a_library_without_its_list_of_files_is_refused(installed: Path, lost: str) -> None:
    (installed / "urllib3-2.8.0.dist-info" / lost).unlink()
    assert "urllib3 2.8.0" in _refusal(installed).cause


def test_without_a_lock_any_version_is_taken(tmp_path: Path) -> None:
    for name in LIBRARIES:
        _install(tmp_path, name, "2.9.9")
    assert {file.path for file in library_files({}, _in(tmp_path))} >= {"urllib3/__init__.py"}


def test_modules_and_licenses_are_taken_and_nothing_else(tmp_path: Path) -> None:
    _install(tmp_path, "jsonpath-ng", "1.16.0", {"jsonpath_ng/bin/jsonpath.py": "", "jsonpath_ng/__main__.py": ""})
    _install(tmp_path, "urllib3", "2.8.0", {"urllib3/contrib/emscripten/fetch.py": "", "urllib3/contrib/socks.py": ""})
    (tmp_path / "urllib3" / "stray.py").write_text("raise SystemExit\n", "utf-8")
    assert sorted(file.path for file in library_files(LOCKED, _in(tmp_path))) == [
        "jsonpath_ng/__init__.py",
        "licenses/jsonpath-ng-1.16.0/LICENSE",
        "licenses/urllib3-2.8.0/LICENSE",
        "urllib3/__init__.py",
        "urllib3/contrib/socks.py",
    ]


def test_the_lock_names_a_version_of_each_library() -> None:
    assert set(LIBRARIES) <= set(locked_versions())
