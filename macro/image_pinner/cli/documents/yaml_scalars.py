"""What a YAML scalar or tag means in a template.

YAML 1.1 decides about plain words, as in CloudFormation (https://yaml.org/type/), with one exception: a number that
JSON would write in another way than the file does stays text, since account ids (`012345670123`), versions (`1.10`)
and times (`22:22`) are no numbers to anyone. Dates stay text for the same reason.
"""

from __future__ import annotations

import re
from functools import lru_cache

from image_pinner.core.intrinsics.values import JsonValue

CORE_TAG = "tag:yaml.org,2002:"
_TRUE = ("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(_NULL),
}
_NUMBER_START = frozenset("-0123456789")
_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]{0,299})")
_FLOAT = re.compile(r"-?[0-9]{1,40}\.[0-9]{1,40}(?:e[-+][0-9]{1,3})?")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html: binary, omap, pairs, set and
# timestamp are not supported there either.
_CORE_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}
_WITHOUT_PREFIX = frozenset({"Ref", "Condition"})


def plain_value(text: str) -> JsonValue:
    """Give what an unquoted scalar means.

    Args:
        text: The scalar.

    Returns:
        A truth value, `None`, a number that prints as it is written, or the text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_START:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text) and repr(number := float(text)) == text:
            return number
    return text


def typed_value(text: str, tag: str) -> JsonValue:
    """Give what a scalar with one of YAML's own tags, such as `!!str`, means.

    Args:
        text: The scalar.
        tag: The tag in full.

    Returns:
        The value.

    Raises:
        ValueError: The tag means nothing in a template, or the scalar is not what the tag says.
    """
    types = _CORE_TYPES.get(tag.removeprefix(CORE_TAG)) if tag.startswith(CORE_TAG) else None
    if types is None:
        raise ValueError("means nothing in a template")
    value = text if types == (str,) else plain_value(text)
    if type(value) not in types:
        raise ValueError(f"does not fit {text!r}")
    return value


@lru_cache(maxsize=256)
def function_of(tag: str) -> str:
    """Give the long form of a short-form tag: `Fn::Sub` for `!Sub`, `Ref` for `!Ref`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
    """
    name = tag[1:]
    return name if name in _WITHOUT_PREFIX else f"Fn::{name}"


def tagged_text(function: str, text: str) -> JsonValue:
    """Give the value of a scalar under a short-form tag: text, which `!GetAtt` splits at its first dot."""
    return text.split(".", 1) if function == "Fn::GetAtt" else text


def shown_tag(tag: str) -> str:
    """Give a tag as people write it."""
    if tag.startswith(CORE_TAG):
        return f"!!{tag.removeprefix(CORE_TAG)}"
    return tag if tag.startswith("!") else f"!<{tag}>"
