"""String, list and mapping functions: `Fn::Sub`, `Fn::Join`, `Fn::Select`, `Fn::Split`, `Fn::FindInMap` and others.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-select.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-split.html

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-findinmap.html

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping

from image_pinner.core.intrinsics.dynamic_references import DYNAMIC_REFERENCE_PREFIX
from image_pinner.core.intrinsics.evaluation import Evaluation, with_loops
from image_pinner.core.intrinsics.references import get_att, referred
from image_pinner.core.intrinsics.values import (
    MAX_TEXT,
    JsonObject,
    JsonValue,
    Known,
    NoValue,
    Outcome,
    PartialList,
    Pending,
    Text,
    Unknown,
    Value,
    as_list,
    as_text,
    certain_before,
    collapse,
    concatenated,
    first_unresolved,
    text_of,
    too_long,
    without_prefix,
)

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
    return first_unresolved(each for each in (number, items) if isinstance(each, Pending | Unknown))


def _selected(index: str, items: PartialList) -> Value:
    if not _INDEX.fullmatch(index):
        return Unknown("the index of Fn::Select is no whole number from 0", "Count from 0")
    position = int(index)
    if position < items.certain_length:
        return items.elements[position]
    if items.certain_length < len(items.elements):
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
    if items.certain_length < len(items.elements):
        return _uncounted(items, "how many elements Fn::Length counts")
    return Known(len(items.elements)) if items.rest is None else without_prefix(items.rest)


def _uncounted(items: PartialList, what: str) -> Value:
    element = items.elements[items.certain_length]
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


_KEYS = ("the name of the mapping", "the first key", "the second key")
_MISSING = object()


def find_in_map(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::FindInMap`; its keys may be expressions."""
    match argument:
        case [_, _, _]:
            default: JsonValue = _MISSING
        case [_, _, _, {"DefaultValue": default}]:
            pass
        case _:
            return Unknown(
                "Fn::FindInMap has another shape than [mapping, key, key] or [mapping, key, key, {DefaultValue: …}]",
                "Write it in one of these shapes",
            )
    keys = [evaluation.text(key, f"{what} in Fn::FindInMap") for key, what in zip(argument, _KEYS, strict=False)]
    if open_ends := [key for key in keys if isinstance(key, Pending | Unknown)]:
        return first_unresolved(open_ends)
    found: JsonValue = evaluation.scope.mappings
    for key, what, written in zip(keys, _KEYS, argument, strict=False):
        found = _entry(found, key.value) if isinstance(key, Known) else _MISSING
        if found is _MISSING:
            return _not_found(what, written) if default is _MISSING else evaluation.value_of(default)
    return _constant(found)


def _entry(level: JsonValue, key: str) -> JsonValue:
    if not isinstance(level, dict):
        return _MISSING
    if key in level:
        return level[key]
    # YAML reads an account id without quotes as a number, CloudFormation as a text.
    return next((value for written, value in level.items() if text_of(written) == key), _MISSING)


def _not_found(what: str, written: JsonValue) -> Unknown:
    shown = f" {written!r}" if isinstance(written, str) else ""
    return Unknown(
        f"{what} that Fn::FindInMap looks for{shown} is not in the Mappings",
        "Add it there, or give Fn::FindInMap a DefaultValue",
    )


def _constant(value: JsonValue) -> Value:
    texts = value if isinstance(value, list) else [value]
    if all(text_of(element) is not None for element in texts):
        return Known(value)
    return Unknown("what Fn::FindInMap finds is neither a text nor a list of texts", "Check the Mappings")


_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[\w.:]+", re.ASCII)


