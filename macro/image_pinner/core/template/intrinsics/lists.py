"""Functions about lists: `Fn::Select`, `Fn::Split`, `Fn::Length`; they work on lists that are known in part.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-select.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-split.html
"""

from __future__ import annotations

import re

from image_pinner.core.template.intrinsics.evaluation import Evaluation
from image_pinner.core.template.intrinsics.partial import (
    PartialList,
    Value,
    as_list,
    blocked,
    certain_before,
    without_prefix,
)
from image_pinner.core.template.values import JsonValue, Known, Pending, Unknown

_INDEX = re.compile(r"[0-9]{1,9}", re.ASCII)


def select(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Select`; elements other than the selected one may be unknown."""
    match argument:
        case [index, elements]:
            number = evaluation.text(index, "the index of Fn::Select")
            items = as_list(evaluation.value_of(elements), "what Fn::Select selects from")
        case _:
            return Unknown("Fn::Select has another shape than [index, list]", "Write it in this shape")
    if isinstance(number, Known) and isinstance(items, PartialList):
        return _selected(number.value, items)
    return blocked(each for each in (number, items) if isinstance(each, Pending | Unknown))


def _selected(index: str, items: PartialList) -> Value:
    if not _INDEX.fullmatch(index):
        return Unknown("the index of Fn::Select is no whole number from 0", "Count from 0")
    position = int(index)
    if position < items.steady:
        return items.elements[position]
    if items.steady < len(items.elements):
        return _uncounted(items, "which element Fn::Select selects")
    if items.rest is not None:
        return items.rest
    return Unknown(
        f"the list of Fn::Select has {len(items.elements)} elements, none with the index {position}", "Count from 0"
    )


def length(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Length`."""
    items = as_list(evaluation.value_of(argument), "what Fn::Length counts")
    if not isinstance(items, PartialList):
        return without_prefix(items)
    if items.steady < len(items.elements):
        return _uncounted(items, "how many elements Fn::Length counts")
    return Known(len(items.elements)) if items.rest is None else without_prefix(items.rest)


def _uncounted(items: PartialList, what: str) -> Value:
    element = items.elements[items.steady]
    if isinstance(element, Pending | Unknown):
        return without_prefix(element)
    # No documentation tells whether CloudFormation removes it before or after it counts.
    return Unknown(f"{what} depends on an AWS::NoValue in the list", "Leave it away, or use Fn::If around the list")


def split(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Split`; where only the beginning of the text is known, the parts that end in it are."""
    match argument:
        case [str() as delimiter, source] if delimiter:
            text = evaluation.text(source, "what Fn::Split splits")
        case _:
            return Unknown("Fn::Split has another shape than [delimiter, text]", "Write it in this shape")
    if isinstance(text, Known):
        return Known(text.value.split(delimiter))
    *parts, last = text.prefix.split(delimiter)
    beginning = text._replace(prefix=certain_before(last, delimiter))
    return PartialList((*map(Known, parts), beginning), len(parts) + 1, without_prefix(text))
