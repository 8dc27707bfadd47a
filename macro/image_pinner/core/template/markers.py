"""Markers: the forms in which a template requests that an image is pinned.

For a single image: the quoted marker (also as the leading text of `Fn::Sub` or `Fn::Join`, or in the value of a
parameter), the snippet `Fn::Transform`, and `Fn::PinDigest`. For several: the entry `ImagePinner` in the Metadata of
the resource or the template, and the Parameters of the Transform.
"""

from __future__ import annotations

import re
from typing import NamedTuple, assert_never

from image_pinner.core.errors import InvalidMarkerError, InvalidOptionError
from image_pinner.core.intrinsics import evaluate, intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.transforms import TRANSFORM, calls_of, transform_keys
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known, NoValue, Pending, Unknown
from image_pinner.core.template.options import Level, Options, is_option, read_options

PIN_MARKER = "!PinDigest"
LONG_FORM = "Fn::PinDigest"
SNIPPET = TRANSFORM
IMAGE_KEY = "Image"
METADATA_KEY = "ImagePinner"
IGNORE_KEY = "Ignore"
"""The key in Metadata that suppresses findings of `check`; it concerns no image."""
_WORD = re.compile(r"([A-Za-z][A-Za-z0-9]*)=(\S*)(?:\s+|$)")
# The same in the text of an Fn::Sub that is not evaluated, where a word can contain ${…}. The possessive quantifiers
# (the second +) prevent backtracking, which would take exponential time in a text with many braces.
_MARKER_AND_WORDS = re.compile(
    r"\s*+!PinDigest(?:\s++[A-Za-z][A-Za-z0-9]*+=(?:\$\{[^}]*+\}|[^\s$]|\$(?!\{))*+(?=\s))*+\s*+"
)
_NO_OPTIONS = Options()
_NO_VALUE = {"Ref": "AWS::NoValue"}


class MarkedExpression(NamedTuple):
    """The options and the image after a quoted marker, in a snippet, or in the long form."""

    options: Options
    expression: JsonValue


def is_marked(text: str) -> bool:
    """Return whether a text begins with the marker."""
    return text.startswith(PIN_MARKER) or (text[:1].isspace() and text.lstrip().startswith(PIN_MARKER))


def parse_marker(text: str) -> MarkedExpression:
    """Parse a text for which `is_marked` holds.

    Raises:
        InvalidMarkerError: No white space or no reference follows the marker.
        InvalidOptionError: An option is invalid.
    """
    reference = text.strip()[len(PIN_MARKER) :]
    if reference and not reference[0].isspace():
        raise InvalidMarkerError(
            f"{text.split(maxsplit=1)[0]!r} is not a valid marker", f'write "{PIN_MARKER} repository:tag", with a space'
        )
    reference = reference.lstrip()
    words: list[tuple[str, JsonValue]] = []
    while word := _WORD.match(reference):
        words.append((word[1], word[2]))
        reference = reference[word.end() :]
    options = read_options(words, Level.IMAGE) if words else _NO_OPTIONS
    if not reference:
        raise InvalidMarkerError(
            "no image after the marker", f'write "{PIN_MARKER} repository:tag", or set the parameter that is empty'
        )
    return MarkedExpression(options, reference)


def without_marker(text: str) -> str:
    """Return a marked text, evaluated or not, without the marker and its options."""
    return _MARKER_AND_WORDS.sub("", text, count=1)


