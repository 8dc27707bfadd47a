"""docs/ci.md is followed literally in a Git repository, once with a finding and once without."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from cfnlint.api import lint

from docs.documents import Block, blocks
from support.github_action import ActionRun
from support.project import ROOT
from support.repository import MARKED, UNPINNED, Repository, require_program

DOCUMENT = "docs/ci.md"
BLOCKS = {
    block.comment.removeprefix("tested: "): block
    for language in ("yaml", "console", "groovy")
    for block in blocks(language)
    if block.document == DOCUMENT
}
LOCKED = """{"version": 1, "images": [{
    "image": "docker.io/library/nginx:1.27", "digest": "sha256:%s", "media_type":
    "application/vnd.oci.image.index.v1+json", "resolved_at": "2026-01-01T00:00:00Z", "source": "registry"
}]}""" % ("7" * 64)
PASSED, FAILED = (MARKED, 0), (UNPINNED, 1)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository whose templates are in `templates`. Programs are installed, and there is no network."""
    repository = Repository(tmp_path / "repository")
    repository.environment |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_FIND_LINKS": ""}
    repository.write("templates/web.yaml", MARKED)
    repository.commit()
    return repository


def text(name: str) -> str:
    return BLOCKS[name].text


def content(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text(name))
    return found


def write(repository: Repository, name: str) -> None:
    repository.write(name, text(name))


def run_console(repository: Repository, name: str, code: int = 0) -> str:
    """Run the commands of a console block; only the last one may end with another code than 0."""
    commands = re.findall(r"^\$ (.*)$", text(name), re.MULTILINE)
    return run_commands(repository, commands, code)


def run_commands(repository: Repository, commands: list[str], code: int) -> str:
    for command in commands[:-1]:
        repository.run_script(command)
    return repository.run_script(commands[-1], code=code).stdout


def test_every_block_is_tested_here() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [name for name in BLOCKS if f'"{name}"' not in source] == []


@pytest.mark.parametrize(("template", "code"), [PASSED, FAILED])
def test_the_commands(repository: Repository, template: str, code: int) -> None:
    repository.write("templates/web.yaml", template)
    assert ("IP001" in run_console(repository, "commands", code)) is bool(code)


def test_the_baseline_accepts_known_findings_only(repository: Repository) -> None:
    repository.write("templates/web.yaml", UNPINNED)
    run_console(repository, "baseline")
    repository.write("templates/other.yaml", UNPINNED.replace("nginx", "other"))
    last = text("baseline").splitlines()[-1].removeprefix("$ ")
    assert "other:1.27" in repository.run_script(last, code=1).stdout


@pytest.mark.parametrize(("template", "code"), [PASSED, FAILED])
def test_the_workflow(repository: Repository, template: str, code: int) -> None:
    repository.write("templates/web.yaml", template)
    run = run_action(repository, ".github/workflows/images.yml")
    assert bool(run.failed) is bool(code)


def test_the_workflow_that_comments(repository: Repository) -> None:
    run = run_action(repository, ".github/workflows/changes.yml")
    assert run.steps[-2:] == ["Upload findings", "Compare with the stack"]
    # There is no stack.
    assert run.failed == "Compare with the stack"


def run_action(repository: Repository, name: str) -> ActionRun:
    """Check a workflow with actionlint and zizmor, and run its step that is our action."""
    write(repository, name)
    repository.run(require_program("actionlint"))
    # The commit of a release is not known before the release.
    pinned = text(name).replace("@v0.1.0 #", f"@{'0' * 40} #")
    repository.write("pinned.yml", pinned)
    found = repository.run(require_program("zizmor"), "--offline", "--no-progress", "pinned.yml")
    assert "No findings to report" in found.stdout + found.stderr
    (job,) = content(name)["jobs"].values()
    (step,) = [step for step in job["steps"] if step["uses"].startswith("image-pinner/")]
    needed = {"security-events", "pull-requests"} if "diff-stack" in step["with"] else set()
    assert needed <= set(job["permissions"])
    return ActionRun(repository, step["with"], {"event_name": "pull_request", "event.pull_request.number": "1"})


