"""`--since`: the files that changed since a revision."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from image_pinner.cli.changed_files import changed_since
from image_pinner.cli.discovery import find_templates
from image_pinner.core.errors import ConfigurationError
from support.command import image_pinner
from support.git import commit, git, repository
from unit.cli.cli_templates import MARKED, UNMARKED


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with two commits, the working directory."""
    root = repository(tmp_path / "repository")
    for name in ("same.yaml", "changed.yaml", "renamed.yaml", "deleted.yaml", "sub/same.yaml"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(UNMARKED, "utf-8")
    (root / ".gitignore").write_text("ignored.yaml\n", "utf-8")
    commit(root)
    git(root, "tag", "first")
    monkeypatch.chdir(root)
    return root


def since(revision: str, *arguments: str) -> list[str]:
    return [file.name for file in find_templates(arguments or (".",), changed=changed_since(revision)).files]


@pytest.mark.parametrize("revision", ["none", "--output=x", "", "first..nope", "-p"])
def test_a_revision_that_does_not_exist_is_a_usage_error_with_the_reason_of_git(revision: str, root: Path) -> None:
    run = image_pinner("check", f"--since={revision}")

    error, help_ = run.err.splitlines()
    assert (run.code, run.out) == (2, b"")
    assert error.startswith(f"error: --since {revision!r}")
    assert help_.startswith("help: pass a branch, a tag or a commit")
    assert sorted(path.name for path in root.iterdir() if path.name == "x") == []


def test_outside_of_a_repository_since_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(ConfigurationError, match="not a git repository"):
        changed_since("HEAD")


def test_without_git_since_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))

    with pytest.raises(ConfigurationError, match="--since needs git"):
        changed_since("HEAD")


def test_committed_staged_unstaged_and_untracked_changes_count(root: Path) -> None:
    (root / "changed.yaml").write_text(MARKED, "utf-8")
    (root / "renamed.yaml").rename(root / "new name.yaml")
    (root / "deleted.yaml").unlink()
    commit(root)
    (root / "staged.yaml").write_text(MARKED, "utf-8")
    git(root, "add", "staged.yaml")
    (root / "sub/same.yaml").write_text(MARKED, "utf-8")
    (root / "untracked \"ä'.yaml").write_text(MARKED, "utf-8")
    (root / "ignored.yaml").write_text(MARKED, "utf-8")

    new = ["new name.yaml", "staged.yaml", "sub/same.yaml", "untracked \"ä'.yaml"]
    assert since("first") == ["changed.yaml", *new]
    assert since("HEAD") == new[1:]
    assert since("first", "same.yaml", "changed.yaml") == ["changed.yaml"]


def test_changes_after_the_branch_point_on_the_other_branch_do_not_count(root: Path) -> None:
    git(root, "switch", "--quiet", "-c", "topic")
    (root / "changed.yaml").write_text(MARKED, "utf-8")
    commit(root)
    git(root, "switch", "--quiet", "main")
    (root / "same.yaml").write_text(MARKED, "utf-8")
    commit(root)
    git(root, "switch", "--quiet", "topic")

    assert since("main") == ["changed.yaml"]


def test_paths_are_found_from_a_subdirectory_and_through_a_link(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "sub/same.yaml").write_text(MARKED, "utf-8")
    (root / "same.yaml").write_text(MARKED, "utf-8")
    (tmp_path / "link").symlink_to(root)

    monkeypatch.chdir(root / "sub")
    assert since("HEAD") == ["same.yaml"]
    assert since("HEAD", "..") == ["../same.yaml", "same.yaml"]
    monkeypatch.chdir(tmp_path / "link")
    assert since("HEAD") == ["same.yaml", "sub/same.yaml"]


def test_a_name_that_is_not_utf_8_is_found(root: Path) -> None:
    with open(os.fsencode(root) + b"/\xff.yaml", "wb") as file:  # noqa: PTH123 - a name that is not UTF-8
        file.write(MARKED.encode())

    assert since("HEAD") == ["\ufffd.yaml"]


def test_without_changes_check_passes(root: Path) -> None:
    assert (root / "same.yaml").read_text("utf-8") == UNMARKED

    assert image_pinner("check").code == 1
    assert image_pinner("check", "--since", "HEAD").code == 0