def remove_marker(expression: JsonValue) -> JsonValue | None:
    """Return a text, `Fn::Sub` or `Fn::Join` without the marker in its leading text; `None` if none is there.

    Of an `Fn::Select`, this is done for each element.
    """
    if isinstance(expression, dict) and len(expression) != 1:
        return None
    match expression:
        case str() if is_marked(expression):
            return without_marker(expression).rstrip()
        case {"Fn::Sub": str(text)} if is_marked(text):
            return {"Fn::Sub": without_marker(text).rstrip()}
        case {"Fn::Sub": [str(text), variables]} if is_marked(text):
            return {"Fn::Sub": [without_marker(text).rstrip(), variables]}
        case {"Fn::Join": [delimiter, [str(first), *others]]} if is_marked(first):
            text = without_marker(first)
            return {"Fn::Join": [delimiter, [text, *others] if text else others]}
        case {"Fn::Select": [index, [*elements]]}:
            plain = [None if intrinsic_of(element) == "Fn::Select" else remove_marker(element) for element in elements]
            return {"Fn::Select": [index, plain]} if plain and None not in plain else None
        case _:
            return None


def parse_marked_expression(value: JsonValue, macro: str, scope: Scope) -> MarkedExpression | None:
    """Parse `Fn::PinDigest` or a snippet of the macro named `macro`; return `None` for anything else.

    Raises:
        InvalidMarkerError: The image is missing.
        InvalidOptionError: An option is invalid.
    """
    if not isinstance(value, dict) or len(value) != 1:
        return None
    if LONG_FORM in value:
        content = value[LONG_FORM]
        if isinstance(content, dict) and intrinsic_of(content) is None:
            return _read_mapping(content, LONG_FORM, scope)
        return MarkedExpression(_NO_OPTIONS, content)
    if keys := transform_keys(value):
        transform = value[keys[0]]
        if isinstance(transform, list) and len(transform) > 1:
            return None  # the other macros process the result of the first one, which only CloudFormation can do
        parameters = snippet_parameters(transform, macro)
        return None if parameters is None else _read_mapping(parameters, f"the snippet of {macro}", scope)
    return None


def snippet_parameters(transform: JsonValue, macro: str) -> JsonObject | None:
    """Return the Parameters of the first call in an `Fn::Transform`, or `None` if it calls another macro.

    Raises:
        InvalidOptionError: The Parameters are not a mapping.
    """
    first = transform[0] if isinstance(transform, list) and transform else transform
    if first == macro:
        return {}
    if not isinstance(first, dict) or first.get("Name") != macro:
        return None
    return _checked_parameters(first.get("Parameters", {}), macro)


def _checked_parameters(parameters: JsonValue, macro: str) -> JsonObject:
    if not isinstance(parameters, dict):
        raise InvalidMarkerError(
            f"the Parameters of {macro} are not a mapping", f"write Parameters: {{{IMAGE_KEY}: repository:tag}}"
        )
    return parameters


def parse_snippet_options(parameters: JsonValue, siblings: JsonObject, macro: str, scope: Scope) -> Options:
    """Read the options in the Parameters of a snippet that is next to other keys.

    Raises:
        InvalidOptionError: The Parameters or an option are invalid, or the image is set there and next to the snippet.
    """
    content = _checked_parameters(parameters, macro)
    if IMAGE_KEY not in content:
        return parse_parameters(content, scope)
    if IMAGE_KEY in siblings:
        raise InvalidOptionError(f"{IMAGE_KEY} is set in the Parameters and next to the snippet", "remove one of them")
    return _read_mapping(content, f"the snippet of {macro}", scope).options


def calls_macro(transform: JsonValue, macro: str) -> bool:
    """Return whether the content of a key `Fn::Transform` or `Transform` calls this macro, alone or among others."""
    return any(call.name == macro for call in calls_of(transform))


def is_snippet(value: JsonValue, macro: str) -> bool:
    """Return whether a mapping calls this macro, next to other keys or not."""
    keys = transform_keys(value)
    return bool(keys) and any(calls_macro(value[key], macro) for key in keys)


def _read_mapping(content: JsonObject, owner: str, scope: Scope) -> MarkedExpression:
    if IMAGE_KEY not in content:
        raise InvalidMarkerError(f"{owner} has no {IMAGE_KEY}", f"write {IMAGE_KEY}: repository:tag")
    others = {name: value for name, value in content.items() if name != IMAGE_KEY}
    return MarkedExpression(read_options(_evaluate_options(others, scope), Level.IMAGE), content[IMAGE_KEY])


