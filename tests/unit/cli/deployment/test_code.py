"""The zip to install: one of something else, a damaged one and one that is out of date are refused."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from image_pinner import __version__
from image_pinner.cli.deployment.code import Code, built_code, built_files, code_from
from image_pinner.core.errors import ConfigurationError

ABOUT = ("image_pinner/__init__.py", '"""About."""\n\n__version__ = "4.5.6"\n')
HANDLER = ("image_pinner/lambda_macro/handler.py", "")
LOCK = "requirements/lambda.txt"
LOCKED = f"urllib3==2.8.0 \\\n    --hash=sha256:{'1' * 64}\n"


def zipped(folder: Path, *files: tuple[str, str], **manifest: Any) -> Path:
    """Write a zip and its manifest; `manifest` replaces what the manifest has."""
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files:
            archive.writestr(name, text)
    _describe(path, dict(files), {"version": "4.5.6", **manifest})
    return path


def _describe(path: Path, files: Mapping[str, str], manifest: Mapping[str, Any]) -> None:
    content = {
        "version": __version__,
        "sha256": _sha256(path.read_bytes()),
        "lock": _sha256(LOCKED.encode()),
        "compiled_by": "3.13.0",
        "libraries": [{"name": "urllib3", "version": "2.8.0", "hashes": ["1" * 64]}],
        "files": {name: _sha256(text.encode()) for name, text in files.items()},
    }
    path.with_suffix(".json").write_text(json.dumps({**content, **manifest}), "utf-8")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout after `make package`."""
    sources = {"image_pinner/__init__.py": b"about", "image_pinner/pinning.py": b"pin", "image_pinner/a.toml": b"data"}
    others = {"macro/image_pinner/cli/main.py": b"command", "macro/image_pinner/read.me": b"text"}
    own = {"LICENSE": b"license", LOCK: LOCKED.encode()}
    for name, data in {**own, **others, **{f"macro/{name}": data for name, data in sources.items()}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    packed = {**sources, "LICENSE": b"license", "image_pinner/__pycache__/pinning.pyc": b"code", "urllib3/a.py": b""}
    _pack(tmp_path, {name: data.decode() for name, data in packed.items()})
    return tmp_path


def _pack(checkout: Path, files: Mapping[str, str], **manifest: Any) -> None:
    archive = built_files(checkout)[0]
    archive.parent.mkdir(exist_ok=True)
    zipped(archive.parent, *files.items()).rename(archive)
    _describe(archive, files, manifest)


def _refusal(checkout: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        built_code(checkout)
    assert refused.value.help.startswith("run `make package`")
    return refused.value.cause


def test_a_missing_file_and_a_file_that_is_not_a_zip_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read .*missing\.zip: No such file"):
        code_from(tmp_path / "missing.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ConfigurationError, match=r"text\.zip is not a zip file"):
        code_from(tmp_path / "text.zip")


@pytest.mark.parametrize("files", [(), (ABOUT,), (HANDLER,)])
def test_a_zip_of_something_else_is_refused(tmp_path: Path, files: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ConfigurationError, match="is not a zip of the macro's function"):
        code_from(zipped(tmp_path, *files))


def test_a_zip_without_its_manifest_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, ABOUT, HANDLER)
    path.with_suffix(".json").unlink()
    with pytest.raises(ConfigurationError, match=r"cannot read .*json, the manifest of package\.zip") as refused:
        code_from(path)
    assert refused.value.help.endswith("and keep its manifest next to it")


def test_a_zip_with_a_library_that_its_manifest_does_not_have_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, ABOUT, HANDLER)
    manifest = path.with_suffix(".json").read_text("utf-8")
    other = zipped(tmp_path, ABOUT, HANDLER, ("urllib3/poolmanager.py", "other"))
    path.with_suffix(".json").write_text(manifest, "utf-8")
    with pytest.raises(ConfigurationError, match="its hash differs from its manifest"):
        code_from(other)
    about = json.loads(manifest) | {"sha256": _sha256(other.read_bytes())}
    path.with_suffix(".json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ConfigurationError, match=r"urllib3/poolmanager\.py differs from its manifest"):
        code_from(other)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_two_files_of_one_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a zip file"):
        code_from(zipped(tmp_path, HANDLER, ABOUT, HANDLER))


@pytest.mark.parametrize("which", [0, 1], ids=["zip", "manifest"])
def test_a_checkout_without_a_built_zip_is_refused(checkout: Path, which: int) -> None:
    missing = built_files(checkout)[which]
    missing.unlink()
    assert _refusal(checkout) == f"the function's zip is not built: {missing} is missing"


@pytest.mark.parametrize(
    "manifest", ["", "[]", "{}", "5", json.dumps({"version": __version__, "sha256": "", "files": {}})]
)
def test_a_manifest_of_something_else_is_refused(checkout: Path, manifest: str) -> None:
    built_files(checkout)[1].write_text(manifest, "utf-8")
    assert _refusal(checkout).endswith("its manifest is incomplete")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": "0.0.1"}, f"it is version 0.0.1, and {__version__} is installed"),
        ({"sha256": "0" * 64}, "its hash differs from its manifest"),
        ({"files": {}}, "LICENSE differs from its manifest"),
        ({"libraries": ["urllib3"]}, "its manifest is incomplete"),
    ],
    ids=str,
)
def test_a_zip_that_does_not_match_its_manifest_is_refused(
    checkout: Path, changed: dict[str, Any], reason: str
) -> None:
    manifest = built_files(checkout)[1]
    manifest.write_text(json.dumps(json.loads(manifest.read_text("utf-8")) | changed), "utf-8")
    assert _refusal(checkout).endswith(reason)


