"""Invalid input is reported with a cause and a help, and no file is changed."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any, Self

import pytest

from support.command import image_pinner
from unit.cli.cli_templates import MARKED, saved, state

BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
DEEP = 'Resources: {A: {Type: X, Properties: {P: %s"x"%s}}}'
BAD: dict[str, tuple[str | bytes, str]] = {
    "invalid YAML": ("Resources: [\n", "template.yaml:2:1: invalid YAML"),
    "tabs": ("Resources:\n\tA: 1\n", "tabs"),
    "invalid JSON": ('{"Resources": {"A": ]}}', "template.yaml:1:21: invalid JSON"),
    "JSON with a comment": ('{\n  // why\n  "Resources": {}}', "template.yaml:2:3: invalid JSON: it has no comments"),
    "JSON after a comment": ('/* why */\n{"Resources": {}}', "template.yaml:1:1: invalid JSON: it has no comments"),
    "JSON with a comment after a value": (
        '{"A": 1, // why\n"Resources": {}}',
        ":1:10: invalid JSON: it has no comments",
    ),
    "two documents": (MARKED + "---\n" + MARKED, "template.yaml:12:1: a second YAML document"),
    "duplicate keys": (MARKED + "Resources: {}\n", "duplicate key 'Resources'"),
    "duplicate keys in JSON": ('{"Resources": {}, "Resources": {}}', "duplicate key 'Resources'"),
    "an alias bomb": (BOMB + "Resources: {A: {Type: X, Properties: *a11}}\n", "aliases"),
    "an alias in its own anchor": ("Resources: &a {A: {Type: X, Properties: *a}}\n", "its own anchor"),
    "an unknown anchor": ("Resources: *a\n", "template.yaml:1:12: the alias *a refers to an undefined anchor"),
    "500 levels of nesting": (DEEP % ("[" * 500, "]" * 500), "nested"),
    "500 levels of nesting in blocks": (
        "Resources:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 500)) + " " * 500 + "b",
        "nested",
    ),
    "50,000 levels of nesting": (DEEP % ("[" * 50_000, "]" * 50_000), "nested"),
    "500 levels of nesting in JSON": ('{"Resources": ' + '{"a":' * 500 + "1" + "}" * 501, "nested"),
    "50,000 levels of nesting in JSON": ('{"Resources": ' + '{"a":' * 50_000 + "1" + "}" * 50_001, "nested"),
    "a sequence": ("- Resources\n", "template must be a mapping, got a sequence"),
    "a JSON array": ("[]", "template must be a mapping, got a sequence"),
    "a string": ("Resources", "template must be a mapping, got a scalar"),
    "a number": ("5", "template must be a mapping, got a scalar"),
    "an empty file": ("", "is empty"),
    "comments only": ("# nothing\n", "no content"),
    "blanks only": (" \n\n", "no content"),
    "no resources": ("Parameters: {}\n", "has no Resources"),
    "resources that are a list": ("Resources: []\n", "has no Resources"),
    "resources that are empty": ("Resources:\n", "has no Resources"),
    "a tag of Python": ("Resources: !!python/object/apply:os.getcwd []\n", "tag"),
    "a mapping as key": ("Resources: {{a: b}: c}\n", "the key of a mapping must be a scalar"),
    "no known encoding": (b"Resources: {A: {Type: \xfc}}\n", "UTF-8"),
    "UTF-16 without a byte order mark": (MARKED.encode("utf-16-le"), "UTF-16"),
    "all 256 bytes": (bytes(range(256)), ""),
    "a PNG image": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ""),
    "an empty second document": ("Resources: {A: {Type: X}}\n---\n", "second YAML document"),
}


@pytest.fixture(params=[("pin", "--in-place"), ("pin", "--in-place", "--pin", "All")], ids=" ".join)
def subcommand(request: pytest.FixtureRequest) -> tuple[str, ...]:
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_template_is_rejected_and_not_changed(
    name: str, subcommand: tuple[str, ...], tmp_path: Path
) -> None:
    content, words = BAD[name]
    path = saved(tmp_path, content)
    before = state(path)

    run = image_pinner(*subcommand, str(path))

    assert (run.code, run.out) == (2, b"")
    assert words in run.err
    assert_one_error(run.err)
    assert state(path) == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_template_is_a_finding_of_check(name: str, tmp_path: Path) -> None:
    content, words = BAD[name]
    path = saved(tmp_path, content)

    run = image_pinner("check", str(path))

    assert (run.code, run.err) == (2, "")
    assert re.match(rf"{re.escape(str(path))}:\d+:\d+: IP000 \S", run.text)
    assert words in run.text.replace(" IP000", "", 1)
    assert "\nhelp: " in run.text
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)


def assert_one_error(err: str) -> None:
    error, help_ = err.splitlines()
    assert error.startswith("error: ")
    assert help_.startswith("help: ")
    assert not error.endswith(".")
    assert not help_.endswith(".")


def test_a_file_that_does_not_exist_is_rejected(subcommand: tuple[str, ...], tmp_path: Path) -> None:
    run = image_pinner(*subcommand, str(tmp_path / "none.yaml"))

    assert (run.code, run.out) == (2, b"")
    assert f"cannot read {tmp_path / 'none.yaml'}: no such file or directory" in run.err
    assert_one_error(run.err)


def test_a_directory_without_templates_is_rejected(subcommand: tuple[str, ...], tmp_path: Path) -> None:
    run = image_pinner(*subcommand, str(tmp_path))

    assert (run.code, run.out) == (2, b"")
    assert f"no templates found in {tmp_path}" in run.err
    assert_one_error(run.err)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_does_not_block(subcommand: tuple[str, ...], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    run = image_pinner(*subcommand, str(tmp_path / "pipe"))

    assert (run.code, run.out) == (2, b"")
    assert_one_error(run.err)


def test_a_loop_of_symbolic_links_is_rejected(subcommand: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    run = image_pinner(*subcommand, str(tmp_path / "loop"))

    assert (run.code, run.out) == (2, b"")
    assert_one_error(run.err)


def deny(operation: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deny permission to open or to write a path; tests that run as root need this."""
    real_open, real_access = os.open, os.access

    def denied_open(name: Any, *flags: Any) -> int:
        if Path(name) == path or Path(name).parent == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real_open(name, *flags)

    def denied_access(name: Any, mode: int) -> bool:
        return not (Path(name) == path and mode & os.W_OK) and real_access(name, mode)

    monkeypatch.setattr(os, operation, {"open": denied_open, "access": denied_access}[operation])