def parse_metadata_options(metadata: JsonValue, scope: Scope, level: Level) -> Options:
    """Read the options in the `ImagePinner` entry of a Metadata section, if there is one.

    Raises:
        InvalidOptionError: The entry is not a mapping, or an option is invalid.
    """
    if not isinstance(metadata, dict) or METADATA_KEY not in metadata:
        return Options()
    content = metadata[METADATA_KEY]
    if not isinstance(content, dict):
        raise InvalidOptionError(f"{METADATA_KEY} in Metadata is not a mapping", f"write {METADATA_KEY}: {{Pin: All}}")
    if IGNORE_KEY in content:
        content = {name: value for name, value in content.items() if name != IGNORE_KEY}
    return read_options(_evaluate_options(content, scope), level)


def parse_parameters(parameters: JsonObject, scope: Scope) -> Options:
    """Read the options in the Parameters of a call for the template or for a part of it.

    Raises:
        InvalidOptionError: An option is invalid.
    """
    return read_options(_evaluate_options(parameters, scope), Level.TEMPLATE)


def _evaluate_options(options: JsonObject, scope: Scope) -> JsonObject:
    """Evaluate the values that are intrinsic functions; drop those that are `AWS::NoValue`."""
    plain: dict[str, JsonValue] = {}
    for name, value in options.items():
        # An unknown option is refused by name; its value does not matter.
        is_expression = isinstance(value, dict | list) and is_option(name)
        outcome = evaluate(value, scope.with_claims()) if is_expression else Known(value)
        match outcome:
            case Known():
                plain[name] = outcome.value
            case NoValue():
                pass
            # Not an error until it is needed: `check` has no stack.
            case Unknown() if value == {"Ref": "AWS::StackName"}:
                pass
            case Pending():
                needed = ", ".join(sorted(str(lookup) for lookup in outcome.external_values))
                raise InvalidOptionError(
                    f"cannot resolve option {name}: {needed} is not looked up for options", "write the value"
                )
            case Unknown():
                raise InvalidOptionError(f"cannot resolve option {name}: {outcome.reason}", "write the value")
            case _:
                assert_never(outcome)
    return plain


def with_marker(expression: JsonValue, words: str = "") -> JsonValue:
    """Return an image expression with the quoted marker in front, in both branches of an `Fn::If`.

    Args:
        expression: The image: a text or an intrinsic function.
        words: Options as `Key=value` words, or empty.
    """
    marker = f"{PIN_MARKER} {words} " if words else f"{PIN_MARKER} "
    match expression:
        case str():
            return marker + expression
        case dict() if len(expression) != 1:
            return {"Fn::Join": ["", [marker, expression]]}
        case {"Ref": str(name)}:
            return expression if expression == _NO_VALUE else {"Fn::Sub": f"{marker}${{{name}}}"}
        case {"Fn::GetAtt": [str(resource), str(attribute)]}:
            return {"Fn::Sub": f"{marker}${{{resource}.{attribute}}}"}
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": marker + text}
        case {"Fn::Sub": [str(text), variables]}:
            return {"Fn::Sub": [marker + text, variables]}
        case {"Fn::Join": ["", [dict() as first, *others]]}:
            return {"Fn::Join": ["", [marker, first, *others]]}
        case {"Fn::Join": [str(delimiter), [str() | {"Ref": _} | {"Fn::Sub": _} as first, *others]]} if (
            first != _NO_VALUE
        ):
            return {"Fn::Join": [delimiter, [with_marker(first, words), *others]]}
        case {"Fn::If": [condition, yes, no]}:
            return {"Fn::If": [condition, with_marker(yes, words), with_marker(no, words)]}
        case _:
            return {"Fn::Join": ["", [marker, expression]]}
