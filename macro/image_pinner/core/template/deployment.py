"""Deployment: whether a place comes to be at all, as far as the conditions around it can be decided."""

from __future__ import annotations

from image_pinner.core.template.intrinsics import decide
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.spots import Guard
from image_pinner.core.template.values import Known, Lookup, Pending


def deployment(guards: tuple[Guard, ...], scope: Scope) -> bool | frozenset[Lookup] | None:
    """Tell whether a place is deployed.

    Args:
        guards: The conditions around it.
        scope: What is known there.

    Returns:
        Yes or no, look-ups that may tell, or `None` if that is open.
    """
    lookups: frozenset[Lookup] = frozenset()
    decided = True
    for guard in guards:
        match decide(guard.condition, scope):
            case Known(value) if bool(value) is not guard.wanted:
                return False
            case Known():
                pass
            case Pending() as pending:
                lookups |= pending.lookups
            case _:
                decided = False
    return lookups or (True if decided else None)
