"""`pin`, `update` and `lock` with several templates, directories and patterns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_pinner.cli.documents import FileWriteError, write_all
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, REFUSED, digest, saved

TAGGED = MARKED.replace('!Sub "!PinDigest shop/web:${Tag}"', f"shop/web:1.0@{digest('old')}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory with two templates and another file."""
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    monkeypatch.chdir(folder)
    saved(folder, MARKED, "a.yaml")
    saved(folder / "sub", MARKED.replace("1.0", "2.0"), "b.yaml")
    saved(folder, "a: 1\n", "values.yaml")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ((), "2 templates cannot be written to a single file"),
        (("-o", "-"), "2 templates cannot be written to a single file"),
        (("-o", "values.yaml"), "2 templates cannot be written to a single file"),
        (("--in-place", "--report", "r.json"), "--report requires a single template"),
        (("--write-parameters", "p.json"), "--write-parameters requires a single template"),
        (("--in-place", "-"), "standard input cannot be used with other templates"),
        (("-o", "out", "../outside.yaml"), "../outside.yaml is outside of the working directory"),
    ],
    ids=str,
)
def test_options_for_a_single_template_are_rejected(options: tuple[str, ...], cause: str, folder: Path) -> None:
    saved(folder.parent, MARKED, "outside.yaml")
    before = contents(folder)

    run = image_pinner("pin", ".", *options)

    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith(f"error: {cause}")
    assert contents(folder) == before


@pytest.mark.parametrize("arguments", [(".",), ("a.yaml", "sub"), ("**/*.yaml",)], ids=str)
def test_templates_are_pinned_in_place(arguments: tuple[str, ...], folder: Path) -> None:
    run = image_pinner("pin", *arguments, "--in-place")

    warnings = [
        f"warning: {name}: parameter 'Tag' no longer has an effect on "
        "Resources.Web.Properties.ContainerDefinitions[0].Image"
        for name in ("a.yaml", "sub/b.yaml")
    ]
    assert (run.code, run.out) == (0, b"")
    assert run.err.splitlines() == [*warnings, "Pinned 2 images (0 skipped)."]
    assert f"shop/web@{digest('docker.io/shop/web:1.0')}" in (folder / "a.yaml").read_text("utf-8")
    assert f"shop/web@{digest('docker.io/shop/web:2.0')}" in (folder / "sub/b.yaml").read_text("utf-8")


def test_templates_are_written_below_a_directory(folder: Path) -> None:
    before = contents(folder)

    run = image_pinner("pin", ".", "-o", "../out")

    assert run.code == 0
    assert contents(folder) == before
    assert sorted(contents(folder.parent / "out")) == ["a.yaml", "sub/b.yaml"]
    assert all(b"@sha256:" in data for data in contents(folder.parent / "out").values())


def test_the_output_of_an_earlier_run_is_not_pinned_into_itself(folder: Path) -> None:
    assert image_pinner("pin", ".", "-o", "out").code == 0
    before = contents(folder)
    run = image_pinner("pin", ".", "-o", "out")
    assert (run.code, contents(folder)) == (2, before)
    assert run.err.startswith("error: out/a.yaml is in the output directory out\nhelp: let .gitignore exclude")
    saved(folder, "out/\n", ".gitignore")
    (folder / ".git").mkdir()
    assert image_pinner("pin", ".", "-o", "out").code == 0


def test_files_whose_names_differ_in_control_characters_are_all_written(folder: Path) -> None:
    saved(folder, MARKED, "x\ny.yaml")
    saved(folder, MARKED, "x\ty.yaml")
    assert image_pinner("pin", ".", "-o", "../out").code == 0
    assert sorted(contents(folder.parent / "out")) == ["a.yaml", "sub/b.yaml", "x\ty.yaml", "x\ny.yaml"]


def test_a_directory_that_cannot_be_created_is_reported(folder: Path) -> None:
    run = image_pinner("pin", ".", "-o", "values.yaml/out")
    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith("error: cannot create the directory values.yaml/out: part of the path is a file")
    assert (folder / "values.yaml").read_text("utf-8") == "a: 1\n"


def test_a_directory_with_one_template_is_pinned_like_the_file() -> None:
    assert image_pinner("pin", "sub").out == image_pinner("pin", "sub/b.yaml").out != b""


def test_if_one_image_cannot_be_pinned_no_template_is_written(folder: Path) -> None:
    saved(folder, REFUSED, "c.yaml")
    before = contents(folder)

    run = image_pinner("pin", ".", "--in-place")

    assert run.code == 1
    assert run.err.startswith("error: c.yaml:11:18: ")
    assert "Pinned" not in run.err
    assert contents(folder) == before
    assert image_pinner("pin", ".", "--in-place", resolvers=InMemoryRegistry()).code == 3


def test_a_value_may_be_for_one_of_the_templates(folder: Path) -> None:
    saved(folder, MARKED.replace("Tag", "Other"), "c.yaml")

    assert image_pinner("pin", ".", "--in-place", "--parameter", "Other=3").code == 0
    assert digest("docker.io/shop/web:3") in (folder / "c.yaml").read_text("utf-8")
    assert image_pinner("pin", ".", "--in-place", "--parameter", "Othr=3").code == 2


def test_update_takes_directories(folder: Path) -> None:
    saved(folder, TAGGED, "a.yaml")
    saved(folder / "sub", TAGGED, "b.yaml")

    run = image_pinner("update", "sub", "**/*.yaml")

    assert run.code == 0
    assert [line.split(":")[0] for line in run.text.splitlines()] == ["a.yaml", "sub/b.yaml"]
    assert digest("old") not in (folder / "sub/b.yaml").read_text("utf-8")


def test_lock_takes_directories(folder: Path) -> None:
    run = image_pinner("lock", ".", "-o", "lock.json")

    assert run.code == 0
    assert len(json.loads((folder / "lock.json").read_text("utf-8"))["images"]) == 2


def test_files_that_cannot_all_be_written_stay_as_they_were(folder: Path) -> None:
    before = contents(folder)
    names = ("a.yaml", "new.yaml", "sub", "values.yaml")

    with pytest.raises(FileWriteError):
        write_all({folder / name: b"new" for name in names})

    assert contents(folder) == before
