"""Knowing more never changes what was known already."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Outcome, Pending, Unknown
from property.intrinsic_strategies import ANSWERS, KNOWLEDGE, REGION, conditions, scope_with, texts
from support.sampling import examples

EXPRESSIONS = texts(3, open_ends=True)
SECTIONS = conditions(open_ends=True)
KNOWN_PARAMETERS = st.sets(st.sampled_from(sorted(KNOWLEDGE)))
KNOWN_ANSWERS = st.sets(st.sampled_from(list(ANSWERS)))


def fits(before: Outcome, after: Outcome) -> bool:
    """Return whether an outcome may become the other one when more is known."""
    if isinstance(before, Pending | Unknown):
        return not before.prefix or _beginning(after).startswith(before.prefix)
    return before == after


def _beginning(outcome: Outcome) -> str:
    if isinstance(outcome, Known) and isinstance(outcome.value, str):
        return outcome.value
    return outcome.prefix if isinstance(outcome, Pending | Unknown) else ""


# Drawing an expression and its conditions takes far longer than evaluating it, so each is used for all laws.
@examples(300)
@given(EXPRESSIONS, SECTIONS, KNOWN_PARAMETERS, KNOWN_ANSWERS, st.text())
def test_more_knowledge_changes_nothing_that_is_known(
    expression: Any, section: dict[str, Any], parameters: set[str], answers: set[Any], unrelated: str
) -> None:
    _assert_values_change_nothing_known(expression, section, parameters, answers)
    _assert_account_and_region_change_nothing_known(expression, section)
    _assert_answers_bring_it_forward(expression, section)
    _assert_it_is_repeatable(expression, section, unrelated)


def _assert_values_change_nothing_known(
    expression: Any, section: dict[str, Any], parameters: set[str], answers: set[Any]
) -> None:
    less = scope_with(section)
    more = scope_with(section, {name: KNOWLEDGE[name] for name in parameters})
    more = more.with_answers({lookup: ANSWERS[lookup] for lookup in answers})
    most = scope_with(section, KNOWLEDGE).with_answers(ANSWERS)
    outcomes = [evaluate(expression, scope) for scope in (less, more, most)]
    assert fits(outcomes[0], outcomes[1])
    assert fits(outcomes[1], outcomes[2])
    assert fits(outcomes[0], outcomes[2])
    assert not isinstance(outcomes[2], Pending)


def _assert_account_and_region_change_nothing_known(expression: Any, section: dict[str, Any]) -> None:
    full = scope_with(section)
    bare = Scope(full.parameters, full.values, full.mappings, full.conditions, full.resources)
    some = Scope(full.parameters, full.values, full.mappings, full.conditions, full.resources, REGION)
    assert fits(evaluate(expression, bare), evaluate(expression, some))
    assert fits(evaluate(expression, some), evaluate(expression, full))


def _assert_answers_bring_it_forward(expression: Any, section: dict[str, Any]) -> None:
    scope = scope_with(section, KNOWLEDGE)
    requested: frozenset[Any] = frozenset()
    outcome = evaluate(expression, scope)
    while isinstance(outcome, Pending):
        assert outcome.external_values
        assert not outcome.external_values & requested
        requested |= outcome.external_values
        scope = scope.with_answers({lookup: ANSWERS[lookup] for lookup in outcome.external_values})
        outcome = evaluate(expression, scope)


def _assert_it_is_repeatable(expression: Any, section: dict[str, Any], unrelated: str) -> None:
    before = repr((expression, section))
    outcome = evaluate(expression, scope_with(section))
    assert outcome == evaluate(expression, scope_with(section))
    assert outcome == evaluate(expression, scope_with(section, {"Unrelated": unrelated, "Undeclared": unrelated}))
    assert repr((expression, section)) == before
