"""String, list and mapping functions, and the table of every intrinsic function that CloudFormation documents.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from image_pinner.core.intrinsics.conditions import and_, common_beginning, condition, equals, if_, not_, or_
from image_pinner.core.intrinsics.dynamic_references import DYNAMIC_REFERENCE_PREFIX
from image_pinner.core.intrinsics.evaluation import Evaluation, Intrinsic, replace_loop_variables
from image_pinner.core.intrinsics.references import get_att, import_value, ref, resolve_name
from image_pinner.core.intrinsics.values import (
    MAX_ELEMENTS,
    MAX_TEXT,
    TEXT_TOO_LONG,
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
    all_unresolved,
    as_list,
    as_text,
    collapse,
    concatenate,
    invalid_argument,
    text_of,
    trim_partial,
    without_prefix,
)

_INDEX = re.compile(r"[0-9]{1,9}", re.ASCII)
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[\w.:]+", re.ASCII)
_MAPPING_KEYS = ("the name of the mapping", "the first key", "the second key")
_MISSING = object()


def select(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Select`; elements other than the selected one may be unknown."""
    match argument:
        case [index, elements]:
            number = evaluation.evaluate_text(index, "the index of Fn::Select")
            items = as_list(evaluation.evaluate(elements), "the second argument of Fn::Select")
        case _:
            return invalid_argument("Fn::Select", "[index, list]")
    if isinstance(number, Known) and isinstance(items, PartialList):
        return _select(number.value, items)
    unresolved = all_unresolved(each for each in (number, items) if isinstance(each, Pending | Unknown))
    if isinstance(items, PartialList) and items.unknown_tail is None:
        return replace(unresolved, prefix=common_beginning(items.elements))
    return unresolved


def _select(index: str, items: PartialList) -> Value:
    if not _INDEX.fullmatch(index):
        return Unknown("the index of Fn::Select is not a whole number", "use an index from 0")
    position = int(index)
    if position < items.certain_length:
        return items.elements[position]
    if items.certain_length < len(items.elements):
        # It may be AWS::NoValue, and then another element has this index.
        return _without_text(items.elements[items.certain_length])
    if items.unknown_tail is not None:
        return items.unknown_tail
    match len(items.elements):
        case 0:
            number, help = "no elements", "use a list with elements"
        case 1:
            number, help = "1 element", "use the index 0"
        case count:
            number, help = f"{count} elements", f"use an index from 0 to {count - 1}"
    return Unknown(f"the index {position} of Fn::Select is out of range: the list has {number}", help)