def test_a_file_without_read_permission_is_rejected(
    subcommand: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path)
    deny("open", path, monkeypatch)

    run = image_pinner(*subcommand, str(path))

    assert (run.code, run.out) == (2, b"")
    assert f"cannot read {path}: permission denied" in run.err
    assert_one_error(run.err)


@pytest.mark.parametrize("operation", ["access", "open"])
def test_a_file_without_write_permission_is_reported_and_not_changed(
    operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The permission of the file is denied, or that of the directory where the temporary file is created.
    path, folder = saved(tmp_path), tmp_path / "folder"
    folder.mkdir()
    other = saved(folder, "old")
    deny(operation, other if operation == "access" else folder, monkeypatch)

    run = image_pinner("pin", str(path), "-o", str(other))

    assert (run.code, run.out) == (2, b"")
    assert f"cannot write {other}: permission denied" in run.err
    monkeypatch.undo()
    assert other.read_bytes() == b"old"
    assert [file.name for file in folder.iterdir()] == ["template.yaml"]


class FullDisk:
    """A file on a full disk."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make all writes fail as on a full disk, and return the modes of the files that are opened."""
    opened: list[str] = []
    real = os.fdopen

    def fdopen(descriptor: int, mode: str = "r", *options: Any) -> Any:
        file = real(descriptor, mode, *options)
        if "w" not in mode:
            return file
        opened.append(mode)
        return FullDisk(file)

    monkeypatch.setattr(os, "fdopen", fdopen)
    return opened


@pytest.mark.parametrize("options", [("--in-place",), ("-o",), ("--report",)], ids=" ".join)
def test_a_full_disk_is_reported_and_the_old_file_stays(
    options: tuple[str, ...], full_disk: list[str], tmp_path: Path
) -> None:
    path, other = saved(tmp_path), saved(tmp_path, "old", "other")
    before = state(path), state(other)

    run = image_pinner("pin", str(path), *options, *(() if options == ("--in-place",) else (str(other),)))

    assert full_disk
    assert run.code == 2
    assert "the disk is full" in run.err
    assert (state(path), state(other)) == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other", "template.yaml"]


def test_an_output_in_a_missing_directory_is_reported(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "-o", str(tmp_path / "none" / "pinned.yaml"))

    assert (run.code, run.out) == (2, b"")
    assert f"cannot write {tmp_path / 'none' / 'pinned.yaml'}: no such file or directory" in run.err


def test_an_unreadable_template_does_not_hide_the_findings_of_others(tmp_path: Path) -> None:
    good = saved(tmp_path, MARKED.replace("!PinDigest ", ""), "unmarked.yaml")

    run = image_pinner("check", str(tmp_path / "none.yaml"), str(good))

    assert run.code == 2
    assert "unmarked.yaml:11:18: IP001 " in run.text
    assert f"IP000 cannot read {tmp_path / 'none.yaml'}: no such file or directory" in run.text


def test_a_missing_template_has_no_position_and_is_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"

    run = image_pinner("check", str(path))

    assert f"{path}: IP000 cannot read {path}: no such file or directory\n" in run.text
    assert run.text.endswith("Found 1 problem.\n")
    assert f">{path}: IP000 " in image_pinner("check", str(path), "--format", "junit").text
