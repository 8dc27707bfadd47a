"""Functions that give a text: `Fn::Sub`, `Fn::Join`, `Fn::Base64`, `Fn::ToJsonString`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping

from image_pinner.core.template.intrinsics.dynamic_references import MARK
from image_pinner.core.template.intrinsics.evaluation import Evaluation
from image_pinner.core.template.intrinsics.loops import with_loops
from image_pinner.core.template.intrinsics.partial import (
    MAX_TEXT,
    PartialList,
    Text,
    Value,
    as_list,
    as_text,
    concatenated,
    too_long,
    whole,
    without_prefix,
)
from image_pinner.core.template.intrinsics.references import get_att, referred
from image_pinner.core.template.values import JsonMap, JsonValue, Known, NoValue, Outcome, Unknown

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[\w.:]+", re.ASCII)


def sub(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Sub`, with or without a map of variables."""
    match argument:
        case str() as text:
            variables: JsonMap = {}
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


def _substituted(pieces: list[str], variables: JsonMap, evaluation: Evaluation) -> Iterator[Text]:
    for position, piece in enumerate(pieces):
        if position % 2 == 0:
            yield with_loops(piece, evaluation.scope.loops) if evaluation.scope.loops else Known(piece)
        elif piece.startswith("!"):
            yield Known(f"${{{piece[1:]}}}")
        else:
            yield _variable(piece, variables, evaluation)


def _variable(name: str, variables: JsonMap, evaluation: Evaluation) -> Text:
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
        if isinstance(text, Known) or position < items.steady or text.prefix:
            yield between
        yield text
        between = Known(delimiter)


def base64_of(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Base64`."""
    text = evaluation.text(argument, "what Fn::Base64 encodes")
    if not isinstance(text, Known):
        return without_prefix(text)
    if MARK in text.value:
        return Unknown("a dynamic reference inside Fn::Base64 is not resolved here", "Write the encoded text itself")
    try:
        encoded = base64.b64encode(text.value.encode()).decode()
    except UnicodeEncodeError:
        return Unknown("what Fn::Base64 encodes has half a character in it", "Check the text for broken escapes")
    return Known(encoded) if len(encoded) <= MAX_TEXT else too_long()


def to_json_string(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::ToJsonString`."""
    content = whole(evaluation.value_of(argument))
    if isinstance(content, NoValue) or (isinstance(content, Known) and not isinstance(content.value, dict | list)):
        return Unknown("what Fn::ToJsonString writes is neither a map nor a list", "Check the template")
    if not isinstance(content, Known):
        return without_prefix(content)
    try:
        text = json.dumps(content.value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return Unknown("what Fn::ToJsonString writes holds a value that JSON does not have", "Check the template")
    return Known(text) if len(text) <= MAX_TEXT else too_long()