@pytest.mark.parametrize(
    "library",
    [
        {"name": "urllib3", "version": "2.9.0", "hashes": ["1" * 64]},
        {"name": "urllib3", "version": "2.8.0", "hashes": ["2" * 64]},
        {"name": "urllib4", "version": "2.8.0", "hashes": ["1" * 64]},
    ],
    ids=["version", "hash", "name"],
)
def test_a_zip_with_another_library_than_the_locks_is_refused(checkout: Path, library: dict[str, Any]) -> None:
    manifest = built_files(checkout)[1]
    manifest.write_text(json.dumps(json.loads(manifest.read_text("utf-8")) | {"libraries": [library]}), "utf-8")
    assert _refusal(checkout).endswith(f"since it was built, {LOCK} changed")


@pytest.mark.parametrize("name", ["LICENSE", LOCK, "macro/image_pinner/pinning.py", "macro/image_pinner/a.toml"])
def test_a_zip_is_out_of_date_after_a_change(checkout: Path, name: str) -> None:
    (checkout / name).write_bytes(b"changed")
    archive = built_files(checkout)[0]
    assert _refusal(checkout) == (
        f"{archive} is out of date: since it was built, {name.removeprefix('macro/')} changed"
    )


def test_a_zip_is_out_of_date_after_adding_and_removing_modules(checkout: Path) -> None:
    package = checkout / "macro" / "image_pinner"
    (package / "pinning.py").unlink()
    for name in ("b.py", "c.py", "d.py"):
        (package / name).write_bytes(b"new")
    cause = _refusal(checkout)
    assert cause.endswith("built, image_pinner/b.py, image_pinner/c.py, image_pinner/d.py and 1 more changed")


def test_a_zip_stays_up_to_date_when_only_files_change_that_it_leaves_out(checkout: Path) -> None:
    (checkout / "macro/image_pinner/cli/main.py").write_bytes(b"changed")
    (checkout / "macro/image_pinner/read.me").write_bytes(b"changed")
    data = built_files(checkout)[0].read_bytes()
    assert built_code(checkout) == Code(data, _sha256(data), __version__)


def test_the_key_has_version_and_hash(tmp_path: Path) -> None:
    path = zipped(tmp_path, ABOUT, HANDLER)
    sha256 = _sha256(path.read_bytes())
    code = code_from(path)
    assert (code.sha256, code.version, code.key) == (sha256, "4.5.6", f"image-pinner/4.5.6/{sha256[:16]}.zip")
