"""The keys that `AWS::LanguageExtensions` makes in the body of an `Fn::ForEach`, and the value of its variable.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
"""

from __future__ import annotations

from itertools import product
from math import prod

from image_pinner.core.intrinsics.evaluation import LOOP_PLACEHOLDER, replace_loop_variables
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, NoValue, Outcome, Pending, Unknown

EXPAND_FIRST = "put ImagePinner after AWS::LanguageExtensions in Transform"
"""What to do if only the expanded loop has an image."""
_MAX_KEYS = 1_000  # that one entry of a loop makes
_FUNCTIONS = ("Ref", "Fn::If", "Fn::FindInMap", "Fn::ForEach::Name", "Fn::Select", "Fn::Transform")
"""Functions that a key of unknown text could turn a mapping into, so that its value is not what is written."""


def loop_variable(key: str, collection: Outcome, values: tuple[Outcome, ...] | None) -> Outcome:
    """Return the value of a loop variable: `NoValue` if the loop creates nothing.

    Args:
        key: The key of the loop.
        collection: What its collection evaluates to.
        values: The values in it, or `None` if it is not a list.
    """
    if isinstance(collection, Pending):
        return collection
    missing = False
    help = f"{EXPAND_FIRST}, or write the image without the loop variable"
    match values:
        case ():
            return NoValue()
        case (Known(""),):
            # https://github.com/aws-cloudformation/cfn-language-discussion/issues/102
            why = "whose only value is empty: CloudFormation passes an empty list parameter as one empty text"
            help = "set the parameter, or write the collection as Fn::If: [condition, the parameter, []]"
        case (value,):
            return value
        case None if isinstance(collection, Unknown):
            why, missing = f"whose values are unknown: {collection.reason}", collection.missing
        case None:
            why = "whose collection is " + ("AWS::NoValue" if isinstance(collection, NoValue) else "not a list")
            help = "write the collection as a list, which may be empty: []"
        case _:
            why = "which has several values"
    return Unknown(f"it depends on the loop variable of {key}, {why}", help, missing=missing)


def made_keys(key: str, scope: Scope, name: str | None) -> dict[str, dict[str, Outcome]] | None:
    """Return the keys that a loop makes of one, each with the values of its variables.

    It is `None` if they are unknown, and those of a key that becomes neither `name` nor a function are not needed.
    """
    if not scope.loops or "{" not in key or not (_may_be_function(key) or (name is not None and can_become(key, name))):
        return {key: {}}
    names = list(dict.fromkeys(name for _, name in LOOP_PLACEHOLDER.findall(key) if name in scope.loops))
    known = [scope.iterations[name] for name in names if name in scope.iterations]
    if len(known) < len(names) or prod(map(len, known)) > _MAX_KEYS:
        return None
    made: dict[str, dict[str, Outcome]] = {}
    for combination in product(*known):
        scope.budget.spend_step()
        chosen = dict(zip(names, combination, strict=True))
        text = replace_loop_variables(key, chosen)
        if not isinstance(text, Known):
            return None
        scope.budget.spend_text(len(text.value), len(names))
        made.setdefault(text.value, chosen)
    return made


def can_become(key: str, name: str) -> bool:
    """Return whether a loop can make `name` of a key, whatever the values of its variables are."""
    first, *others = LOOP_PLACEHOLDER.sub("\0", key).split("\0")
    if not others:
        return key == name
    # Not a regular expression, which takes time that is exponential in the number of variables.
    last, position = others.pop(), len(first)
    for literal in others:
        found = name.find(literal, position)
        if found < 0:
            return False
        position = found + len(literal)
    return name.startswith(first) and name.endswith(last) and position <= len(name) - len(last)


def _may_be_function(key: str) -> bool:
    start = LOOP_PLACEHOLDER.split(key, 1)[0]
    return start.startswith("Fn::") or "Fn::".startswith(start) or can_become(key, "Ref")


def is_function(key: str) -> bool:
    """Return whether a key is that of an intrinsic function."""
    return key.startswith("Fn::") or key == "Ref"


def can_become_function(key: str) -> bool:
    """Return whether a loop can make a function of a key, whatever the values of its variables are."""
    return any(can_become(key, text) for text in _FUNCTIONS)
