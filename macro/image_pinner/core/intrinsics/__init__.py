"""Evaluate intrinsic functions as far as possible before deployment.

Whatever the shape of the template, `evaluate` and `evaluate_condition` raise nothing but `BudgetExceededError`. What is
known only in part stays so: the certain beginning of a text, the known elements of a list (`values`).
"""

from __future__ import annotations

from image_pinner.core.intrinsics.conditions import resolve_condition
from image_pinner.core.intrinsics.dynamic_references import DYNAMIC_REFERENCE_PREFIX, resolve_dynamic_references
from image_pinner.core.intrinsics.evaluation import Evaluation, intrinsic_of
from image_pinner.core.intrinsics.functions import INTRINSICS, substitute_from_cache
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonValue, Known, Outcome, collapse

__all__ = ["INTRINSICS", "evaluate", "evaluate_condition", "evaluate_text", "intrinsic_of"]


def evaluate(expression: JsonValue, scope: Scope) -> Outcome:
    """Evaluate a scalar, list, mapping or intrinsic function, and resolve the dynamic references in the result."""
    # Two short cuts for most expressions of a large template: a plain string, and an Fn::Sub of known variables.
    if isinstance(expression, str) and DYNAMIC_REFERENCE_PREFIX not in expression and not scope.loops:
        return Known(expression)
    if type(expression) is dict and len(expression) == 1 and not scope.loops:
        text = expression.get("Fn::Sub")
        plain = substitute_from_cache(text, scope.cache) if type(text) is str else None
        if plain and DYNAMIC_REFERENCE_PREFIX not in plain.value:
            scope.budget.spend_text(len(plain.value))
            return plain
    return resolve_dynamic_references(evaluate_text(expression, scope), scope)


def evaluate_text(expression: JsonValue, scope: Scope) -> Outcome:
    """Evaluate like `evaluate`, but leave dynamic references as text: CloudFormation resolves them after all else."""
    return collapse(Evaluation(scope, INTRINSICS).evaluate(expression))


def evaluate_condition(condition: JsonValue, scope: Scope) -> Outcome:
    """Evaluate the condition with this name, or a condition function, to `Known` true or false if possible."""
    return resolve_condition(condition, Evaluation(scope, INTRINSICS))
