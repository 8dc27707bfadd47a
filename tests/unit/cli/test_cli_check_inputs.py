"""What `check` reads by its options: the working directory, standard input with a name, and what it skips."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import image_pinner
from unit.cli.cli_templates import MARKED, UNMARKED, saved


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory with a template that has a finding."""
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "sub", UNMARKED, "a.yaml")
    return tmp_path


def test_a_name_without_standard_input_is_a_usage_error() -> None:
    run = image_pinner("check", "--stdin-filename", "x.yaml")

    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith("error: --stdin-filename needs standard input\nhelp: ")


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    run = image_pinner("check", "sub/*.yaml", "other/*.yaml")

    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith("error: no templates found in other/*.yaml\nhelp: ")


def test_standard_input_has_the_name_in_findings() -> None:
    run = image_pinner("check", "-", "--stdin-filename", "web/service.yaml", stdin=UNMARKED.encode())

    assert run.code == 1
    assert run.text.startswith("web/service.yaml:11:18: IP001 ")


def test_without_paths_the_working_directory_is_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert image_pinner("check").text.startswith("sub/a.yaml:11:18: IP001 ")
    monkeypatch.chdir(folder / "sub")
    assert image_pinner("check").text.startswith("a.yaml:11:18: IP001 ")
    assert image_pinner("check").out == image_pinner("check", str(folder)).out == image_pinner("check", "../sub").out


def test_verbose_lists_what_is_skipped_on_standard_error(folder: Path) -> None:
    saved(folder, "a: 1\n", "values.yaml")
    saved(folder, MARKED, "ignored.yaml")
    saved(folder, "ignored.yaml\n", ".gitignore")

    quiet, verbose = image_pinner("check"), image_pinner("check", "--verbose")

    assert quiet.err == ""
    assert verbose.out == quiet.out
    assert verbose.err == "skipped ignored.yaml: ignored by Git\nskipped values.yaml: not a CloudFormation template\n"


def test_the_summary_is_omitted_and_statistics_are_added() -> None:
    full, quiet, statistics = (
        image_pinner("check", *options).text.splitlines() for options in ((), ("--quiet",), ("--statistics",))
    )

    assert quiet == full[:-1]
    assert full[-1] == "Found 1 problem (1 fixable) in 1 template."
    assert statistics[-2:] == ["1 IP001 unpinned-image", full[-1]]


def test_only_selected_rules_are_fixed(folder: Path) -> None:
    tag = "        - {Name: other, Image: !PinDigest nginx:1}\n"
    path = saved(folder / "sub", UNMARKED + tag, "a.yaml")

    assert image_pinner("check", "--fix", "--select", "IP001").code == 0
    text = path.read_text("utf-8")
    assert '"!PinDigest shop/web:${Tag}"' in text
    assert tag in text


def test_the_output_overwrites_no_file_that_is_read(folder: Path) -> None:
    templates = {path: path.read_bytes() for path in folder.rglob("*.yaml")}
    for arguments in (("sub/a.yaml",), ("sub/a.yaml", "--fix"), (".",)):
        run = image_pinner("check", *arguments, "--output", "sub/../sub/a.yaml")
        assert (run.code, run.err) == (
            2,
            "error: --output would overwrite sub/../sub/a.yaml\nhelp: write to another file\n",
        )
    assert {path: path.read_bytes() for path in folder.rglob("*.yaml")} == templates