@pytest.mark.parametrize(("template", "code"), [PASSED, FAILED])
def test_the_hook(repository: Repository, template: str, code: int, tmp_path: Path) -> None:
    require_program("pre-commit")
    hooks = Repository(tmp_path / "hooks")
    hooks.write(".pre-commit-hooks.yaml", (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    hooks.commit()
    hooks.run("git", "tag", "v0.1.0")
    url = content(".pre-commit-config.yaml")["repos"][0]["repo"]
    # pre-commit would install the program, which needs a network.
    installed = re.sub(r"(- id: \S+)", r"\1\n        language: system", text(".pre-commit-config.yaml"))
    repository.write(".pre-commit-config.yaml", installed.replace(url, str(hooks.folder)))
    repository.write("templates/web.yaml", template)
    repository.commit()
    repository.environment["PRE_COMMIT_HOME"] = str(tmp_path / "pre-commit")
    assert ("templates/web.yaml:8:18" in run_console(repository, "pre-commit", code)) is bool(code)


@pytest.mark.parametrize(("template", "code"), [PASSED, (UNPINNED, 4)])
def test_cfn_lint(repository: Repository, template: str, code: int) -> None:
    write(repository, ".cfnlintrc")
    repository.write("templates/web.yaml", template)
    assert ("W9901" in run_console(repository, "cfn-lint", code)) is bool(code)


def test_cfn_lint_without_configuration(repository: Repository) -> None:
    repository.write("templates/web.yaml", UNPINNED)
    assert "W9901" in run_console(repository, "cfn-lint-option", 4)


@pytest.mark.parametrize(("template", "code"), [PASSED, FAILED])
def test_gitlab(repository: Repository, template: str, code: int) -> None:
    repository.write("templates/web.yaml", template)
    (job,) = content(".gitlab-ci.yml").values()
    run_commands(repository, job["script"], code)
    report = json.loads((repository.folder / job["artifacts"]["reports"]["codequality"]).read_text("utf-8"))
    assert [issue["location"]["path"] for issue in report] == ["templates/web.yaml"] * code


@pytest.mark.parametrize(("template", "code"), [PASSED, FAILED])
def test_codebuild(repository: Repository, template: str, code: int) -> None:
    repository.write("templates/web.yaml", template)
    build = content("buildspec.yml")
    run_commands(repository, phases(build), code)
    (report,) = build["reports"]["container-images"]["files"]
    assert failures(repository.folder / report) == code


def phases(buildspec: Mapping[str, Any]) -> list[str]:
    return [command for phase in buildspec["phases"].values() for command in phase["commands"]]


def failures(report: Path) -> int:
    return len(ET.fromstring(report.read_text("utf-8")).findall(".//failure"))


def test_codepipeline(repository: Repository) -> None:
    repository.write(
        "templates/web.yaml", MARKED.replace("Resources:", "Parameters: {Tag: {Type: String}}\nResources:")
    )
    repository.write("images.lock.json", LOCKED)
    repository.write("prod.json", '{"Parameters": {"Tag": "1.4.2"}}')
    build = content("buildspec-pin.yml")
    run_commands(repository, phases(build), 0)
    assert all((repository.folder / name).is_file() for name in build["artifacts"]["files"])
    pinned = (repository.folder / "pinned.yaml").read_text("utf-8")
    assert f"nginx@sha256:{'7' * 64}" in pinned
    assert "Transform" not in pinned


def test_the_actions_of_the_pipeline_are_valid_for_cfn_lint() -> None:
    actions = "\n".join(f"            {line}" for line in text("pipeline-actions.yaml").splitlines())
    template = f"""\
Parameters: {{PinProject: {{Type: String}}}}
Resources:
  DeploymentRole:
    Type: AWS::IAM::Role
    Properties: {{AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: []}}}}
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      RoleArn: !GetAtt DeploymentRole.Arn
      ArtifactStore: {{Type: S3, Location: artifacts}}
      Stages:
        - Name: Source
          Actions:
            - Name: Source
              ActionTypeId: {{Category: Source, Owner: AWS, Provider: S3, Version: "1"}}
              OutputArtifacts: [{{Name: Source}}]
        - Name: Deploy
          Actions:
{actions}
"""
    assert [str(match) for match in lint(template) if "PolicyDocument" not in str(match)] == []


@pytest.mark.parametrize(("template", "code"), [PASSED, FAILED])
def test_jenkins(repository: Repository, template: str, code: int) -> None:
    repository.write("templates/web.yaml", template)
    commands = re.findall(r"sh '([^']*)'", text("Jenkinsfile"))
    install, check = commands
    # In the image, the program is installed into a new environment; here it is in that of the tests.
    assert install == "python3 -m venv .venv && .venv/bin/pip install image-pinner"
    programs = Path(require_program("image-pinner")).parent
    repository.folder.joinpath(".venv").mkdir()
    repository.folder.joinpath(".venv", "bin").symlink_to(programs)
    run_commands(repository, [".venv/bin/pip install image-pinner", check], code)
    (report,) = re.findall(r"junit '([^']*)'", text("Jenkinsfile"))
    assert failures(repository.folder / report) == code


def test_the_blocks_of_other_documents_are_not_read() -> None:
    assert all(isinstance(block, Block) and block.document == DOCUMENT for block in BLOCKS.values())
