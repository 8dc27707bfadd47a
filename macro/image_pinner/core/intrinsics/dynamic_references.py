"""Dynamic references: `{{resolve:ssm:name}}` and `{{resolve:ssm:name:version}}` anywhere in a finished text.

CloudFormation resolves them after all functions, so that one may be put together by `Fn::Join`, and none is resolved
before `Fn::Split` takes it apart:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import assert_never

from image_pinner.core.intrinsics.references import answered
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
    as_text,
    certain_before,
    collapse,
    concatenated,
    first_unresolved,
    without_prefix,
)

DYNAMIC_REFERENCE_PREFIX = "{{resolve:"
_END = "}}"
# An ARN is refused: https://github.com/aws/aws-cdk/pull/30646 found parameters of other accounts to work with
# parameter types only.
_SSM = re.compile(r"ssm:([\w./-]+)(?::([0-9]{1,18}))?", re.ASCII)
_SECRETS = ("ssm-secure:", "secretsmanager:")


def resolved(outcome: Outcome, scope: Scope) -> Outcome:
    """Resolve the dynamic references in what an expression came to.

    Args:
        outcome: What the expression came to, dynamic references being plain text in it.
        scope: What is known, the answers to look-ups among it.
    """
    match outcome:
        case Known(value):
            return _resolved_value(value, scope)
        case Pending() | Unknown():
            return concatenated([*_beginning(outcome.prefix, scope), without_prefix(outcome)])
        case NoValue():
            return outcome
        case _:
            assert_never(outcome)


def certain_part(beginning: str) -> str:
    """Give what no dynamic reference can change of the beginning of a text."""
    return certain_before(beginning.partition(DYNAMIC_REFERENCE_PREFIX)[0], DYNAMIC_REFERENCE_PREFIX)


def _resolved_value(value: JsonValue, scope: Scope) -> Outcome:
    if isinstance(value, str):
        return concatenated(_pieces(value, scope)) if DYNAMIC_REFERENCE_PREFIX in value else Known(value)
    if isinstance(value, list):
        elements = tuple(_resolved_value(element, scope) for element in value)
        return collapse(PartialList(elements, len(elements)))
    if isinstance(value, dict):
        content = {key: _resolved_value(element, scope) for key, element in value.items()}
        open_ends = [element for element in content.values() if isinstance(element, Pending | Unknown)]
        if open_ends:
            return first_unresolved(open_ends)
        return Known({key: element.value for key, element in content.items() if isinstance(element, Known)})
    return Known(value)


def _pieces(text: str, scope: Scope) -> Iterator[Text]:
    position = 0
    while (start := text.find(DYNAMIC_REFERENCE_PREFIX, position)) >= 0:
        yield Known(text[position:start])
        end = text.find(_END, start)
        if end < 0:
            yield Unknown("a dynamic reference is not closed", "Close {{resolve:…}} by two braces")
            return
        yield _reference(text[start + len(DYNAMIC_REFERENCE_PREFIX) : end], scope)
        position = end + len(_END)
    yield Known(text[position:])


def _beginning(text: str, scope: Scope) -> Iterator[Text]:
    closed = text.rfind(DYNAMIC_REFERENCE_PREFIX)
    if closed < 0:
        yield Known(certain_before(text, DYNAMIC_REFERENCE_PREFIX))
    elif text.find(_END, closed) < 0:
        yield from _pieces(text[:closed], scope)
    else:
        yield from _pieces(certain_before(text, DYNAMIC_REFERENCE_PREFIX), scope)


def _reference(key: str, scope: Scope) -> Text:
    if key.startswith(_SECRETS):
        return Unknown(
            "the text has a dynamic reference to a secret, which must not be written into a template",
            "Use {{resolve:ssm:…}} and a parameter of type String",
        )
    parameter = _SSM.fullmatch(key)
    if parameter is None:
        return Unknown(
            "a dynamic reference has a form that CloudFormation does not resolve",
            "Write {{resolve:ssm:name}} or {{resolve:ssm:name:version}}",
        )
    name, version = parameter.groups()
    lookup = SsmParameter(name, int(version) if version else None)
    answer = answered(lookup, scope)
    if isinstance(answer, Known) and isinstance(answer.value, list):
        return Known(",".join(map(str, answer.value)))
    return as_text(answer, f"the value of {lookup}")
