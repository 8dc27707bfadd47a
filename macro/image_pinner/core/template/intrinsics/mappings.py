"""`Fn::FindInMap`, with the default that `AWS::LanguageExtensions` allows.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-findinmap.html
"""

from __future__ import annotations

from image_pinner.core.template.intrinsics.evaluation import Evaluation
from image_pinner.core.template.intrinsics.partial import Value, blocked, text_of
from image_pinner.core.template.values import JsonValue, Known, Pending, Unknown

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
        return blocked(open_ends)
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
