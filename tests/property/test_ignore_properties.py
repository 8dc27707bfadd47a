"""Generated ignore files select the same files as in Git."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_pinner.cli.discovery import find_templates
from image_pinner.core.errors import UnreadableTemplateError
from support.git import git, repository

_NAMES = (
    *("*", "**", "a", "b", "a*", "ab", "*.yaml", "x.yaml", "?.yaml", "[xy].yaml", "[!x].yaml", "[^x].yaml", r"\a"),
    *("[[:alpha:]].yaml", "[![:digit:]x].yaml", r"[]\x-z].yaml", "[y-x].yaml"),
)
_FOLDERS = ("", "a", "b", "a/a", "a/b", "ab", "a/ab", "b/a.yaml", "a/b/a")
_FILES = ("x.yaml", "y.yaml", "ab.yaml")
_LINES = st.builds(
    lambda negated, anchored, names, slash: negated + anchored + "/".join(names) + slash,
    st.sampled_from(("", "", "!")),
    st.sampled_from(("", "", "/")),
    st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3),
    st.sampled_from(("", "", "/", " ")),
)
_IGNORE_FILES = st.dictionaries(st.sampled_from((".", "a", "a/b")), st.lists(_LINES, min_size=1, max_size=5))


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """Return a repository with templates."""
    with tempfile.TemporaryDirectory() as folder:
        root = repository(Path(folder) / "repository")
        for name in (f"{folder}/{file}" for folder in _FOLDERS for file in _FILES):
            (root / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (root / name.lstrip("/")).write_text("Resources: {A: {Type: AWS::SNS::Topic}}\n", "utf-8")
        yield root


@settings(max_examples=40, deadline=None)
@given(files=_IGNORE_FILES)
def test_the_same_files_are_ignored_as_by_git(root: Path, files: dict[str, list[str]]) -> None:
    for path in root.rglob(".gitignore"):
        path.unlink()
    for folder, lines in files.items():
        (root / folder / ".gitignore").write_text("\n".join(lines), "utf-8")
    listed = git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", "*.yaml").decode().split("\0")

    try:
        found = [file.path for file in find_templates([str(root)]).files]
    except UnreadableTemplateError:
        found = []

    assert sorted(found) == sorted(str(root / name) for name in listed if name)
