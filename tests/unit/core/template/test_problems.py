from __future__ import annotations

from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind, in_order


def problem(path: tuple[object, ...], kind: ProblemKind = ProblemKind.TEMPLATE, cause: str = "it is bad") -> Problem:
    return Problem(TemplatePath(path), kind, cause)  # type: ignore[arg-type]


def test_a_problem_is_printed_with_path_image_cause_and_help() -> None:
    found = Problem(
        TemplatePath(("Resources", "Web")), ProblemKind.LOOKUP, "the tag does not exist", "push it", "nginx:1"
    )
    assert str(found) == "Resources.Web: 'nginx:1': the tag does not exist; help: push it"


def test_an_image_in_the_cause_is_printed_once() -> None:
    found = Problem(TemplatePath(("a",)), ProblemKind.LOOKUP, "there is no nginx:1", image="nginx:1")
    assert str(found) == "a: there is no nginx:1"


def test_problems_are_sorted_by_severity_then_by_path_without_duplicates() -> None:
    first, second = problem(("a", 2)), problem(("a", 10))
    worst, middle = problem(("z",), ProblemKind.POLICY), problem(("z",), ProblemKind.LOOKUP)
    assert in_order([second, middle, first, worst, first]) == (worst, middle, first, second)


def test_problems_of_one_path_are_sorted_by_cause() -> None:
    a, b = problem(("x",), cause="a"), problem(("x",), cause="b")
    assert in_order([b, a]) == in_order([a, b]) == (a, b)


def test_keys_that_are_not_texts_are_sorted() -> None:
    odd = [problem((None,)), problem((1.5,)), problem(("a",)), problem((True,)), problem((0,))]
    assert set(in_order(odd)) == set(in_order(reversed(odd))) == set(odd)
    assert in_order(odd) == in_order(reversed(odd))
