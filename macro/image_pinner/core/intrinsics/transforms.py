"""Calls of transforms inside a template: the key `Fn::Transform`, or its short form `Transform`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-transform.html
"""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.core.intrinsics.values import JsonValue

TRANSFORM = "Fn::Transform"
SHORT_TRANSFORM = "Transform"
_CALL_KEYS = frozenset({"Name", "Parameters"})


class Call(NamedTuple):
    """A call of one transform; a valid name is a text."""

    name: JsonValue
    parameters: JsonValue


def transform_keys(mapping: JsonValue) -> tuple[str, ...]:
    """Return the keys of a mapping that call transforms."""
    if not isinstance(mapping, dict):
        return ()
    keys = (TRANSFORM,) if TRANSFORM in mapping else ()
    # A resource or a property can have the name of the short form.
    is_short = SHORT_TRANSFORM in mapping and _are_calls(mapping[SHORT_TRANSFORM])
    return (*keys, SHORT_TRANSFORM) if is_short else keys


def _are_calls(content: JsonValue) -> bool:
    calls = content if isinstance(content, list) else [content]
    return bool(calls) and all(
        isinstance(call, dict) and "Name" in call and call.keys() <= _CALL_KEYS for call in calls
    )


def calls_of(content: JsonValue) -> list[Call]:
    """Return the calls in the content of such a key, or of the section `Transform`, in their order."""
    return [
        Call(call.get("Name"), call.get("Parameters", {})) if isinstance(call, dict) else Call(call, {})
        for call in (content if isinstance(content, list) else [content])
    ]
