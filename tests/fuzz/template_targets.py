"""Fuzz the evaluator of expressions with a small budget, and the macro with whole events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from image_pinner.core.intrinsics import evaluate, evaluate_condition
from image_pinner.core.intrinsics.budget import BudgetExceededError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import MAX_TEXT, Known, NoValue, Outcome, Pending, Unknown
from image_pinner.core.report import PinReport
from image_pinner.core.template.sites import SkipStatus
from image_pinner.lambda_macro.handler import ERROR_LIMIT
from support.counting_budget import CHARACTERS, STEPS, CountingBudget, size_of
from support.example_registries import full_registry
from support.macro import macro_in

_MACRO = macro_in(full_registry())
_MARKER = "!PinDigest"
# Sections in which a text is not a property.
_OTHER_SECTIONS = {"Parameters", "Mappings", "Conditions", "Rules", "Description", "AWSTemplateFormatVersion"}
_Path = tuple[str | int, ...]


def evaluation(data: bytes) -> None:
    """Evaluate an `Expression` and the conditions of a template: what they produce is within the budget."""
    template = _parse(data)
    if not isinstance(template, dict):
        return
    values = template.get("Values")
    budget = CountingBudget()
    scope = Scope.of_template(
        template, values if isinstance(values, dict) else {}, region="us-east-1", account_id="111122223333"
    ).with_budget(budget)
    with suppress(BudgetExceededError):
        loops = template.get("Loops")
        for name, collection in loops.items() if isinstance(loops, dict) else ():
            scope = scope.with_loop(name, _checked(evaluate(collection, scope), len(data)))
        for name in scope.conditions:
            _checked(evaluate_condition(name, scope), len(data))
        _checked(evaluate(template.get("Expression"), scope), len(data))
    assert budget.steps <= STEPS + 1
    assert budget.characters - budget.last <= CHARACTERS


def _checked(outcome: Outcome, written: int) -> Outcome:
    assert isinstance(outcome, Known | Pending | Unknown | NoValue), type(outcome)
    # What is not produced was written.
    assert size_of(outcome) <= min(MAX_TEXT, CHARACTERS) + written
    return outcome


def events(data: bytes) -> None:
    """Respond to an event: everything marked is pinned, or the fragment stays as it was."""
    event = _parse(data)
    response, report = _MACRO.run(event, None)
    original = _parse(data)
    original = original if isinstance(original, dict) else {}
    assert json.loads(json.dumps(response)).keys() == response.keys()
    # A request ID that is not text, and a fragment that is not valid JSON, cannot be returned.
    request_id = original.get("requestId", "")
    assert response["requestId"] in ({request_id, ""} if isinstance(request_id, str) else {""})
    if response["status"] == "success":
        assert response.keys() == {"requestId", "status", "fragment"}
        assert report is not None
        _expect_pinned(original["fragment"], response["fragment"], report)
    else:
        assert response.keys() == {"requestId", "status", "fragment", "errorMessage"}
        assert response["status"] == "failure"
        assert 0 < len(response["errorMessage"]) <= ERROR_LIMIT
        assert len(response["errorMessage"].splitlines()) == 1
        assert "internal error" not in response["errorMessage"], response["errorMessage"]
        assert json.dumps(response["fragment"]) in {json.dumps(original.get("fragment", {})), "{}"}


def _expect_pinned(original: Any, answer: Any, report: PinReport) -> None:
    for path, value in _values(answer):
        assert not _is_marked(value), f"a marker is left at {path}"
    not_deployed = {image.path.steps for image in report.skipped if image.status is SkipStatus.NOT_DEPLOYED}
    for path, value in _values(original):
        if _is_marked(value) and not_deployed.isdisjoint(path[:length] for length in range(len(path) + 1)):
            pinned = _image_at(answer, path)
            assert isinstance(pinned, str), f"not a text at {path}"
            assert "@sha256:" in pinned, f"no digest at {path}"


def _is_marked(value: Any) -> bool:
    """Return whether a value is a marked text, or a function whose text is."""
    match value:
        case str():
            return value.lstrip().startswith(_MARKER)
        case {"Fn::PinDigest": _}:
            return True
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), _]} if len(value) == 1:
            return _is_marked(text)
        case _:
            return False


def _values(template: Any) -> Iterator[tuple[_Path, Any]]:
    """Yield the values of a template with their paths, those inside a marked one excepted."""
    is_template = isinstance(template, dict) and isinstance(template.get("Resources"), dict)
    todo: list[tuple[_Path, Any]] = [((), template)]
    while todo:
        path, value = todo.pop()
        yield path, value
        if isinstance(value, list):
            todo += [((*path, number), element) for number, element in enumerate(value)]
        elif isinstance(value, dict) and not _is_marked(value):
            # CloudFormation replaces the snippets of a template before it calls the macro for the template.
            skipped = _OTHER_SECTIONS if is_template and not path else {"Fn::Transform"}
            todo += [((*path, key), element) for key, element in value.items() if key not in skipped]


def _image_at(template: Any, path: _Path) -> Any:
    """Return the value at a path, or the text that replaced the function around it."""
    for step in path:
        if isinstance(template, str):
            break
        template = template[step]
    return template


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
