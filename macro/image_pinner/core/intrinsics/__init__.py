"""Intrinsic functions: what an expression in a template comes to, as far as it can be told before deployment.

    evaluate     what an expression comes to
    evaluate_condition       whether a condition holds
    intrinsic_of the name of the function that a node is
    INTRINSICS   every function that CloudFormation documents

An expression is walked once (`evaluation`), each function is one entry of the table (`table`), and what is known only
in part stays so: the certain beginning of a text, the known elements of a list (`partial`).
"""

from __future__ import annotations

from image_pinner.core.intrinsics.conditions import decided
from image_pinner.core.intrinsics.dynamic_references import DYNAMIC_REFERENCE_PREFIX, resolved
from image_pinner.core.intrinsics.evaluation import Evaluation, intrinsic_of
from image_pinner.core.intrinsics.functions import settled_sub
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.table import INTRINSICS
from image_pinner.core.intrinsics.values import JsonValue, Known, Outcome, collapse

__all__ = ["INTRINSICS", "evaluate", "evaluate_condition", "intrinsic_of"]


def evaluate(expression: JsonValue, scope: Scope) -> Outcome:
    """Tell what an expression comes to.

    Args:
        expression: A part of a template: a scalar, a list, a map or an intrinsic function.
        scope: What is known.

    Returns:
        The value with its dynamic references resolved, or why there is none; never an exception, whatever the shape.
    """
    if isinstance(expression, str) and DYNAMIC_REFERENCE_PREFIX not in expression and not scope.loops:
        return Known(expression)
    if type(expression) is dict and len(expression) == 1 and not scope.loops:
        text = expression.get("Fn::Sub")
        plain = settled_sub(text, scope.settled) if type(text) is str else None
        if plain and DYNAMIC_REFERENCE_PREFIX not in plain.value:
            return plain
    return resolved(collapse(Evaluation(scope, INTRINSICS).value_of(expression)), scope)


def evaluate_condition(condition: JsonValue, scope: Scope) -> Outcome:
    """Tell whether a condition holds.

    Args:
        condition: The name of a condition of the template, or the condition function that an `Fn::If` was given.
        scope: What is known.

    Returns:
        `Known` true or false, or why it is undecided. What is false or true whatever the unknown parts are is known.
    """
    return decided(condition, Evaluation(scope, INTRINSICS))
