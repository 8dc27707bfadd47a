"""Names in a template that imitate other output: a pull request from outside is checked too."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import image_pinner
from unit.cli.cli_templates import MARKED, PLAIN, UNMARKED, saved

CONTROL = UNMARKED.replace("Name: web ", r'Name: "web\n::stop-commands::x\r\e[2J\x9b2J" ')


@pytest.mark.parametrize("format_", ["full", "concise"])
def test_a_name_begins_no_line_and_controls_no_terminal(format_: str, tmp_path: Path) -> None:
    # GitHub Actions runs commands at the beginning of a log record.
    run = image_pinner("check", str(saved(tmp_path, CONTROL)), "--format", format_)
    assert "(Web / web\ufffd::stop-commands::x\ufffd\ufffd[2J\ufffd2J)" in run.text
    assert not set(run.text) & {"\r", "\x1b", "\x9b"}
    assert not [line for line in run.text.splitlines() if line.startswith("::")]


def test_a_name_begins_no_line_of_a_comparison(tmp_path: Path) -> None:
    run = image_pinner("diff", str(saved(tmp_path, CONTROL.replace("shop", "!PinDigest shop"))))
    assert "~ Web / web\ufffd::stop-commands::x\ufffd\ufffd[2J\ufffd2J: changed\n" in run.text


def test_a_name_ends_no_cell_of_a_table_and_mentions_no_user(tmp_path: Path) -> None:
    name = r"web\|[x](https://example.com)`<img>"
    path = saved(tmp_path, MARKED.replace("Name: web ", f"Name: '{name}' "), "@team.yaml")
    run = image_pinner("diff", str(path), "--format", "markdown")
    (row,) = [line for line in run.text.splitlines() if line.startswith("| changed")]
    assert "| `Web / web\\\u00a6[x](https://example.com)'<img>` |" in row
    other = saved(tmp_path, PLAIN, "@other.yaml")
    assert "@other" not in image_pinner("diff", str(path), "--against", str(other), "--format", "markdown").text
