"""Bad input gets one clear line and leaves every file as it was."""

from __future__ import annotations

import errno
import os
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
    "a tag of another language": ("Resources: !!python/object/apply:os.getcwd []\n", "tag"),
    "a mapping as key": ("Resources: {{a: b}: c}\n", "the key of a mapping must be a scalar"),
    "no known encoding": (b"Resources: {A: {Type: \xfc}}\n", "UTF-8"),
    "UTF-16 without its mark": (MARKED.encode("utf-16-le"), "UTF-16"),
    "all bytes there are": (bytes(range(256)), ""),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ""),
    "a bad reference to another stack": ("Resources: {A: {Type: X}}\n---\n", "second YAML document"),
}


@pytest.fixture(params=[("pin", "--in-place"), ("pin", "--in-place", "--pin", "All"), ("check",)], ids=" ".join)
def verb(request: pytest.FixtureRequest) -> tuple[str, ...]:
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_template_is_refused_and_untouched(name: str, verb: tuple[str, ...], tmp_path: Path) -> None:
    content, words = BAD[name]
    path = saved(tmp_path, content)
    before = state(path)

    run = image_pinner(*verb, str(path))

    assert (run.code, run.out) == (2, b"")
    assert words in run.err
    assert_one_line(run.err)
    assert state(path) == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def assert_one_line(err: str) -> None:
    assert err.startswith("image-pinner: ")
    assert len(err.splitlines()) == 1
    assert err.endswith(".\n")
    assert ".." not in err


def test_a_file_that_is_not_there_is_refused(verb: tuple[str, ...], tmp_path: Path) -> None:
    run = image_pinner(*verb, str(tmp_path / "none.yaml"))

    assert (run.code, run.out) == (2, b"")
    assert f"cannot read {tmp_path / 'none.yaml'}: no such file or directory" in run.err
    assert_one_line(run.err)


def test_a_directory_is_refused(verb: tuple[str, ...], tmp_path: Path) -> None:
    run = image_pinner(*verb, str(tmp_path))

    assert (run.code, run.out) == (2, b"")
    assert "is a directory" in run.err
    assert_one_line(run.err)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(verb: tuple[str, ...], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    run = image_pinner(*verb, str(tmp_path / "pipe"))

    assert (run.code, run.out) == (2, b"")
    assert_one_line(run.err)


def test_links_that_lead_in_a_circle_are_refused(verb: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    run = image_pinner(*verb, str(tmp_path / "loop"))

    assert (run.code, run.out) == (2, b"")
    assert_one_line(run.err)


def refuse(what: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse to open a path, or to write it, as it does with permissions for all but root."""
    real_open, real_access = os.open, os.access

    def refused_open(name: Any, *rest: Any) -> int:
        if Path(name) == path or Path(name).parent == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real_open(name, *rest)

    def refused_access(name: Any, mode: int) -> bool:
        return not (Path(name) == path and mode & os.W_OK) and real_access(name, mode)

    monkeypatch.setattr(os, what, {"open": refused_open, "access": refused_access}[what])


def test_a_file_that_must_not_be_read_is_refused(
    verb: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path)
    refuse("open", path, monkeypatch)

    run = image_pinner(*verb, str(path))

    assert (run.code, run.out) == (2, b"")
    assert f"cannot read {path}: permission denied" in run.err
    assert_one_line(run.err)


@pytest.mark.parametrize("what", ["access", "open"])
def test_a_file_that_must_not_be_written_is_told_and_stays(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The file itself, or the directory in which the new one would be made.
    path, folder = saved(tmp_path), tmp_path / "folder"
    folder.mkdir()
    other = saved(folder, "old")
    refuse(what, other if what == "access" else folder, monkeypatch)

    run = image_pinner("pin", str(path), "-o", str(other))

    assert (run.code, run.out) == (2, b"")
    assert f"cannot write {other}: permission denied" in run.err
    monkeypatch.undo()
    assert other.read_bytes() == b"old"
    assert [file.name for file in folder.iterdir()] == ["template.yaml"]


class FullDisk:
    """A file to which nothing can be written any more."""

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
    """Let every write to a file fail as on a full disk; gives the modes of the files that were opened for it."""
    opened: list[str] = []
    real = os.fdopen

    def fdopen(descriptor: int, mode: str = "r", *rest: Any) -> Any:
        file = real(descriptor, mode, *rest)
        if "w" not in mode:
            return file
        opened.append(mode)
        return FullDisk(file)

    monkeypatch.setattr(os, "fdopen", fdopen)
    return opened


@pytest.mark.parametrize("options", [("--in-place",), ("-o",), ("--report",)], ids=" ".join)
def test_a_full_disk_is_told_and_the_old_file_stays(
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


def test_an_output_in_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "-o", str(tmp_path / "none" / "pinned.yaml"))

    assert (run.code, run.out) == (2, b"")
    assert f"cannot write {tmp_path / 'none' / 'pinned.yaml'}: no such file or directory" in run.err


def test_one_unreadable_template_among_several_does_not_hide_the_findings_of_the_others(tmp_path: Path) -> None:
    good = saved(tmp_path, MARKED.replace("!PinDigest ", ""), "unmarked.yaml")

    run = image_pinner("check", str(tmp_path / "none.yaml"), str(good))

    assert run.code == 2
    assert "unmarked.yaml:11:18: unpinned-image: " in run.text
    assert f"cannot read {tmp_path / 'none.yaml'}: no such file or directory" in run.err
