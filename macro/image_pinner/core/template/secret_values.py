"""Find the values of parameters in the options of a call of the macro.

CloudFormation evaluates the Parameters of a Transform before it calls the macro, so that an option arrives without the
`Ref` that it came from: only its text shows that it contains the value of a parameter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.intrinsics.references import is_secret
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, text_of
from image_pinner.core.template.options import AnyPlatform, Pin, Record, Refresh, WhenMissing, WhenMoved

MIN_PART = 8
"""The least characters of a value that are recognized inside a longer text: shorter ones are there by coincidence."""
_WORDS = frozenset(
    member.value for words in (AnyPlatform, Pin, Record, Refresh, WhenMissing, WhenMoved) for member in words
)


def check_call(options: JsonObject, values: Mapping[str, JsonValue], scope: Scope) -> None:
    """Refuse options that contain the value of a parameter that may be secret.

    Args:
        options: The Parameters of the call, evaluated by CloudFormation.
        values: The values of all parameters.
        scope: The scope of the fragment; the parameters that the options contain are noted in it.

    Raises:
        InvalidOptionError: A parameter with `NoEcho`, or in a snippet one that the configuration does not list.
    """
    whole = set(_texts(options)) - _WORDS
    joined = "\0".join(whole)
    for name, value in values.items():
        if not any(_is_in(part, whole, joined, scope) for part in _texts(value)):
            continue
        if scope.hidden and name in scope.hidden:
            raise InvalidOptionError(
                f"the Parameters of the snippet contain the value of the parameter {name!r}, which can be a secret",
                f"list {name} in IMAGE_PINNER_SNIPPET_PARAMETERS, or call the macro in the Transform of the template",
            )
        if is_secret(scope.parameters.get(name)):
            raise InvalidOptionError(
                f"the Parameters of the Transform contain the value of the parameter {name!r}, which has NoEcho",
                "take the option from a parameter without NoEcho",
            )
        scope.used_parameters.add(name)


def _is_in(part: str, whole: Collection[str], joined: str, scope: Scope) -> bool:
    scope.budget.spend_step()
    return part in whole or (len(part) >= MIN_PART and part in joined)


def _texts(*nodes: JsonValue) -> Iterator[str]:
    todo = list(nodes)
    for node in todo:
        if isinstance(node, dict):
            todo += [*node, *node.values()]
        elif isinstance(node, list):
            todo += node
        elif text := text_of(node):
            yield text
