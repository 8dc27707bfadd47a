"""Marking: what an author would have written to have an image pinned, in the form that works everywhere."""

from __future__ import annotations

from image_pinner.core.template.annotations import MARK
from image_pinner.core.template.values import JsonValue


def with_mark(expression: JsonValue, words: str = "") -> JsonValue:
    """Give an expression that asks for a pin with the quoted mark.

    Args:
        expression: The image as it is written: a text or an intrinsic.
        words: Options as `Key=value` words, or empty.

    Returns:
        An expression whose value begins with the mark; both arms of an `Fn::If` are marked.
    """
    mark = f"{MARK} {words} " if words else f"{MARK} "
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
            return {"Fn::If": [condition, with_mark(yes, words), with_mark(no, words)]}
        case _:
            return {"Fn::Join": ["", [mark, expression]]}
