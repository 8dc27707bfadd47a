"""The hooks run in pre-commit, in a repository of a user."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from image_pinner.cli.discovery import TEMPLATE_EXTENSIONS
from support.project import ROOT
from support.repository import MARKED, UNPINNED, Repository, require_program

MANIFEST = ".pre-commit-hooks.yaml"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository with a template, whose hooks run the program of this environment.

    pre-commit would otherwise install the hooks with their dependencies, which needs a network.
    """
    require_program("pre-commit")
    hooks = Repository(tmp_path / "hooks")
    hooks.write(MANIFEST, (ROOT / MANIFEST).read_text("utf-8"))
    revision = hooks.commit()
    repository = Repository(tmp_path / "repository")
    repository.environment["PRE_COMMIT_HOME"] = str(tmp_path / "pre-commit")
    used = [
        {"id": hook["id"], "language": "system"} for hook in yaml.safe_load(hooks.folder.joinpath(MANIFEST).read_text())
    ]
    repos = [{"repo": str(hooks.folder), "rev": revision, "hooks": used}]
    repository.write(".pre-commit-config.yaml", yaml.safe_dump({"repos": repos}))
    repository.write("templates/web.yaml", UNPINNED)
    repository.write("docker-compose.yaml", "services: {web: {image: nginx}}\n")
    repository.run("git", "add", "--all")
    return repository


def test_the_manifest_is_valid() -> None:
    require_program("pre-commit")
    from pre_commit.clientlib import load_manifest  # noqa: PLC0415 - only where it is installed

    hooks = load_manifest(ROOT / MANIFEST)
    assert [(hook["id"], hook["language"]) for hook in hooks] == [
        ("image-pinner-check", "python"),
        ("image-pinner-fix", "python"),
    ]


@pytest.mark.parametrize("hook", yaml.safe_load((ROOT / MANIFEST).read_text("utf-8")), ids=lambda hook: hook["id"])
def test_every_file_that_is_checked_in_a_folder_starts_the_hook(hook: dict[str, str]) -> None:
    names = [f"web{extension}" for extension in TEMPLATE_EXTENSIONS]
    assert [name for name in (*names, "WEB.YAML") if not re.search(hook["files"], name)] == []
    assert not re.search(hook["files"], "yaml.md")


def test_an_unpinned_image_fails_the_commit(repository: Repository) -> None:
    run = repository.run("pre-commit", "run", "image-pinner-check", code=1)
    assert "templates/web.yaml:8:18: IP001" in run.stdout
    assert "docker-compose" not in run.stdout


def test_a_fixed_template_passes(repository: Repository) -> None:
    template = repository.folder / "templates" / "web.yaml"
    run = repository.run("pre-commit", "run", "image-pinner-fix", code=1)
    assert "files were modified by this hook" in run.stdout
    assert template.read_text("utf-8") == MARKED
    repository.run("git", "add", "--all")
    run = repository.run("pre-commit", "run", "--all-files")
    assert run.stdout.count("Passed") == 2


def test_other_files_do_not_start_the_hooks(repository: Repository) -> None:
    repository.run("git", "commit", "--quiet", "--no-verify", "--message", "All templates")
    repository.write("README.md", "# Shop\n")
    repository.run("git", "add", "README.md")
    run = repository.run("pre-commit", "run")
    assert run.stdout.count("Skipped") == 2
