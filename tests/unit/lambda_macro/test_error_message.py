"""The message of several problems is one line that CloudFormation shows."""

from __future__ import annotations

import pytest

from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.lambda_macro.handler import error_message
from support.macro import event_for, macro_in
from support.templates import task


def problem(name: str, cause: str = "it is bad", help: str = "", kind: ProblemKind = ProblemKind.TEMPLATE) -> Problem:
    return Problem(TemplatePath(("Resources", name)), kind, cause, help)


def test_the_most_severe_problem_comes_first() -> None:
    problems = [problem("A"), problem("B", kind=ProblemKind.LOOKUP), problem("C", kind=ProblemKind.POLICY)]
    assert (
        error_message(problems)
        == "[1/3] Resources.C: it is bad [2/3] Resources.B: it is bad [3/3] Resources.A: it is bad"
    )


def test_a_problem_has_its_help_and_its_image_unless_the_cause_names_it() -> None:
    other = problem("B", "there is no image 'nginx:1'")._replace(image="nginx:1")
    problems = [problem("A", help="fix it")._replace(image="nginx:1"), other]
    assert error_message(problems) == (
        "[1/2] Resources.A: 'nginx:1': it is bad; help: fix it [2/2] Resources.B: there is no image 'nginx:1'"
    )


def test_without_problems_the_message_is_empty() -> None:
    assert error_message([]) == ""


def test_problems_that_do_not_fit_are_counted() -> None:
    line = error_message([problem(f"R{number:03}") for number in range(100)])
    assert len(line) <= 1000
    shown = line.count("it is bad")
    assert line.endswith(f"it is bad (+{100 - shown} more)")
    assert 1 < shown < 100


def test_a_duplicate_problem_is_shown_once() -> None:
    assert error_message([problem("A"), problem("A")]) == "Resources.A: it is bad"


def test_a_problem_longer_than_the_limit_is_cut() -> None:
    line = error_message([problem("A", "x" * 5_000), problem("B")])
    assert len(line) == 1000
    assert line.endswith("x… (+1 more)")
    assert len(error_message([problem("A", "x" * 5_000)])) == 1000


def test_the_message_is_one_line() -> None:
    assert error_message([problem("A\nB", "a\n\tb\r\nc\u2028d")]) == "Resources['A\\nB']: a b c d"


PROCESS = "request an exception at https://wiki.example/images"


@pytest.mark.parametrize("length", [10, 850, 2_000])
@pytest.mark.parametrize("others", [0, 1, 40])
def test_the_exception_process_is_never_cut_off(length: int, others: int) -> None:
    denied = problem("A", "x" * length, f"y; {PROCESS}", ProblemKind.POLICY)._replace(gate="tags")
    lookups = [problem(f"B{number}", "z" * 100, kind=ProblemKind.LOOKUP) for number in range(others)]
    line = error_message([denied, *lookups], PROCESS)
    assert PROCESS in line
    assert len(line) <= 1000


def test_the_exception_process_is_only_for_gates() -> None:
    assert PROCESS not in error_message([problem("A", kind=ProblemKind.POLICY)], PROCESS)


@pytest.mark.parametrize("limit", range(20, 200, 7))
def test_the_limit_holds_for_every_number_and_length_of_problems(limit: int) -> None:
    for count in (1, 2, 9, 10, 11, 101):
        for length in (1, 30, 31, 32, 90, 500):
            problems = [problem(f"R{number}", "y" * length) for number in range(count)]
            assert 0 < len(error_message(problems, limit=limit)) <= limit


@pytest.mark.parametrize("image", ["${Nope}", "${Tag}", "${Tag}-${Nope}", "${AWS::StackName}", "${AWS::StackId}"])
def test_the_help_is_for_users_of_cloudformation(image: str) -> None:
    template = {
        "Parameters": {"Tag": {"Type": "String"}},
        "Resources": {"Web": task({"Fn::Sub": f"!PinDigest shop/web:{image}"}, "!PinDigest shop/web")},
    }

    message = macro_in(None).answer(event_for(template), None)["errorMessage"]

    assert "; help: " in message
    assert " --" not in message


@pytest.mark.parametrize(
    ("gates", "seen"),
    [
        ("tags.deny=latest", "gate tags denies the image: tag 'latest' is forbidden"),
        ("age.minimum=3d", "gate age denies the image: unknown: "),
    ],
)
def test_a_denial_names_the_image_the_gate_the_fact_and_the_exception_process(gates: str, seen: str) -> None:
    macro = macro_in(environment={"IMAGE_PINNER_GATES": gates, "IMAGE_PINNER_EXCEPTION_PROCESS": PROCESS})
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:latest")}})
    message = macro.answer(event, None)["errorMessage"]
    assert message.startswith("Resources.Web.Properties.ContainerDefinitions[0].Image: 'shop/web:latest': " + seen)
    assert message.endswith(f"; {PROCESS}")
    assert "\n" not in message
