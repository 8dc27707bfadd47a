"""What no file of the project may hold: open ends, this or that machine, and where packages come from."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from support.project import project_files, text_of

# Each has a character in brackets, so that this file does not hold what it looks for.
OPEN_ENDS = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b")
# A lock with hashes is the same wherever its packages come from; who installs decides that.
PACKAGE_HOSTS = re.compile(
    r"pypi[.]org|[p]ythonhosted|registry[.]npmjs|deb[.]debian[.]org|proxy[.]golang", re.IGNORECASE
)
HOMES = re.compile(r"(?<![\w.~/-])/(?:home|Users|root)/\w")


def _holding(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for name in project_files():
        if name == "LICENSE":
            continue
        found += [
            f"{name}:{number}" for number, line in enumerate(text_of(name).splitlines(), 1) if pattern.search(line)
        ]
    return found


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (OPEN_ENDS, "# TO{}: later".format("DO")),
        (PACKAGE_HOSTS, "--index-url https://py{}.org/simple".format("pi")),
        (HOMES, "open('/home{}someone/x')".format("/")),
        (HOMES, "cd /ro{}/project".format("ot")),
    ],
)
def test_what_must_not_be_there_is_found(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize("line", ["/home/${USER}", "~/home/x", "https://example.com/home/x", "$HOME/.docker"])
def test_what_only_looks_like_a_home_is_not_found(line: str) -> None:
    assert not HOMES.search(line)


def test_nothing_is_left_open() -> None:
    assert _holding(OPEN_ENDS) == []


def test_no_file_names_a_host_of_packages() -> None:
    assert _holding(PACKAGE_HOSTS) == []


def test_no_file_names_a_home_directory() -> None:
    assert _holding(HOMES) == []


@pytest.mark.parametrize("name", ["demo", "dev", "docs", "fuzz", "lambda"])
def test_every_locked_package_has_a_hash_and_no_other_option(name: str) -> None:
    text = text_of(f"requirements/{name}.txt").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    locked = r"[a-z0-9][a-z0-9._-]*(\[[a-z, ]+\])?==[^ ]+ .*--hash=sha256:[0-9a-f]{64}"
    wrong = [line for line in lines if not re.match(locked, line)]
    assert wrong == []


def test_what_the_tests_leave_behind_is_ignored() -> None:
    caches = {"__pycache__", ".coverage", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"}
    assert [name for name in project_files() if caches & set(PurePosixPath(name).parts)] == []
