"""The steps of the GitHub Action, run with bash in a repository."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from image_pinner.cli.main import command
from support.github_action import ACTION, INSTALL, ActionRun
from support.project import ROOT
from support.repository import BIN, MARKED, UNPINNED, Repository

CHECK, UPLOAD, COMPARE, COMMENT = (
    "Check templates",
    "Upload findings",
    "Compare with the stack",
    "Comment on the pull request",
)
FAIL, FAIL_CHECK = "Fail if there are findings", "Fail if templates cannot be checked"
FAIL_DIFF = "Fail if images cannot be compared"
START = ["actions/setup-python", INSTALL, CHECK]
PULL_REQUEST = {"event_name": "pull_request", "event.pull_request.number": "7"}
BROKEN = f"{UNPINNED}  App: [\n"
DIFF = {"diff-template": "templates/web.yaml", "diff-stack": "shop-web"}
PROGRAM = """\
#!/bin/sh
[ "$1" = diff ] || exec {program} "$@"
printf '%s\\n' "$@" > {arguments}
echo '| image | old | new |'
exit {code}
"""
GH = """\
#!/bin/sh
printf '%s ' "$@" >> {log}
echo >> {log}
case "$*" in
*--paginate*) [ "$MARKER" = '<!-- image-pinner diff shop-web -->' ] && printf '{previous}' || true ;;
*) cat "${{*##*body=@}}" > {body} ;;
esac
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    repository.write("templates/web.yaml", UNPINNED)
    repository.commit()
    return repository


def fake(repository: Repository, name: str, text: str) -> None:
    path = repository.folder.parent / "programs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    if str(path.parent) not in repository.environment["PATH"]:
        repository.environment["PATH"] = f"{path.parent}:{repository.environment['PATH']}"


def fake_diff(repository: Repository, code: int = 1) -> Path:
    """Make `image-pinner diff` end with a code, since it would need AWS; return where it writes its arguments."""
    arguments = repository.folder.parent / "arguments"
    fake(repository, "image-pinner", PROGRAM.format(program=BIN / "image-pinner", arguments=arguments, code=code))
    return arguments


def fake_gh(repository: Repository, previous: str = "") -> tuple[Path, Path]:
    """Make `gh` a program that records its calls and the body of the comment; return both files."""
    log, body = repository.folder.parent / "gh.log", repository.folder.parent / "gh.body"
    fake(repository, "gh", GH.format(log=log, body=body, previous=previous))
    return log, body


def test_findings_fail_the_job_with_annotations_and_a_summary(repository: Repository) -> None:
    run = ActionRun(repository, {"paths": "templates"})
    assert run.steps == [*START, FAIL]
    assert run.failed == FAIL
    assert "::warning file=templates/web.yaml,line=8," in run.log
    assert "IP001" in run.summary
    assert "templates/web.yaml" in run.summary


def test_templates_without_findings_pass(repository: Repository) -> None:
    repository.write("templates/web.yaml", MARKED)
    run = ActionRun(repository, {})
    assert (run.steps, run.failed) == (START, "")
    assert "::" not in run.log


def test_findings_can_be_allowed(repository: Repository) -> None:
    run = ActionRun(repository, {"fail": "false"})
    assert (run.steps, run.failed) == (START, "")
    assert "::warning" in run.log


def test_arguments_and_paths_are_one_a_line_and_never_commands(repository: Repository) -> None:
    repository.write("$(touch injected) a.yaml", UNPINNED)
    inputs = {
        "paths": "$(touch injected) a.yaml\n\ntemplates/*.yaml\n",
        "arguments": "--severity=error\n--region=eu-west-1",
    }
    run = ActionRun(repository, inputs)
    assert (run.steps, run.failed) == (START, "")
    assert "All 2 templates pass." in run.log
    assert not (repository.folder / "injected").exists()


def test_a_file_that_is_not_a_template_fails_the_check(repository: Repository) -> None:
    repository.write("README.md", "# Shop\n")
    run = ActionRun(repository, {"paths": "README.md", "fail": "false"})
    assert run.failed == FAIL_CHECK
    assert "README.md" in run.log


def test_findings_are_published_although_another_template_cannot_be_read(repository: Repository) -> None:
    repository.write("templates/broken.yaml", BROKEN)
    inputs = {"paths": "templates", "fail": "false"}
    run = ActionRun(repository, inputs)
    assert (run.steps, run.failed) == ([*START, FAIL_CHECK], FAIL_CHECK)
    assert "::warning file=templates/web.yaml,line=8," in run.log
    assert "IP000" in run.summary
    assert "IP001" in run.summary


