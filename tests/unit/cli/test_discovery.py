"""Files, directories, patterns and standard input as arguments, and what is skipped with which reason."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from image_pinner.cli.discovery import find_templates, looks_like_template
from image_pinner.core.errors import UnreadableTemplateError
from support.git import git, repository
from unit.cli.cli_templates import MARKED

JSON = json.dumps({"Resources": {"A": {"Type": "AWS::SNS::Topic"}}})
TEMPLATES = {
    "YAML": MARKED,
    "JSON": JSON,
    "minified JSON": JSON.replace(" ", ""),
    "JSON with an error": JSON[:-1],
    "YAML with an error": MARKED + "]",
    "YAML in braces": "{Resources: {A: {Type: AWS::SNS::Topic}}}",
    "quoted keys": "'Resources':\n  A:\n    'Type': 'AWS::SNS::Topic'\n",
    "after a document marker": "--- Resources:\n".replace(" ", "\n") + "  A: {Type: AWS::SNS::Topic}\n",
    "CRLF": MARKED.replace("\n", "\r\n"),
    "a custom resource": "Resources:\n  A:\n    Type: Custom::Thing\n",
    "SAM": "Transform: AWS::Serverless-2016-10-31\nResources:\n  A:\n    Type: AWS::Serverless::Function\n",
    "a module": "Resources:\n  A:\n    Type: Team::Web::Service::MODULE\n",
    "a version and no types": "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  Fn::Transform: {Name: X}\n",
    "UTF-16": "Resources:\n  A: {Type: AWS::SNS::Topic}\n".encode("utf-16"),
    "UTF-8 with a byte order mark": MARKED.encode("utf-8-sig"),
    "other bytes in a comment": b"# \xff\n" + MARKED.encode(),
}
OTHERS = {
    "nothing": "",
    "Kubernetes": "apiVersion: v1\nkind: Pod\nspec: {containers: [{resources: {}}]}\n",
    "a template in a string": "kind: ConfigMap\ndata:\n  x: |\n    Resources:\n      A: {Type: AWS::SNS::Topic}\n",
    "a template in a Serverless file": "service: x\nresources:\n  Resources:\n    A: {Type: AWS::SNS::Topic}\n",
    "a template in JSON": json.dumps({"fragment": json.loads(JSON)}),
    "templates in a JSON list": json.dumps([json.loads(JSON)]),
    "Resources and no types": "Resources: [cpu, memory]\n",
    "Resources that are a list": '{"AWSTemplateFormatVersion": "2010-09-09", "Resources": []}',
    "a SAM configuration": "version: 0.1\ndefault: {deploy: {parameters: {template: template.yaml}}}\n",
    "an image": b"\x89PNG\r\n\x1a\n\0\0",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, which is empty."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(*names: str, text: str = MARKED) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, "utf-8")


def names(*arguments: str) -> list[str]:
    return [file.name for file in find_templates(arguments).files]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_recognized_by_its_content(name: str) -> None:
    content = TEMPLATES[name]
    assert looks_like_template(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("name", OTHERS)
def test_another_file_is_not_a_template(name: str) -> None:
    content = OTHERS[name]
    assert not looks_like_template(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("argument", [".", "x", "*.yaml", "x/**/*.yaml", "[ab].yaml", "*/", "none/*.yaml"])
def test_a_directory_or_pattern_without_templates_is_an_error(argument: str) -> None:
    write("x/values.yaml", "values.yaml", text="a: 1\n")

    with pytest.raises(UnreadableTemplateError, match="no templates found in") as error:
        find_templates([argument])

    assert argument in error.value.cause


def test_a_file_that_is_passed_by_name_is_selected_whatever_it_contains() -> None:
    write("values.txt", "docker-compose.yaml", text="a: 1\n")

    assert names("values.txt", "docker-compose.yaml") == ["docker-compose.yaml", "values.txt"]


def test_a_directory_is_searched_for_templates_by_extension_and_content() -> None:
    write("a.yaml", "x/b.yml", "x/y/c.json", "d.template", "e.cfn", "F.YAML")
    write("values.yaml", text="a: 1\n")
    write("readme.md")

    found = find_templates(["."])

    assert [file.name for file in found.files] == ["F.YAML", "a.yaml", "d.template", "e.cfn", "x/b.yml", "x/y/c.json"]
    assert found.skipped == (("values.yaml", "not a CloudFormation template"),)


def test_hidden_directories_installed_packages_and_links_are_skipped(folder: Path) -> None:
    write("a.yaml", ".git/b.yaml", ".aws-sam/build/c.yaml", "node_modules/x/d.yaml")
    (folder / "loop").symlink_to(folder)
    (folder / "link.yaml").symlink_to("a.yaml")

    found = find_templates(["."])

    assert [file.name for file in found.files] == ["a.yaml"]
    assert found.skipped == (
        (".aws-sam", "hidden directory"),
        (".git", "hidden directory"),
        ("link.yaml", "symbolic link"),
        ("node_modules", "installed packages"),
    )
    assert names(".aws-sam") == [".aws-sam/build/c.yaml"]


IGNORED = {
    ".gitignore": "build/\n*.gen.yaml\n!keep.gen.yaml\n/only.yaml\n# comment\n\\#x.yaml\ndeep/**/z.yaml\n!\n",
    "sub/.gitignore": "!b.gen.yaml\nlocal.yaml\n!local2.yaml\n",
    "x/.gitignore": "tab.yaml\t\nx\ffeed.yaml\n",
    "sub/build/.gitignore": "!x.yaml\n",
    "other/.gitignore": "*\n!.gitignore\n!*/\n!yes.yaml\n",
    ".git/info/exclude": "excluded.yaml\nlocal2.yaml\n",
}
CANDIDATES = (
    *("a.gen.yaml", "keep.gen.yaml", "only.yaml", "sub/only.yaml", "#x.yaml", "build.yaml", "deep/z.yaml"),
    *("deep/x/y/z.yaml", "sub/b.gen.yaml", "sub/c.gen.yaml", "sub/local.yaml", "sub/x/local.yaml", "local.yaml"),
    *("sub/local2.yaml", "local2.yaml", "sub/build/x.yaml", "build/keep.gen.yaml", "x/build/y.yaml"),
    *("excluded.yaml", "x/excluded.yaml", "other/no.yaml", "other/yes.yaml", "other/a/b/yes.yaml", "other/a/no.yaml"),
    *("ä b\"c'.yaml", "x/tab.yaml", "x/feed.yaml"),
)


def test_the_same_files_are_ignored_as_by_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "repository")
    monkeypatch.chdir(root)
    write(*CANDIDATES)
    for name, text in IGNORED.items():
        write(name, text=text)
    listed = git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", "*.yaml").decode().split("\0")

    assert sorted(names(".")) == sorted(filter(None, listed))
    assert len(names(".")) < len(CANDIDATES)
    monkeypatch.chdir(root / "sub")
    assert sorted(names(".")) == sorted(name.removeprefix("sub/") for name in listed if name.startswith("sub/"))


@pytest.mark.parametrize("content", [b"gitdir: \xff\0", b"garbage", b"gitdir: /nonexistent"])
def test_a_git_file_that_is_not_valid_excludes_nothing(content: bytes, folder: Path) -> None:
    write("a.yaml")
    (folder / ".git").write_bytes(content)
    assert names(".") == ["a.yaml"]


@pytest.mark.parametrize("target", ["/dev/zero", "rules", ".gitignore", "nothing"])
def test_an_ignore_file_that_is_a_link_is_not_followed(target: str, folder: Path) -> None:
    write("a.yaml")
    write("rules", text="a.yaml\n")
    (folder / ".git").mkdir()
    (folder / ".gitignore").symlink_to(target)
    assert names(".") == ["a.yaml"]


def test_the_excludes_of_a_repository_apply_in_its_worktrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "repository")
    git(root, "-c", "user.name=x", "commit", "--quiet", "--allow-empty", "--message", "x")
    git(root, "worktree", "add", "--quiet", str(tmp_path / "worktree"))
    (root / ".git/info/exclude").write_text("excluded.yaml\n", "utf-8")
    monkeypatch.chdir(tmp_path / "worktree")
    write("a.yaml", "excluded.yaml")

    assert names(".") == ["a.yaml"]


def test_ignore_files_apply_without_a_repository_too() -> None:
    write(".gitignore", text="a.yaml\n")
    write("a.yaml", "b.yaml")

    assert names(".") == ["b.yaml"]


def test_an_ignored_file_or_directory_that_is_passed_is_selected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository(tmp_path / "repository"))
    write(".gitignore", text="build/\na.yaml\n")
    write("a.yaml", "build/b.yaml")

    assert names("a.yaml", "build") == ["a.yaml", "build/b.yaml"]
    with pytest.raises(UnreadableTemplateError):
        find_templates(["."])


PATTERNS = {
    "*.yaml": ["a.yaml", "b.yaml"],
    "[!b].yaml": ["a.yaml"],
    "?.yaml": ["a.yaml", "b.yaml"],
    "x/**/*.yaml": ["x/c.yaml", "x/y/d.yaml"],
    "x/*": ["x/c.yaml", "x/y/d.yaml", "x/y/e.txt"],
    "**/*.txt": ["x/y/e.txt"],
    "./*.yaml": ["a.yaml", "b.yaml"],
    "../project/x/*.yaml": ["x/c.yaml"],
    "*/": ["x/c.yaml", "x/y/d.yaml", "x/y/e.txt"],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_selects_templates_as_a_shell_would(pattern: str, folder: Path) -> None:
    write("a.yaml", "b.yaml", "x/c.yaml", "x/y/d.yaml", "x/y/e.txt", "node_modules/f.yaml", ".hidden/g.yaml")
    write("values.yaml", "x/values.yaml", text="a: 1\n")

    assert names(pattern) == PATTERNS[pattern]
    assert names(f"{folder}/{pattern}") == PATTERNS[pattern]


def test_a_file_whose_name_is_a_pattern_is_that_file() -> None:
    write("[ab].yaml", "a.yaml")

    assert names("[ab].yaml") == ["[ab].yaml"]


def test_each_file_is_selected_once_under_its_first_name(folder: Path) -> None:
    write("b.yaml", "x/c.yaml")
    (folder / "a.yaml").symlink_to("b.yaml")
    arguments = ["x", "b.yaml", "./x/c.yaml", "a.yaml", str(folder / "b.yaml"), "x/../b.yaml", "**/*.yaml"]

    assert names(*arguments) == names(*reversed(arguments)) == ["a.yaml", "x/c.yaml"]


def test_names_are_relative_to_the_working_directory_if_they_are_inside(tmp_path: Path, folder: Path) -> None:
    outside = tmp_path / "outside.yaml"
    write("a.yaml", str(outside))

    assert names(str(folder / "a.yaml"), "../outside.yaml") == ["../outside.yaml", "a.yaml"]
    assert names(str(outside)) == [str(outside)]


def test_names_are_printable(folder: Path) -> None:
    write("a\nb\x1b.yaml")
    with open(os.fsencode(folder) + b"/\xff.yaml", "wb") as file:  # noqa: PTH123 - a name that is not UTF-8
        file.write(MARKED.encode())

    found = find_templates(["."])

    assert [file.name for file in found.files] == ["a\ufffdb\ufffd.yaml", "\ufffd.yaml"]
    assert all(os.path.exists(file.path) for file in found.files)  # noqa: PTH110 - strings


def test_standard_input_has_a_name() -> None:
    assert [file.name for file in find_templates(["-"], stdin_name="x/y.yaml").files] == ["x/y.yaml"]
    assert names("-") == ["standard input"]


def test_a_directory_that_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    write("a.yaml")
    monkeypatch.setattr(os, "scandir", scandir)

    with pytest.raises(UnreadableTemplateError, match=r"cannot read \.: Permission denied"):
        find_templates(["."])
