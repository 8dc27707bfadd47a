"""Exit codes: what a script can tell from the number, and where results and errors go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.console import MEANINGS, ExitCode
from image_pinner.cli.documents import FileWriteError, InPlaceEditError
from image_pinner.cli.output.text import exit_code
from image_pinner.core.errors import ConfigurationError, InvalidPathError, SourceError, UnreadableTemplateError
from image_pinner.core.report import PinReport
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, PLAIN, REFUSED, UNMARKED, saved


class Raising(InMemoryRegistry):
    """A world that raises, although it should not."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def resolve_all(self, *_: Any) -> Any:
        raise self.error


def test_0_is_done_and_writes_no_error(tmp_path: Path) -> None:
    for text in (MARKED, PLAIN):
        run = image_pinner("pin", str(saved(tmp_path, text)))

        assert (run.code, run.err) == (0, "")


def test_0_is_also_that_nothing_was_found(tmp_path: Path) -> None:
    run = image_pinner("check", str(saved(tmp_path, MARKED)))

    assert (run.code, run.out, run.err) == (0, b"", "")


def test_1_are_findings_which_are_the_result_of_check(tmp_path: Path) -> None:
    run = image_pinner("check", str(saved(tmp_path, UNMARKED)))

    assert (run.code, run.err) == (1, "")
    assert run.out


def test_1_is_also_a_template_that_has_to_be_changed_before_it_can_be_pinned(tmp_path: Path) -> None:
    path = saved(tmp_path, REFUSED)

    run = image_pinner("pin", str(path))

    assert (run.code, run.out) == (1, b"")
    assert run.err == (
        f"{path}: nothing was changed, for 1 problem:\n"
        "  Resources.Web.Properties.ContainerDefinitions[0].Image: 'Shop/Web:1.0' is no image reference: a repository"
        " must be lower case (at character 6). write registry/repository:tag.\n"
    )


@pytest.mark.parametrize("arguments", [("pin",), ("pin", "a", "b"), ("pni",), ("check",), ("pin", "--nonsense", "a")])
def test_2_is_wrong_use(arguments: tuple[str, ...]) -> None:
    run = image_pinner(*arguments)

    assert (run.code, run.out) == (2, b"")
    assert "--help" in run.err


def test_3_is_a_look_up_that_failed(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), resolvers=InMemoryRegistry())

    assert (run.code, run.out) == (3, b"")
    assert "there is no repository 'docker.io/shop/web'" in run.err


def test_3_outweighs_1(tmp_path: Path) -> None:
    text = REFUSED + '        - {Name: other, Image: "!PinDigest shop/web:1.0"}\n'

    run = image_pinner("pin", str(saved(tmp_path, text)), resolvers=InMemoryRegistry())

    assert run.code == 3
    assert "for 2 problems:" in run.err


def test_4_is_what_a_policy_denied_and_outweighs_3(tmp_path: Path) -> None:
    text = MARKED + '        - {Name: other, Image: "!PinDigest shop/web"}\n'

    run = image_pinner("pin", str(saved(tmp_path, text)), resolvers=InMemoryRegistry())

    assert (run.code, run.out) == (4, b"")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("the registry has gone", "Ask again"), 3),
        (ConfigurationError("a setting is wrong", "Mend it"), 2),
        (UnreadableTemplateError("it is no template"), 2),
        (InvalidPathError("it is no path"), 2),
        (FileWriteError("the disk is full"), 2),
        (InPlaceEditError("an anchor is shared"), 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_that_ends_everything_has_the_code_of_its_kind(error: Exception, code: int, tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), resolvers=Raising(error))

    assert (run.code, run.out) == (code, b"")
    assert run.err.startswith(f"image-pinner: {error}.")
    assert "Traceback" not in run.err


def test_a_defect_is_no_finding(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), resolvers=Raising(KeyError("x")))

    assert (run.code, run.out) == (2, b"")
    assert "Traceback" in run.err
    assert run.err.endswith("this is a defect of image-pinner. Report it with the lines above.\n")


def test_an_interruption_is_no_finding(tmp_path: Path) -> None:
    interruption: Any = KeyboardInterrupt()

    assert image_pinner("pin", str(saved(tmp_path)), resolvers=Raising(interruption)).code == 2


@pytest.mark.parametrize("kind", ProblemKind)
def test_every_kind_of_problem_has_a_code_with_a_meaning(kind: ProblemKind) -> None:
    report = PinReport(problems=(Problem(TemplatePath(), kind, "cause"),))

    assert exit_code(report) is not ExitCode.DONE
    assert set(MEANINGS) == set(ExitCode)
