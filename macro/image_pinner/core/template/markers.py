"""Markers: the forms in which a template requests that an image is pinned.

At the image: the quoted mark (also as the leading text of `Fn::Sub` or `Fn::Join`, or brought by a parameter), the
snippet `Fn::Transform`, and `Fn::PinDigest`. Around it: `ImagePinner` in the Metadata of the resource or the template,
and the Parameters of the Transform.
"""

from __future__ import annotations

import re
from typing import NamedTuple, assert_never

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.intrinsics import evaluate, intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known, NoValue, Pending, Unknown
from image_pinner.core.template.options import Options, is_available, read_options

PIN_MARKER = "!PinDigest"
LONG_FORM = "Fn::PinDigest"
SNIPPET = "Fn::Transform"
IMAGE_KEY = "Image"
_WORD = re.compile(r"([A-Za-z][A-Za-z0-9]*)=(\S*)(?:\s+|$)")
# The same in the text of an Fn::Sub that is not evaluated, where a word can hold ${…}. Nothing is tried twice in it
# (the second +), since a text with many braces could otherwise take for ever.
_MARK_AND_WORDS = re.compile(
    r"\s*+!PinDigest(?:\s++[A-Za-z][A-Za-z0-9]*+=(?:\$\{[^}]*+\}|[^\s$]|\$(?!\{))*+(?=\s))*+\s*+"
)


_NO_OPTIONS = Options()


class Marker(NamedTuple):
    """A quoted mark, taken apart.

    Args:
        options: The options between the mark and the reference.
        reference: What stands behind them.
    """

    options: Options
    reference: str


def is_marked(text: str) -> bool:
    """Tell whether a text begins with the mark."""
    return text.startswith(PIN_MARKER) or (text[:1].isspace() and text.lstrip().startswith(PIN_MARKER))


def parse_marker(text: str) -> Marker:
    """Take a marked text apart.

    Args:
        text: A text for which `is_marked` holds.

    Returns:
        Options and reference.

    Raises:
        InvalidOptionError: Something other than white space follows the mark, nothing stands behind it, or an option is
            wrong.
    """
    rest = text.strip()[len(PIN_MARKER) :]
    if rest and not rest[0].isspace():
        written = text.split(maxsplit=1)[0]
        raise InvalidOptionError(f"{written!r} is not the mark", f'Write "{PIN_MARKER} repository:tag", with a space')
    rest = rest.lstrip()
    words: list[tuple[str, JsonValue]] = []
    while word := _WORD.match(rest):
        words.append((word[1], word[2]))
        rest = rest[word.end() :]
    options = read_options(words, of_image=True) if words else _NO_OPTIONS
    if not rest:
        raise InvalidOptionError(
            "nothing stands behind the mark",
            f'Write "{PIN_MARKER} repository:tag", and look whether a parameter is empty',
        )
    return Marker(options, rest)


def without_marker(text: str) -> str:
    """Give a marked text, evaluated or not, without its mark and the options behind it."""
    return _MARK_AND_WORDS.sub("", text, count=1)