def length(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Length`."""
    items = as_list(evaluation.evaluate(argument), "the argument of Fn::Length")
    if not isinstance(items, PartialList):
        return without_prefix(items)
    if items.certain_length < len(items.elements):
        return _without_text(items.elements[items.certain_length])
    return Known(len(items.elements)) if items.unknown_tail is None else without_prefix(items.unknown_tail)


def _without_text(element: Outcome) -> Value:
    return without_prefix(element) if isinstance(element, Pending | Unknown) else element


def split(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Split`; of a text with a known beginning, the complete parts of that beginning are known."""
    match argument:
        case [str() as delimiter, source] if delimiter:
            text = evaluation.evaluate_text(source, "the second argument of Fn::Split")
        case _:
            return invalid_argument("Fn::Split", "[delimiter, text]")
    if (text.value if isinstance(text, Known) else text.prefix).count(delimiter) >= MAX_ELEMENTS:
        return Unknown(f"Fn::Split returns more than {MAX_ELEMENTS:,} elements", "split a shorter text")
    if isinstance(text, Known):
        return Known(text.value.split(delimiter))
    *parts, last = text.prefix.split(delimiter)
    beginning = replace(text, prefix=trim_partial(last, delimiter))
    return PartialList((*map(Known, parts), beginning), len(parts) + 1, without_prefix(text))


def find_in_mappings(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::FindInMap`; its keys may be expressions."""
    match argument:
        case [_, _, _]:
            default: JsonValue = _MISSING
        case [_, _, _, {"DefaultValue": default}]:
            pass
        case _:
            return invalid_argument("Fn::FindInMap", "[mapping, key, key], optionally with {DefaultValue: …}")
    subjects = [f"{key} in Fn::FindInMap" for key in _MAPPING_KEYS]
    keys = [evaluation.evaluate_text(key, subject) for key, subject in zip(argument, subjects, strict=False)]
    value: JsonValue = evaluation.scope.mappings
    for key, subject, written in zip(keys, subjects, argument, strict=False):
        if not isinstance(key, Known):
            return all_unresolved(key for key in keys if isinstance(key, Pending | Unknown))
        value = _look_up(value, key.value, evaluation)
        if value is _MISSING:
            return _not_in_mappings(subject, written) if default is _MISSING else evaluation.evaluate(default)
    if all(text_of(element) is not None for element in (value if isinstance(value, list) else [value])):
        return Known(value)
    return Unknown("the value of Fn::FindInMap is neither text nor a list of texts", "correct the Mappings")


def _look_up(mapping: JsonValue, key: str, evaluation: Evaluation) -> JsonValue:
    if not isinstance(mapping, dict):
        return _MISSING
    if key in mapping:
        return mapping[key]
    # YAML reads an account ID without quotes as a number, CloudFormation as text.
    evaluation.scope.budget.spend_text(len(mapping))
    return next((value for written, value in mapping.items() if text_of(written) == key), _MISSING)


def _not_in_mappings(subject: str, written: JsonValue) -> Unknown:
    name = f" ({written!r})" if isinstance(written, str) else ""
    return Unknown(f"{subject}{name} is not in the Mappings", "add it there, or set a DefaultValue")


def sub(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Sub`, with or without a mapping of variables."""
    match argument:
        case str() as text:
            variables: JsonObject = {}
        case [str() as text, dict() as variables] if not any(map(_is_made, variables)):
            pass
        case _:
            return invalid_argument("Fn::Sub", "text or [text, {variable: value}]")
    # A thousand variables that are empty produce no text.
    evaluation.scope.budget.spend_text(len(text))
    return concatenate(_substitute(_split_variables(text), variables, evaluation))


def _is_made(key: object) -> bool:
    return "{" in str(key) or str(key).startswith("Fn::")


def substitute_from_cache(text: str, cache: Mapping[str, Outcome]) -> Known | None:
    """Evaluate an `Fn::Sub` without variables of its own, or return `None` if one is not cached as text.

    Most images of a large template take this short cut. Dynamic references stay text.
    """
    pieces = _split_variables(text)
    for position in range(1, len(pieces), 2):
        outcome = cache.get(pieces[position])
        if type(outcome) is not Known or type(outcome.value) is not str:
            return None
        pieces[position] = outcome.value
    text = "".join(pieces)
    return Known(text) if len(text) <= MAX_TEXT else None


def _split_variables(text: str) -> list[str]:
    # No variable ends after the last brace; without the cut, each `${` there would search the rest of the text.
    end = text.rfind("}") + 1
    pieces = _VARIABLE.split(text[:end])
    pieces[-1] += text[end:]
    return pieces


def _substitute(pieces: list[str], variables: JsonObject, evaluation: Evaluation) -> Iterator[Text]:
    loops = evaluation.scope.loops
    for position, piece in enumerate(pieces):
        if position % 2 == 0:
            yield replace_loop_variables(piece, loops) if loops else Known(piece)
        elif (name := piece.strip()).startswith("!"):
            yield Known(f"${{{name[1:]}}}")
        else:
            # The service trims blanks, as reported in https://github.com/aws-cloudformation/cfn-lint/issues/236.
            yield _variable(name, variables, evaluation)


def _variable(name: str, variables: JsonObject, evaluation: Evaluation) -> Text:
    if name in variables:
        if name in evaluation.scope.loops:
            return Unknown(f"{name!r} is a variable of Fn::Sub and of a loop", "rename one of them")
        value = evaluation.evaluate(variables[name])
    elif not _VARIABLE_NAME.fullmatch(name):
        return Unknown(f"{name!r} is not a valid variable in Fn::Sub", "write ${Name}, or ${!Name} for literal text")
    elif "." in name:
        value = get_att(name, evaluation)
    else:
        value = resolve_name(name, evaluation)
    if isinstance(value, Known) and isinstance(value.value, str):
        return value
    return as_text(value, f"the variable {name!r} of Fn::Sub")


def join(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Join`; elements that are `AWS::NoValue` are omitted."""
    match argument:
        case [str() as delimiter, elements]:
            items = as_list(evaluation.evaluate(elements), "the second argument of Fn::Join")
            return concatenate(_join(delimiter, items)) if isinstance(items, PartialList) else without_prefix(items)
        case _:
            return invalid_argument("Fn::Join", "[delimiter, list]")


def _join(delimiter: str, items: PartialList) -> Iterator[Text]:
    separator = Known("")
    for position, element in enumerate(items.elements):
        if isinstance(element, NoValue):
            continue
        text = as_text(element, "an element of Fn::Join")
        # If the element may turn out to be AWS::NoValue, so may the delimiter before it.
        if isinstance(text, Known) or position < items.certain_length or text.prefix:
            yield separator
        yield text
        separator = Known(delimiter)


def base64_of(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Base64`."""
    text = evaluation.evaluate_text(argument, "the argument of Fn::Base64")
    if not isinstance(text, Known):
        return without_prefix(text)
    if DYNAMIC_REFERENCE_PREFIX in text.value:
        return Unknown("a dynamic reference inside Fn::Base64 cannot be resolved", "write the encoded text itself")
    try:
        encoded = base64.b64encode(text.value.encode()).decode()
    except UnicodeEncodeError:
        return Unknown("the argument of Fn::Base64 has an unpaired surrogate", "check the text for broken escapes")
    return Known(encoded) if len(encoded) <= MAX_TEXT else TEXT_TOO_LONG


def to_json_string(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::ToJsonString`."""
    content = collapse(evaluation.evaluate(argument))
    if isinstance(content, NoValue) or (isinstance(content, Known) and not isinstance(content.value, dict | list)):
        return Unknown("the argument of Fn::ToJsonString is neither a mapping nor a list", "correct the template")
    if not isinstance(content, Known):
        return without_prefix(content)
    try:
        text = json.dumps(content.value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return Unknown("the argument of Fn::ToJsonString has a value that is not valid JSON", "correct the template")
    return Known(text) if len(text) <= MAX_TEXT else TEXT_TOO_LONG


def _only_in_rules(name: str) -> Unknown:
    return Unknown(f"{name} is only allowed in the Rules section", "use a condition function instead")


INTRINSICS: Mapping[str, Intrinsic] = MappingProxyType(
    {
        "Ref": ref,
        "Condition": condition,
        "Fn::And": and_,
        "Fn::Base64": base64_of,
        "Fn::Cidr": Unknown("Fn::Cidr returns address ranges, which are not part of an image", "remove it"),
        "Fn::Equals": equals,
        "Fn::FindInMap": find_in_mappings,
        "Fn::ForEach": Unknown("Fn::ForEach returns keys of a mapping, not a value", "use it where keys are allowed"),
        "Fn::GetAtt": get_att,
        "Fn::GetAZs": Unknown("Fn::GetAZs returns availability zones, which only EC2 knows", "use a parameter instead"),
        "Fn::GetStackOutput": Unknown(
            "Fn::GetStackOutput is not supported", "export the output and use Fn::ImportValue, or use a parameter"
        ),
        "Fn::If": if_,
        "Fn::ImportValue": import_value,
        "Fn::Join": join,
        "Fn::Length": length,
        "Fn::Not": not_,
        "Fn::Or": or_,
        "Fn::Select": select,
        "Fn::Split": split,
        "Fn::Sub": sub,
        "Fn::ToJsonString": to_json_string,
        "Fn::Transform": Unknown(
            "the output of another transform is unknown here", "run ImagePinner after that transform"
        ),
        **{
            name: _only_in_rules(name)
            for name in (
                "Fn::Contains",
                "Fn::EachMemberEquals",
                "Fn::EachMemberIn",
                "Fn::RefAll",
                "Fn::ValueOf",
                "Fn::ValueOfAll",
            )
        },
    }
)
"""How to evaluate each intrinsic function, by name, or why it cannot be evaluated."""
