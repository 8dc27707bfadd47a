"""What once cost a template nothing, and the function gigabytes or minutes: each is counted, limited or shared now.

Fuzzing and a search for expensive expressions found these. The templates with the figures of a whole event are those of
`test_evaluation.py`.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.budget import BudgetExceededError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known
from image_pinner.core.template import marker_search
from image_pinner.core.template.options import MAX_NAMES
from image_pinner.core.template.paths import TemplatePath, parse_image_path
from image_pinner.core.template.traversal import MAX_LOOPS
from support.counting_budget import CountingBudget
from support.macro import event_for, macro_in
from support.templates import task

REPEATS = 200
ELEMENT = 64
"""The characters that an element of a list counts as."""
REFERENCE = "{{resolve:ssm:/x}}"
MAPPINGS = {"M": {"a": {f"key{number}": "x" for number in range(REPEATS)}}}
COSTS: dict[str, tuple[Any, int]] = {
    "variables that are known already": ({"Fn::Sub": "${AWS::Region}" * REPEATS}, 9 * REPEATS),
    "variables that are empty": ({"Fn::Sub": ["${a}" * REPEATS, {"a": ""}]}, 4 * REPEATS),
    "a loop variable without a function": ("&{Long}" * REPEATS, 50 * REPEATS),
    "a loop variable that is empty": ("&{Empty}" * REPEATS, 8 * REPEATS),
    "a missing key of a large mapping": (
        {"Fn::FindInMap": ["M", "a", "none", {"DefaultValue": ""}]},
        REPEATS,
    ),
    "a list": ([""] * REPEATS, ELEMENT * REPEATS),
    "a mapping": ({f"k{number}": "" for number in range(REPEATS)}, ELEMENT * REPEATS),
    "dynamic references": (REFERENCE * REPEATS, len(REFERENCE)),
}
"""Expressions, and the least characters that evaluating them counts."""


def counted(expression: Any) -> int:
    """Return the characters that evaluating an expression once more costs."""
    budget = CountingBudget(10**9, 10**12)
    scope = Scope.of_template({"Mappings": MAPPINGS}, {}, region="us-east-1", account_id="111122223333")
    scope = scope.with_budget(budget).with_loop("Long", Known("v" * 50)).with_loop("Empty", Known(""))
    # The first time fills the caches, from which a thousand other images read.
    evaluate(expression, scope)
    before = budget.characters
    evaluate(expression, scope)
    return budget.characters - before


@pytest.mark.parametrize("name", COSTS)
def test_what_is_read_or_produced_is_counted(name: str) -> None:
    expression, least = COSTS[name]
    assert counted(expression) >= least


def response_to(fragment: Any, options: dict[str, Any] | None = None) -> dict[str, Any]:
    return macro_in().answer(event_for(fragment, options), None)


def named(number: int) -> dict[str, Any]:
    return response_to({"Resources": {"Web": task("a:1")}}, {"Pin": ["web"] * number})


def test_the_container_names_of_pin_are_limited() -> None:
    assert named(MAX_NAMES)["status"] == "success"
    refused = named(MAX_NAMES + 1)
    assert refused["status"] == "failure"
    assert f"Pin has more than {MAX_NAMES:,} container names; help: write Pin: All" in refused["errorMessage"]


def in_loops(depth: int) -> dict[str, Any]:
    """Return a template with a resource in nested loops, all of which have the same variable."""
    resources: dict[str, Any] = {"Web": task("!PinDigest a:1")}
    for level in range(depth):
        resources = {f"Fn::ForEach::L{level}": ["V", ["x"], resources]}
    return {"Resources": resources}


def test_nested_loops_are_limited() -> None:
    def image_in(depth: int) -> dict[str, Any]:
        image: dict[str, Any] = {"Image": "x"}
        for level in range(depth):
            image = {f"Fn::ForEach::L{level}": [f"V{level}", ["1"], image]}
        return {"Resources": {"Web": {"Type": "AWS::ECS::TaskDefinition", "Properties": image}}}

    assert "nested too deeply" not in response_to(image_in(MAX_LOOPS), {"Pin": "All"}).get("errorMessage", "")
    refused = response_to(in_loops(200))
    assert refused["status"] == "failure"
    assert f"is nested too deeply; help: nest at most {MAX_LOOPS} loops" in refused["errorMessage"]


def wide_and_deep(levels: int, width: int) -> dict[str, Any]:
    """Return an object whose every level has many lists."""
    tree: dict[str, Any] = {}
    for _ in range(levels):
        # The last value is searched first, while the others are left to do.
        tree = {**{f"k{number}": [] for number in range(width)}, "deep": tree}
    return tree


@pytest.mark.parametrize("wrap", [lambda tree: tree, lambda tree: {"Resources": {"R": {"Properties": tree}}}])
def test_a_deep_and_wide_template_shares_its_paths(wrap: Callable[[Any], Any]) -> None:
    fragment = wrap({"Image": "!PinDigest a:1", "Other": "!PinDigest b:1", **wide_and_deep(250, 40)})
    tracemalloc.start()
    try:
        response = response_to(fragment)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert response["status"] == "failure"
    # A path for each of 10,000 lists, with 125 steps on average, takes 10 MB.
    assert peak < 5 * 1024 * 1024, peak


def test_a_marker_in_a_mapping_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[Any] = []
    count = marker_search.count_markers

    def counting(node: Any, *more: Any) -> Any:
        searched.append(node)
        return count(node, *more)

    monkeypatch.setattr(marker_search, "count_markers", counting)
    mapping = {"a": {"t": "a:1"}}
    images = [{"Fn::FindInMap": ["M", {"Ref": "Open"}, "t"]}] * 100
    template = {"Parameters": {"Open": {"Type": "String"}}, "Mappings": {"M": mapping}}
    assert response_to({**template, "Resources": {"Web": task(*images)}})["status"] == "success"
    assert sum(node == mapping for node in searched) == 1


def test_a_path_is_printed_in_part() -> None:
    assert len(str(TemplatePath(("Resources", "K" * 100_000, "Properties")))) < 400
    assert len(str(TemplatePath(("K" * 200,) * 1_000))) < 1_300


def test_parsed_paths_are_not_kept_permanently() -> None:
    for number in range(2_000):
        parse_image_path(f"$.Resources.R{number}.Properties.Image")
    assert parse_image_path.cache_info().currsize <= 1_024


def test_the_record_of_many_branches_takes_linear_time() -> None:
    def seconds(branches: int) -> float:
        image: Any = "!PinDigest a:0"
        for number in range(branches):
            image = {"Fn::If": [f"C{number}", f"!PinDigest a:{number}", image]}
        conditions = {f"C{number}": {"Fn::Equals": [{"Ref": "Open"}, f"{number}"]} for number in range(branches)}
        parameters = {"Open": {"Type": "String"}}
        template = {"Parameters": parameters, "Conditions": conditions, "Resources": {"Web": task(*[image] * 5)}}
        event = json.loads(json.dumps(event_for(template)))
        started = time.process_time()
        response = macro_in().answer(event, None)
        assert response["status"] == "success", response["errorMessage"]
        return time.process_time() - started

    seconds(10)
    assert seconds(60) < 60 * max(seconds(10), 0.005)


@pytest.mark.parametrize(
    ("fragment", "options", "message"),
    [
        ({"Fn::PinDigest": ""}, {"Image": "b:1"}, "Fn::PinDigest is outside of the known image properties"),
        ({"a": {"Fn::If": {"Image": "b:1"}}}, {}, "the snippet has no image to pin"),
    ],
)
def test_snippets_that_ended_in_an_internal_error(fragment: Any, options: dict[str, Any], message: str) -> None:
    response = response_to(fragment, options)
    assert response["status"] == "failure"
    assert message in response["errorMessage"]


def test_the_budget_ends_an_expression_and_not_the_function() -> None:
    scope = Scope.of_template({}, {}, region="us-east-1", account_id="111122223333").with_budget(CountingBudget())
    with pytest.raises(BudgetExceededError, match="characters"):
        evaluate(["x"] * 1_000, scope)
