"""The baseline of `check`: it accepts what it contains, and can only shrink."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command import Run, image_pinner
from unit.cli.cli_templates import MARKED, UNMARKED

SECOND = "        - {Name: second, Image: shop/second:1}\n"
UPDATE = ("--baseline", "baseline.json", "--update-baseline")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with a template that has a finding."""
    monkeypatch.chdir(tmp_path)
    write("a.yaml", UNMARKED)
    return tmp_path


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text, "utf-8")


def check(*arguments: str) -> Run:
    return image_pinner("check", "--baseline", "baseline.json", *arguments)


def entries() -> list[Any]:
    content = json.loads(Path("baseline.json").read_text("utf-8"))
    assert content["version"] == 1
    return list(content["findings"])


def test_a_baseline_that_does_not_exist_is_an_error() -> None:
    run = check()

    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith("error: the baseline baseline.json does not exist\nhelp: pass --update-baseline")


def test_an_update_needs_a_file() -> None:
    run = image_pinner("check", "--update-baseline")

    assert (run.code, run.out) == (2, b"")
    assert run.err == "error: --update-baseline needs --baseline\nhelp: pass --baseline FILE\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"version": 1, "findings": [1]}',
        '{"version": 1, "findings": [{"file": "a"}]}',
        '{"version": 1, "findings": [{"file": "a", "code": "IP001", "path": "", "cause": "", "count": 1e999}]}',
        '{"version": 1, "findings": [{"file": "a", "code": "IP001", "path": "", "cause": "", "count": 0}]}',
    ],
    ids=range(8),
)
def test_a_file_that_is_not_a_baseline_is_an_error_and_stays(text: str) -> None:
    write("baseline.json", text)

    for arguments in ((), ("--update-baseline",)):
        run = check(*arguments)

        assert (run.code, run.out) == (2, b"")
        assert run.err.startswith("error: baseline.json is not a baseline: ")
    assert Path("baseline.json").read_text("utf-8") == text


def test_an_entry_begins_no_line_of_the_output() -> None:
    # The file is part of the repository, and GitHub Actions runs commands at the beginning of a line.
    entry = {"file": "gone.yaml", "code": "IP001", "path": "", "cause": "x\n::stop-commands::y"}
    write("baseline.json", json.dumps({"version": 1, "findings": [entry]}))
    run = check()
    assert run.code == 1
    assert "\n  gone.yaml: IP001 : x\ufffd::stop-commands::y\n" in run.err


def test_a_baseline_of_another_version_is_an_error() -> None:
    write("baseline.json", '{"version": 2, "findings": []}')

    assert check().code == 2


def test_the_number_of_accepted_findings_is_printed_without_files_that_cannot_be_read() -> None:
    write("c.yaml", "Resources: [")
    run = check("--update-baseline", "a.yaml", "c.yaml")
    assert run.code == 2
    assert run.err == "Accepted 1 finding in baseline.json.\n"
    Path("baseline.json").unlink()
    assert check("--update-baseline", "--quiet", "a.yaml").err == ""


def test_a_new_baseline_has_all_findings_sorted_without_positions() -> None:
    write("b/b.yaml", UNMARKED + SECOND)

    run = check("--update-baseline")

    assert (run.code, run.err) == (0, "Accepted 3 findings in baseline.json.\n")
    assert run.text.startswith("All 2 templates pass.")
    path = "Resources.Web.Properties.ContainerDefinitions[].Image"
    assert entries() == [
        {"file": "a.yaml", "code": "IP001", "path": path, "cause": "image 'shop/web:1.0' is not pinned"},
        {"file": "b/b.yaml", "code": "IP001", "path": path, "cause": "image 'shop/second:1' is not pinned"},
        {"file": "b/b.yaml", "code": "IP001", "path": path, "cause": "image 'shop/web:1.0' is not pinned"},
    ]
    assert check().code == 0


def test_findings_that_are_not_in_the_baseline_are_reported_and_never_added() -> None:
    check("--update-baseline")
    before = Path("baseline.json").read_bytes()
    write("a.yaml", UNMARKED + SECOND)

    for arguments in ((), ("--update-baseline",)):
        run = check(*arguments)

        assert run.code == 1
        assert run.text.startswith("a.yaml:12:")
        assert Path("baseline.json").read_bytes() == before


def test_an_entry_accepts_as_many_findings_as_there_were() -> None:
    write("a.yaml", UNMARKED + SECOND + SECOND.replace("second,", "third,"))
    check("--update-baseline")

    assert [entry.get("count", 1) for entry in entries()] == [2, 1]
    write("a.yaml", UNMARKED + SECOND * 3)
    assert check().text.count("IP001") == 1


def test_an_entry_does_not_accept_another_image_of_which_the_tag_is_not_known() -> None:
    dynamic = UNMARKED + '        - {Name: dynamic, Image: !Sub "shop/x:${AWS::Region}"}\n'
    write("a.yaml", dynamic)
    check("--update-baseline")
    assert check().code == 0
    write("a.yaml", dynamic.replace("shop/x", "shop/evil"))

    run = check()

    assert run.code == 1
    assert "IP001 image Fn::Sub 'shop/evil:${AWS::Region}' is not pinned" in run.text
    assert "entries that no longer occur (1)" in run.err


def test_an_entry_stays_valid_when_lines_and_containers_are_added_above() -> None:
    check("--update-baseline")
    digest = "sha256:" + "a" * 64
    above = f"      ContainerDefinitions:\n        - {{Name: other, Image: 'x@{digest}'}}\n"
    write("a.yaml", "# new\n" + UNMARKED.replace("      ContainerDefinitions:\n", above))

    assert check().code == 0


def test_entries_that_no_longer_occur_are_a_finding_until_they_are_removed() -> None:
    write("b.yaml", UNMARKED)
    write("gone.yaml", UNMARKED)
    check("--update-baseline")
    write("a.yaml", MARKED)
    Path("gone.yaml").unlink()

    run = check()

    assert run.code == 1
    assert run.text.startswith("All 2 templates pass.")
    error, first, second, help_ = run.err.splitlines()
    assert error == "error: baseline.json has entries that no longer occur (2)"
    assert (first[:17], second[:19]) == ("  a.yaml: IP001 R", "  gone.yaml: IP001 ")
    assert help_ == "help: remove them with --update-baseline"
    assert check("--update-baseline").code == 0
    assert [entry["file"] for entry in entries()] == ["b.yaml"]
    assert check().code == 0


def test_entries_of_files_and_rules_that_are_not_checked_stay() -> None:
    write("b.yaml", UNMARKED)
    check("--update-baseline")
    write("b.yaml", MARKED)

    assert check("a.yaml").code == 0
    assert check("--ignore", "IP001").code == 0
    assert check("--ignore", "IP001", "--update-baseline").code == 0
    assert len(entries()) == 2


def test_entries_of_a_file_that_cannot_be_read_stay() -> None:
    check("--update-baseline")
    write("a.yaml", UNMARKED + "]")

    run = check("--update-baseline")

    assert (run.code, run.err) == (2, "")
    assert run.text.startswith("a.yaml:12:1: IP000 ")
    assert len(entries()) == 1


def test_a_file_that_cannot_be_read_is_not_accepted() -> None:
    write("b.yaml", UNMARKED + "]")

    assert check("--update-baseline").code == 2
    assert [entry["code"] for entry in entries()] == ["IP001"]
    assert check().code == 2


def test_files_are_relative_to_the_baseline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("sub/a.yaml", UNMARKED)
    check("--update-baseline")
    monkeypatch.chdir(folder / "sub")

    assert image_pinner("check", "--baseline", "../baseline.json").code == 0