def sub(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Sub`, with or without a map of variables."""
    match argument:
        case str() as text:
            variables: JsonObject = {}
        case [str() as text, dict() as variables]:
            pass
        case _:
            return Unknown("Fn::Sub has another shape than text or [text, {variable: value}]", "Write it in this shape")
    return concatenated(_substituted(_pieces(text), variables, evaluation))


def _pieces(text: str) -> list[str]:
    # Behind the last brace no variable ends; without the cut, each `${` there would be a search of its own.
    end = text.rfind("}") + 1
    pieces = _VARIABLE.split(text[:end])
    pieces[-1] += text[end:]
    return pieces


def settled_sub(text: str, settled: Mapping[str, Outcome]) -> Known | None:
    """Evaluate an `Fn::Sub` whose variables have all been evaluated before, as in most images of a large template.

    Args:
        text: The text of the `Fn::Sub`.
        settled: What parameters and pseudo parameters have come to, by name.

    Returns:
        The text, dynamic references in it unresolved, or `None` where that is not so.
    """
    pieces = texts = _pieces(text)
    for position in range(1, len(pieces), 2):
        found = settled.get(pieces[position])
        if type(found) is not Known or type(found.value) is not str:
            return None
        texts[position] = found.value
    text = "".join(texts)
    return Known(text) if len(text) <= MAX_TEXT else None


def _substituted(pieces: list[str], variables: JsonObject, evaluation: Evaluation) -> Iterator[Text]:
    for position, piece in enumerate(pieces):
        if position % 2 == 0:
            yield with_loops(piece, evaluation.scope.loops) if evaluation.scope.loops else Known(piece)
        elif piece.startswith("!"):
            yield Known(f"${{{piece[1:]}}}")
        else:
            yield _variable(piece, variables, evaluation)


def _variable(name: str, variables: JsonObject, evaluation: Evaluation) -> Text:
    if name in variables:
        value = evaluation.value_of(variables[name])
    elif not _VARIABLE_NAME.fullmatch(name):
        return Unknown(
            f"CloudFormation refuses {name!r} as the name of a variable in Fn::Sub",
            "Write ${Name} without spaces, or ${!Name} for the text itself",
        )
    elif "." in name:
        value = get_att(name, evaluation)
    else:
        value = referred(name, evaluation)
    return value if isinstance(value, Known) and isinstance(value.value, str) else as_text(value, _called(name))


def _called(variable: str) -> str:
    return f"the variable {variable!r} of Fn::Sub"


def join(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Join`, whose list may be an expression; elements that are `AWS::NoValue` are left out."""
    match argument:
        case [str() as delimiter, elements]:
            items = as_list(evaluation.value_of(elements), "what Fn::Join joins")
            return concatenated(_joined(delimiter, items)) if isinstance(items, PartialList) else without_prefix(items)
        case _:
            return Unknown("Fn::Join has another shape than [delimiter, list]", "Write it in this shape")


def _joined(delimiter: str, items: PartialList) -> Iterator[Text]:
    between = Known("")
    for position, element in enumerate(items.elements):
        if isinstance(element, NoValue):
            continue
        text = as_text(element, "an element of Fn::Join")
        # Where the element may turn out to be nothing, the delimiter before it does as well.
        if isinstance(text, Known) or position < items.certain_length or text.prefix:
            yield between
        yield text
        between = Known(delimiter)


def base64_of(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Base64`."""
    text = evaluation.text(argument, "what Fn::Base64 encodes")
    if not isinstance(text, Known):
        return without_prefix(text)
    if DYNAMIC_REFERENCE_PREFIX in text.value:
        return Unknown("a dynamic reference inside Fn::Base64 is not resolved here", "Write the encoded text itself")
    try:
        encoded = base64.b64encode(text.value.encode()).decode()
    except UnicodeEncodeError:
        return Unknown("what Fn::Base64 encodes has half a character in it", "Check the text for broken escapes")
    return Known(encoded) if len(encoded) <= MAX_TEXT else too_long()


def to_json_string(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::ToJsonString`."""
    content = collapse(evaluation.value_of(argument))
    if isinstance(content, NoValue) or (isinstance(content, Known) and not isinstance(content.value, dict | list)):
        return Unknown("what Fn::ToJsonString writes is neither a map nor a list", "Check the template")
    if not isinstance(content, Known):
        return without_prefix(content)
    try:
        text = json.dumps(content.value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return Unknown("what Fn::ToJsonString writes holds a value that JSON does not have", "Check the template")
    return Known(text) if len(text) <= MAX_TEXT else too_long()
