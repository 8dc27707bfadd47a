"""`--select`, `--ignore`, `--severity` and `--exit-zero`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from image_pinner.cli.rule_selection import RuleSelection
from image_pinner.core.rules import RULES, Severity
from support.command import image_pinner
from unit.cli.cli_templates import UNMARKED, saved

# An unpinned image is a warning, and the YAML tag an error.
BOTH = UNMARKED + "        - {Name: other, Image: !PinDigest nginx:1}\n"


def codes(folder: Path, *options: str) -> tuple[int, list[str]]:
    run = image_pinner("check", *options, str(saved(folder, BOTH)))
    assert run.err == ""
    return run.code, sorted(re.findall(r": (IP\d+) ", run.text))


@pytest.mark.parametrize("option", ["--select", "--ignore"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("unpined-image", " (did you mean 'unpinned-image'?)"),
        ("IP0001", " (did you mean 'IP001'?)"),
        ("ip00l", " (did you mean 'IP0"),
        ("pinned", ""),
        ("E", ""),
    ],
)
def test_an_unknown_rule_is_a_usage_error(option: str, name: str, hint: str, tmp_path: Path) -> None:
    run = image_pinner("check", option, f"IP001,{name}", str(saved(tmp_path)))

    assert (run.code, run.out) == (2, b"")
    error, help_ = run.err.splitlines()
    assert f"unknown rule {name!r}{hint}" in error
    assert help_ == "help: run image-pinner check --help"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["IP001", "IP005"]),
        (("--select", "IP001"), ["IP001"]),
        (("--select", "unpinned-image"), ["IP001"]),
        (("--select", "ip001, IP005"), ["IP001", "IP005"]),
        (("--select", "IP001", "--select", "IP005"), ["IP001", "IP005"]),
        (("--select", "IP0"), ["IP001", "IP005"]),
        (("--select", "IP004"), []),
        (("--ignore", "IP001"), ["IP005"]),
        (("--select", "IP0", "--ignore", "IP001,unsupported-marker-syntax"), []),
        (("--severity", "error"), ["IP005"]),
        (("--severity", "info"), ["IP001", "IP005", "IP014", "IP014"]),
    ],
)
def test_rules_are_selected_by_code_beginning_slug_and_severity(
    options: tuple[str, ...], expected: list[str], tmp_path: Path
) -> None:
    assert codes(tmp_path, *options) == (1 if expected else 0, expected)


def test_advice_is_reported_only_on_request() -> None:
    rule = RULES["IP001"]._replace(severity=Severity.INFO)

    assert not RuleSelection.parse((), (), "warning").includes(rule)
    assert RuleSelection.parse((), (), "info").includes(rule)


@pytest.mark.parametrize("options", [("--select", "IP001"), ("--ignore", "IP000")])
def test_a_file_that_cannot_be_read_is_always_reported(options: tuple[str, ...], tmp_path: Path) -> None:
    assert image_pinner("check", *options, str(saved(tmp_path, "]"))).code == 2


def test_exit_zero_hides_findings_from_the_exit_code_but_not_unreadable_files(tmp_path: Path) -> None:
    assert codes(tmp_path, "--exit-zero") == (0, ["IP001", "IP005"])
    assert image_pinner("check", "--exit-zero", "--diff", str(saved(tmp_path, BOTH))).code == 0
    assert image_pinner("check", "--exit-zero", str(saved(tmp_path, "]"))).code == 2
