"""Text that no file of the project may contain: unfinished work, home directories and package hosts."""

from __future__ import annotations

import re
import tomllib
from pathlib import PurePosixPath

import pytest

from support.project import project_files, text_of

# Each pattern has a character in brackets, so that it does not match itself.
UNFINISHED = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b")
# A lock file with hashes is independent of the index that packages are downloaded from.
PACKAGE_HOSTS = re.compile(
    r"pypi[.]org|[p]ythonhosted|registry[.]npmjs|deb[.]debian[.]org|proxy[.]golang", re.IGNORECASE
)
HOMES = re.compile(r"(?<![\w.~/-])/(?:home|Users|root)/\w")


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
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
        (UNFINISHED, "# TO{}: later".format("DO")),
        (PACKAGE_HOSTS, "--index-url https://py{}.org/simple".format("pi")),
        (HOMES, "open('/home{}someone/x')".format("/")),
        (HOMES, "cd /ro{}/project".format("ot")),
    ],
)
def test_forbidden_text_is_found(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize("line", ["/home/${USER}", "~/home/x", "https://example.com/home/x", "$HOME/.docker"])
def test_similar_paths_are_allowed(line: str) -> None:
    assert not HOMES.search(line)


def test_no_file_has_unfinished_work() -> None:
    assert _lines_with(UNFINISHED) == []


def test_no_file_names_a_package_host() -> None:
    assert _lines_with(PACKAGE_HOSTS) == []


def test_no_file_names_a_home_directory() -> None:
    assert _lines_with(HOMES) == []


@pytest.mark.parametrize("name", ["action", "demo", "dev", "docs", "fuzz", "lambda", "release"])
def test_every_locked_package_has_a_hash_and_no_other_option(name: str) -> None:
    text = text_of(f"requirements/{name}.txt").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    locked = r"[a-z0-9][a-z0-9._-]*(\[[a-z, -]+\])?==[^ ]+ .*--hash=sha256:[0-9a-f]{64}"
    wrong = [line for line in lines if not re.match(locked, line)]
    assert wrong == []


def test_caches_of_the_tests_are_ignored() -> None:
    caches = {"__pycache__", ".coverage", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"}
    assert [name for name in project_files() if caches & set(PurePosixPath(name).parts)] == []


def test_the_repository_has_one_url() -> None:
    """It is a placeholder until the project is published: [project.urls] is where to change it."""
    url = tomllib.loads(text_of("pyproject.toml"))["project"]["urls"]["Repository"]
    named = re.compile(
        r"(?:(?:raw\.githubusercontent|github)\.com[/:]|uses: )([\w.-]+/image-pinner)(?=[@/\s\"')]|\.git|$)",
        re.MULTILINE,
    )
    found = {name: set(named.findall(text_of(name))) for name in project_files()}
    expected = url.removeprefix("https://github.com/")
    assert found["README.md"] == {expected}
    assert {name: owners for name, owners in found.items() if owners - {expected}} == {}