def test_findings_are_uploaded_although_another_template_cannot_be_read(repository: Repository) -> None:
    repository.write("templates/broken.yaml", BROKEN)
    run = ActionRun(repository, {"paths": "templates", "sarif": "true"})
    assert (run.steps, run.failed) == ([*START, UPLOAD, FAIL_CHECK], FAIL_CHECK)


def test_an_unknown_option_fails_the_check_at_once(repository: Repository) -> None:
    run = ActionRun(repository, {"arguments": "--no-such-option"})
    assert (run.steps, run.failed, run.summary) == (START, CHECK, "")


def test_sarif_is_uploaded_instead_of_annotations(repository: Repository) -> None:
    run = ActionRun(repository, {"sarif": "true", "fail": "false"})
    assert run.steps == [*START, UPLOAD]
    assert "::warning" not in run.log
    sarif = json.loads((repository.folder.parent / "runner" / "image-pinner.sarif").read_text("utf-8"))
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == ["IP001"]


def test_changes_of_a_stack_are_a_new_comment(repository: Repository) -> None:
    arguments, (log, body) = fake_diff(repository), fake_gh(repository)
    run = ActionRun(repository, {**DIFF, "fail": "false", "diff-arguments": "--parameters=prod.json"}, PULL_REQUEST)
    assert (run.steps, run.failed) == ([*START, COMPARE, COMMENT], "")
    assert "| image | old | new |" in run.summary
    assert body.read_text("utf-8") == "<!-- image-pinner diff shop-web -->\n| image | old | new |\n"
    assert "--method POST repos/shop/templates/issues/7/comments" in log.read_text("utf-8")
    name, *words = arguments.read_text("utf-8").splitlines()
    # A command keeps its help option, so that the context must be that of the CLI.
    context = click.Context(command, info_name="image-pinner", **command.context_settings)
    subcommand = command.get_command(context, name)
    assert subcommand is not None
    options, _, _ = subcommand.make_parser(click.Context(subcommand, parent=context)).parse_args(words)
    assert options["stack"] == "shop-web"


def test_the_comment_of_an_earlier_push_is_updated(repository: Repository) -> None:
    fake_diff(repository)
    log, _ = fake_gh(repository, previous="42\\n43\\n")
    run = ActionRun(repository, {**DIFF, "fail": "false"}, PULL_REQUEST)
    assert run.failed == ""
    assert "--method PATCH repos/shop/templates/issues/comments/42 " in log.read_text("utf-8")


def test_comments_of_stacks_with_the_same_name_have_names_of_their_own(repository: Repository) -> None:
    fake_diff(repository)
    log, body = fake_gh(repository, previous="42\\n")
    run = ActionRun(repository, {**DIFF, "fail": "false", "comment-name": "shop-web in prod"}, PULL_REQUEST)
    assert run.failed == ""
    assert "--method POST" in log.read_text("utf-8")
    assert body.read_text("utf-8").startswith("<!-- image-pinner diff shop-web in prod -->\n")


def test_a_push_has_no_comment(repository: Repository) -> None:
    fake_diff(repository)
    run = ActionRun(repository, {**DIFF, "fail": "false"}, {"event_name": "push"})
    assert (run.steps, run.failed) == ([*START, COMPARE], "")


def test_images_that_cannot_be_resolved_are_a_comment_and_fail_the_job(repository: Repository) -> None:
    fake_diff(repository, code=3)
    _, body = fake_gh(repository)
    run = ActionRun(repository, {**DIFF, "fail": "false"}, PULL_REQUEST)
    assert (run.steps, run.failed) == ([*START, COMPARE, COMMENT, FAIL_DIFF], FAIL_DIFF)
    assert "| image | old | new |" in body.read_text("utf-8")


def test_a_comparison_without_a_result_fails_and_is_not_a_comment(repository: Repository) -> None:
    fake(repository, "image-pinner", f'#!/bin/sh\n[ $1 = diff ] && exit 2\nexec {BIN / "image-pinner"} "$@"\n')
    run = ActionRun(repository, {**DIFF, "fail": "false"}, PULL_REQUEST)
    assert (run.steps, run.failed) == ([*START, COMPARE], COMPARE)


def test_only_environment_variables_contain_inputs() -> None:
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert [script for script in scripts if "${{" in script] == []


def test_every_input_is_used_and_described() -> None:
    text = (ROOT / "action.yml").read_text("utf-8")
    assert [name for name in ACTION["inputs"] if f"inputs.{name}" not in text] == []
    assert all(one["description"] for one in ACTION["inputs"].values())
