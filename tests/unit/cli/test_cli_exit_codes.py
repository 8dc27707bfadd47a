"""Exit codes, and the streams of results and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.console import MEANINGS, ExitCode
from image_pinner.cli.documents import FileWriteError, InPlaceEditError
from image_pinner.cli.output import exit_code
from image_pinner.core.errors import ConfigurationError, InvalidPathError, SourceError, UnreadableTemplateError
from image_pinner.core.images.lookups import NotFound
from image_pinner.core.report import PinReport
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, PLAIN, REFUSED, SUMMARY, UNMARKED, digest, saved


class OnlyDockerHub(InMemoryRegistry):
    """A registry in memory in which all images of other registries are missing."""

    def resolve_all(self, lookups: Any, deadline: Any) -> Any:
        found = super().resolve_all(lookups, deadline)
        gone = NotFound("it does not exist", "push it")
        return {one: result if one.reference.registry == "docker.io" else gone for one, result in found.items()}


class Raising(InMemoryRegistry):
    """A registry in memory that raises an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def resolve_all(self, *_: Any) -> Any:
        raise self.error


def test_success_exits_with_0_and_prints_a_summary(tmp_path: Path) -> None:
    for text, summary in ((MARKED, SUMMARY), (PLAIN, "Pinned 0 images (0 skipped).\n")):
        run = image_pinner("pin", str(saved(tmp_path, text)))

        assert (run.code, run.err) == (0, summary)


def test_a_template_in_which_nothing_is_marked_is_a_warning_with_its_images(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED + "        - {Name: pinned, Image: x@sha256:" + "a" * 64 + "}\n")

    run = image_pinner("pin", str(path))

    assert run.code == 0
    assert run.err == (
        f"warning: {path}: nothing was pinned: no image is marked (1 unpinned image)\n"
        f"  {path}:11:18: Resources.Web.Properties.ContainerDefinitions[0].Image: 'shop/web:1.0'\n"
        'help: write "!PinDigest repository:tag", or pass --pin All\n'
        "Pinned 0 images (2 skipped).\n"
    )


@pytest.mark.parametrize("command", [("update", "--check"), ("lock", "-o", "-")])
def test_only_pin_warns_that_nothing_is_marked(command: tuple[str, ...], tmp_path: Path) -> None:
    assert "nothing was pinned" not in image_pinner(*command, str(saved(tmp_path, UNMARKED))).err


def test_all_unknown_names_of_an_expression_are_reported_at_once(tmp_path: Path) -> None:
    text = MARKED.replace('Tag: {Type: String, Default: "1.0"}', "{Repo: {Type: String}, Tag: {Type: String}}")

    run = image_pinner("pin", str(saved(tmp_path, text.replace("shop/web:", "${Repo}:"))))

    cause = "the parameter 'Repo' has no value and no default, and the parameter 'Tag' has no value and no default\n"
    assert run.code == 1
    assert cause in run.err
    assert "\nhelp: pass --parameter Repo=VALUE --parameter Tag=VALUE\n" in run.err


def test_check_without_findings_exits_with_0(tmp_path: Path) -> None:
    run = image_pinner("check", str(saved(tmp_path, MARKED)))

    assert (run.code, run.err) == (0, "")
    assert run.text.startswith("The template passes.")


def test_check_with_findings_exits_with_1(tmp_path: Path) -> None:
    run = image_pinner("check", str(saved(tmp_path, UNMARKED)))

    assert (run.code, run.err) == (1, "")
    assert run.out


def test_pin_of_an_invalid_template_exits_with_1(tmp_path: Path) -> None:
    path = saved(tmp_path, REFUSED)

    run = image_pinner("pin", str(path))

    assert (run.code, run.out) == (1, b"")
    error, help_, summary = run.err.splitlines()
    location = f"{path}:11:18: Resources.Web.Properties.ContainerDefinitions[0].Image"
    assert error.startswith(f"error: {location}: 'Shop/Web:1.0' is ")
    assert help_.startswith("help: ")
    assert summary == "Found 1 problem. No template was written."


@pytest.mark.parametrize(
    "arguments", [("pin",), ("status", "a"), ("pni",), ("check", "--nonsense"), ("pin", "--nonsense", "a")]
)
def test_a_usage_error_exits_with_2(arguments: tuple[str, ...]) -> None:
    run = image_pinner(*arguments)

    assert (run.code, run.out) == (2, b"")
    assert run.err.rstrip().endswith("--help")
    assert "error: " in run.err


def test_a_failed_lookup_exits_with_3(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), resolvers=InMemoryRegistry())

    assert (run.code, run.out) == (3, b"")
    assert "repository 'docker.io/shop/web' does not exist" in run.err


def test_3_takes_precedence_over_1(tmp_path: Path) -> None:
    text = REFUSED + '        - {Name: other, Image: "!PinDigest shop/web:1.0"}\n'

    run = image_pinner("pin", str(saved(tmp_path, text)), resolvers=InMemoryRegistry())

    assert run.code == 3
    assert "Found 2 problems." in run.err