def unmarked(expression: JsonValue) -> JsonValue | None:
    """Give an expression without the mark in its leading text.

    Args:
        expression: A text, or an `Fn::Sub` or `Fn::Join` with a mark as its leading text.

    Returns:
        The expression without the mark, or `None` if the mark stands elsewhere (a parameter brings it, for example).
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
            rest = without_marker(first)
            return {"Fn::Join": [delimiter, [rest, *others] if rest else others]}
        case _:
            return None


class MarkedExpression(NamedTuple):
    """An image inside a snippet or the long form.

    Args:
        options: The options beside it.
        expression: The image.
    """

    options: Options
    expression: JsonValue


def parse_marked_expression(value: JsonValue, macro: str, scope: Scope) -> MarkedExpression | None:
    """Give what `Fn::PinDigest` or a snippet of this macro stands around.

    Args:
        value: What stands in the place of an image.
        macro: The macro's name.
        scope: What is known there; options can be expressions.

    Returns:
        Options and image, or `None` if the value is neither.

    Raises:
        InvalidOptionError: The form is one of the two, but wrong.
    """
    if not isinstance(value, dict):
        return None
    if len(value) == 1 and LONG_FORM in value:
        content = value[LONG_FORM]
        if isinstance(content, dict) and intrinsic_of(content) is None:
            return _from_map(content, LONG_FORM, scope)
        return MarkedExpression(Options(), content)
    if len(value) == 1 and SNIPPET in value:
        transform = value[SNIPPET]
        if isinstance(transform, list) and len(transform) > 1:
            return None  # the macros behind the first one are called on its answer, which only CloudFormation can do
        parameters = snippet_parameters(transform, macro)
        return None if parameters is None else _from_map(parameters, f"the snippet of {macro}", scope)
    return None


def snippet_parameters(transform: JsonValue, macro: str) -> JsonObject | None:
    """Give the Parameters of the first call in an `Fn::Transform`, if it is one of this macro.

    Args:
        transform: A macro's name, a map with Name and Parameters, or a list of these.
        macro: The macro's name.

    Returns:
        The Parameters, empty where there are none, or `None` if another macro is called first.

    Raises:
        InvalidOptionError: The Parameters are no map.
    """
    first = transform[0] if isinstance(transform, list) and transform else transform
    if first == macro:
        return {}
    if not isinstance(first, dict) or first.get("Name") != macro:
        return None
    parameters = first.get("Parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidOptionError(
            f"the Parameters of {macro} are no map", f"Write Parameters: {{{IMAGE_KEY}: repository:tag}}"
        )
    return parameters


def calls_macro(transform: JsonValue, macro: str) -> bool:
    """Tell whether an `Fn::Transform` calls this macro, alone or among others."""
    calls = transform if isinstance(transform, list) else [transform]
    return any(call == macro or (isinstance(call, dict) and call.get("Name") == macro) for call in calls)


def _from_map(content: JsonObject, where: str, scope: Scope) -> MarkedExpression:
    if IMAGE_KEY not in content:
        raise InvalidOptionError(f"{where} has no {IMAGE_KEY}", f"Write {IMAGE_KEY}: repository:tag")
    others = {name: value for name, value in content.items() if name != IMAGE_KEY}
    return MarkedExpression(read_options(evaluated(others, scope), of_image=True), content[IMAGE_KEY])


def evaluated(options: JsonObject, scope: Scope) -> JsonObject:
    """Give options with their expressions evaluated.

    Args:
        options: Names and values; a value can be an intrinsic.
        scope: What is known.

    Returns:
        Names and plain values, without those that come to `AWS::NoValue`.

    Raises:
        InvalidOptionError: An expression cannot be evaluated.
    """
    plain: dict[str, JsonValue] = {}
    for name, value in options.items():
        # What is no option, or none yet, is refused by name and need not be evaluated.
        is_expression = isinstance(value, dict) and is_available(name)
        outcome = evaluate(value, scope) if is_expression else Known(value)
        match outcome:
            case Known():
                plain[name] = outcome.value
            case NoValue():
                pass
            case Pending():
                asked = ", ".join(sorted(str(lookup) for lookup in outcome.external_values))
                raise InvalidOptionError(
                    f"the value of {name} cannot be told: {asked} is not asked for it", "Write it out"
                )
            case Unknown():
                raise InvalidOptionError(f"the value of {name} cannot be told: {outcome.reason}", "Write it out")
            case _:
                assert_never(outcome)
    return plain


def parse_metadata_options(metadata: JsonValue, scope: Scope) -> Options:
    """Read the `ImagePinner` entry of a Metadata section.

    Args:
        metadata: The Metadata of a resource or of the template, or anything else.
        scope: What is known there.

    Returns:
        The options; none if there is no such entry.

    Raises:
        InvalidOptionError: The entry is no map, or an option in it is wrong.
    """
    if not isinstance(metadata, dict) or METADATA_KEY not in metadata:
        return Options()
    content = metadata[METADATA_KEY]
    if not isinstance(content, dict):
        raise InvalidOptionError(f"{METADATA_KEY} in Metadata is no map", f"Write {METADATA_KEY}: {{Pin: All}}")
    return read_options(evaluated(content, scope), of_image=False)


METADATA_KEY = "ImagePinner"


def with_marker(expression: JsonValue, words: str = "") -> JsonValue:
    """Give an expression that asks for a pin with the quoted mark.

    Args:
        expression: The image as it is written: a text or an intrinsic.
        words: Options as `Key=value` words, or empty.

    Returns:
        An expression whose value begins with the mark; both arms of an `Fn::If` are marked.
    """
    mark = f"{PIN_MARKER} {words} " if words else f"{PIN_MARKER} "
    match expression:
        case str():
            return mark + expression
        case dict() if len(expression) != 1:
            return {"Fn::Join": ["", [mark, expression]]}
        case {"Ref": str(name)}:
            return expression if name == "AWS::NoValue" else {"Fn::Sub": f"{mark}${{{name}}}"}
        case {"Fn::GetAtt": [str(resource), str(attribute)]}:
            return {"Fn::Sub": f"{mark}${{{resource}.{attribute}}}"}
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": mark + text}
        case {"Fn::Sub": [str(text), variables]}:
            return {"Fn::Sub": [mark + text, variables]}
        case {"Fn::Join": ["", [str(first), *others]]}:
            return {"Fn::Join": ["", [mark + first, *others]]}
        case {"Fn::If": [condition, yes, no]}:
            return {"Fn::If": [condition, with_marker(yes, words), with_marker(no, words)]}
        case _:
            return {"Fn::Join": ["", [mark, expression]]}
