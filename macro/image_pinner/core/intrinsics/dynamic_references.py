"""Dynamic references: `{{resolve:ssm:name}}` and `{{resolve:ssm:name:version}}` anywhere in a text.

CloudFormation resolves them after all functions: `Fn::Join` may assemble one, and `Fn::Split` sees it unresolved.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import assert_never

from image_pinner.core.intrinsics.references import resolve_external_value
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import (
    JsonValue,
    Known,
    NoValue,
    Outcome,
    PartialList,
    Pending,
    SsmParameter,
    Text,
    Unknown,
    all_unresolved,
    as_text,
    collapse,
    concatenate,
    trim_partial,
    without_prefix,
)

DYNAMIC_REFERENCE_PREFIX = "{{resolve:"
_END = "}}"
# No ARN: parameters of other accounts work only with parameter types (https://github.com/aws/aws-cdk/pull/30646).
_SSM = re.compile(r"ssm:([\w./-]+)(?::([0-9]{1,18}))?", re.ASCII)
_SECRETS = ("ssm-secure:", "secretsmanager:")


def resolve_dynamic_references(outcome: Outcome, scope: Scope) -> Outcome:
    """Resolve the dynamic references in an evaluated expression."""
    match outcome:
        case Known(value):
            return _resolve_value(value, scope)
        case Pending() | Unknown():
            return concatenate([*_prefix_pieces(outcome.prefix, scope), without_prefix(outcome)])
        case NoValue():
            return outcome
        case _:
            assert_never(outcome)


def before_dynamic_reference(prefix: str) -> str:
    """Return the part of a known beginning that no dynamic reference can change."""
    return trim_partial(prefix.partition(DYNAMIC_REFERENCE_PREFIX)[0], DYNAMIC_REFERENCE_PREFIX)


def _resolve_value(value: JsonValue, scope: Scope) -> Outcome:
    if isinstance(value, str):
        if DYNAMIC_REFERENCE_PREFIX not in value:
            return Known(value)
        text = concatenate(_pieces(value, scope))
        scope.budget.spend_text(len(text.value if isinstance(text, Known) else text.prefix))
        return text
    if isinstance(value, list):
        elements = tuple(_resolve_value(element, scope) for element in value)
        return collapse(PartialList(elements, len(elements)))
    if isinstance(value, dict):
        content = {key: _resolve_value(element, scope) for key, element in value.items()}
        unresolved = [element for element in content.values() if isinstance(element, Pending | Unknown)]
        if unresolved:
            return all_unresolved(unresolved)
        return Known({key: element.value for key, element in content.items() if isinstance(element, Known)})
    return Known(value)


def _pieces(text: str, scope: Scope) -> Iterator[Text]:
    position = 0
    while (start := text.find(DYNAMIC_REFERENCE_PREFIX, position)) >= 0:
        yield Known(text[position:start])
        end = text.find(_END, start)
        if end < 0:
            yield Unknown("a dynamic reference is not closed", "close {{resolve:…}} with two braces")
            return
        yield _resolve_reference(text[start + len(DYNAMIC_REFERENCE_PREFIX) : end], scope)
        position = end + len(_END)
    yield Known(text[position:])


def _prefix_pieces(prefix: str, scope: Scope) -> Iterator[Text]:
    last = prefix.rfind(DYNAMIC_REFERENCE_PREFIX)
    if last >= 0 and prefix.find(_END, last) < 0:
        yield from _pieces(prefix[:last], scope)
    else:
        yield from _pieces(trim_partial(prefix, DYNAMIC_REFERENCE_PREFIX), scope)


def _resolve_reference(key: str, scope: Scope) -> Text:
    if key.startswith(_SECRETS):
        return Unknown(
            "a dynamic reference to a secret cannot be resolved, since the secret would be written into the template",
            "use {{resolve:ssm:…}} and a parameter of type String",
        )
    match = _SSM.fullmatch(key)
    if match is None:
        return Unknown(
            "a dynamic reference has an unsupported form", "write {{resolve:ssm:name}} or {{resolve:ssm:name:version}}"
        )
    name, version = match.groups()
    parameter = SsmParameter(name, int(version) if version else None)
    outcome = resolve_external_value(parameter, scope)
    if isinstance(outcome, Known) and isinstance(outcome.value, list):
        return Known(",".join(map(str, outcome.value)))
    return as_text(outcome, f"the value of {parameter}")