def test_an_image_without_a_tag_exits_with_1(tmp_path: Path) -> None:
    path = str(saved(tmp_path, MARKED.replace(":${Tag}", "")))
    for resolvers in (None, InMemoryRegistry()):
        run = image_pinner("pin", path, resolvers=resolvers)

        assert (run.code, run.out) == (1, b"")
        assert "image 'shop/web' has no tag or digest\n" in run.err
        assert "Found 1 problem." in run.err


def test_a_denied_image_exits_with_4_which_takes_precedence_over_3(tmp_path: Path) -> None:
    moved = MARKED.replace("!PinDigest shop/web:${Tag}", f"!PinDigest WhenMoved=Fail shop/web:1@{digest('old')}")
    missing = '        - {Name: other, Image: "!PinDigest gone.example/web:1"}\n'

    alone = image_pinner("pin", str(saved(tmp_path, moved)))
    both = image_pinner("pin", str(saved(tmp_path, moved + missing)), resolvers=OnlyDockerHub(has_every_image=True))
    unchecked = image_pinner("pin", str(saved(tmp_path, moved)), resolvers=InMemoryRegistry())

    assert [(run.code, run.out) for run in (alone, both, unchecked)] == [(4, b""), (4, b""), (3, b"")]
    assert "Found 2 problems." in both.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("the registry is unavailable", "try again"), 3),
        (ConfigurationError("a setting is invalid", "fix it"), 2),
        (UnreadableTemplateError("this is not a template"), 2),
        (InvalidPathError("this is not a path"), 2),
        (FileWriteError("the disk is full"), 2),
        (InPlaceEditError("an anchor is shared"), 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_exits_with_the_code_of_its_type(error: Exception, code: int, tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), resolvers=Raising(error))

    assert (run.code, run.out) == (code, b"")
    assert run.err.splitlines()[0] == f"error: {error}"
    assert all(line.startswith("help: ") for line in run.err.splitlines()[1:])
    assert "Traceback" not in run.err


def test_an_internal_error_exits_with_2(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), resolvers=Raising(KeyError("x")))

    assert (run.code, run.out) == (2, b"")
    assert "Traceback" in run.err
    assert run.err.endswith("error: internal error\nhelp: please report it with the traceback above\n")


def test_an_interruption_exits_as_shells_report_it(tmp_path: Path) -> None:
    interruption: Any = KeyboardInterrupt()

    run = image_pinner("pin", str(saved(tmp_path)), resolvers=Raising(interruption))

    assert (run.code, run.out) == (130, b"")
    assert run.err.endswith("error: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "cause", "help_"),
    [
        (("pni",), "unknown subcommand 'pni' (did you mean 'pin'?)", "run image-pinner --help"),
        (
            ("pin", "--parametr", "a"),
            "unknown option '--parametr' (did you mean '--parameter'?)",
            "run image-pinner pin --help",
        ),
        (("--nonsense",), "unknown option '--nonsense'", "run image-pinner --help"),
        (("pin",), "missing argument 'TEMPLATE...'", "run image-pinner pin --help"),
        (("completion",), "missing argument '{bash|zsh|fish}'", "run image-pinner completion --help"),
        (("status", "b"), "got unexpected extra argument (b)", "run image-pinner status --help"),
        (("pin", "a", "--lock"), "option '--lock' requires an argument", "run image-pinner --help"),
        (
            ("pin", "a", "--output-format", "xml"),
            "invalid value for '--output-format': 'xml' is not one of 'yaml', 'json'",
            "run image-pinner pin --help",
        ),
        (
            ("pin", "a", "--timeout", "0"),
            "invalid value for '--timeout': 0.0 is not in the range 1<=x<=900",
            "run image-pinner pin --help",
        ),
        (
            ("lock", "publish", "--nonsense", "a"),
            "unknown option '--nonsense'",
            "run image-pinner lock publish --help",
        ),
    ],
)
def test_usage_errors_have_a_cause_and_a_help(arguments: tuple[str, ...], cause: str, help_: str) -> None:
    assert image_pinner(*arguments).err == f"error: {cause}\nhelp: {help_}\n"


def test_a_cause_of_several_images_is_printed_once(tmp_path: Path) -> None:
    text = MARKED.replace("shop/web:${Tag}", "${AWS::AccountId}.dkr.ecr.eu-west-1.amazonaws.com/web:1")
    path = saved(tmp_path, text + text[text.index("        - Name: web") :])

    run = image_pinner("pin", str(path))

    first, *locations, help_, summary = run.err.splitlines()
    assert first.startswith("error: ")
    assert first.endswith(" (2 locations)")
    assert [line.split(": ")[0] for line in locations] == [f"  {path}:11:18", f"  {path}:13:18"]
    assert help_ == "help: pass --account, or configure AWS credentials or set AWS_PROFILE"
    assert summary == "Found 2 problems. No template was written."


@pytest.mark.parametrize("kind", ProblemKind)
def test_every_kind_of_problem_has_an_exit_code_with_a_meaning(kind: ProblemKind) -> None:
    report = PinReport(problems=(Problem(TemplatePath(), kind, "cause"),))

    assert exit_code(report) is not ExitCode.DONE
    assert set(MEANINGS) == set(ExitCode)
