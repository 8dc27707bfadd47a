"""From values to YAML text: scalars in the quotes that they need, collections in flow or block style.

Quoting is careful: what any YAML 1.1 or 1.2 reader could take for something else than text is quoted.
https://yaml.org/spec/1.1/#id905860, https://yaml.org/spec/1.2.2/#1032-tag-resolution
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from image_pinner.core.intrinsics.values import JsonValue

_PLAIN_START = re.compile(r"[\w/$(]")
_ENDS_PLAIN = re.compile(r":(?: |\Z)| #")
# A colon inside a plain word of a flow collection is refused by YAML readers of some age.
_ENDS_PLAIN_IN_FLOW = re.compile(r"[,\[\]{}?:]")
_NUMBER_1_2 = re.compile(
    r"[-+]?(?:0o?[0-7]+|0x[0-9a-f]+|(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?)", re.ASCII | re.IGNORECASE
)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_TEXT_TAG = "tag:yaml.org,2002:str"
_RESOLVER: Any = yaml.resolver.Resolver()


@dataclass(frozen=True, slots=True)
class BlockStyle:
    """How a file indents.

    Args:
        step: Blanks by which a map stands further in than the key above it.
        list_step: Blanks by which the dashes of a list do.
    """

    step: int
    list_step: int


def scalar_text(value: JsonValue, style: str = "", *, flow: bool = False) -> str:
    """Write a value that is no collection, or an empty one.

    Args:
        value: The value.
        style: The quotes to prefer: `'`, `"`, or anything else for none.
        flow: Whether it stands in a flow collection.

    Returns:
        The value on one line: a text without quotes only where that is certain to be read as the same text.
    """
    if not isinstance(value, str):
        return json.dumps(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style != '"' and is_plain(value, flow=flow):
        return value
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def is_plain(text: str, *, flow: bool) -> bool:
    """Tell whether a text can stand without quotes and be read as the same text by every YAML reader.

    Args:
        text: The text.
        flow: Whether it stands in a flow collection.
    """
    if not _PLAIN_START.match(text) or not text.isprintable() or text[-1] == " " or _ENDS_PLAIN.search(text):
        return False
    if flow and _ENDS_PLAIN_IN_FLOW.search(text):
        return False
    if text.lower() in _WORDS or _NUMBER_1_2.fullmatch(text):
        return False
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False))) == _TEXT_TAG


def flow_text(value: JsonValue, *, quoted: bool = False) -> str:
    """Write a value in flow style, on one line.

    Args:
        value: The value.
        quoted: Whether every text gets double quotes, as in JSON.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(flow_entries(value.items(), quoted=quoted)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow_text(item, quoted=quoted) for item in value) + "]"
    return scalar_text(value, '"' if quoted else "", flow=True)


def flow_entries(entries: Iterable[tuple[str, JsonValue]], *, quoted: bool = False) -> list[str]:
    """Write keys with their values in flow style.

    Args:
        entries: Keys and values.
        quoted: Whether every text gets double quotes, as in JSON.

    Returns:
        One text for each key.
    """
    style = '"' if quoted else ""
    return [f"{scalar_text(key, style, flow=True)}: {flow_text(value, quoted=quoted)}" for key, value in entries]


def is_block(value: JsonValue) -> bool:
    """Tell whether a value takes lines of its own in block style."""
    return isinstance(value, dict | list) and bool(value)


def block_lines(value: JsonValue, style: BlockStyle) -> list[str]:
    """Write a value in block style.

    Args:
        value: The value.
        style: How to indent.

    Returns:
        Its lines, the first of which is not indented.
    """
    if not is_block(value):
        return [scalar_text(value)]
    lines: list[str] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            lines += _entry_lines(scalar_text(key), inner, style)
        return lines
    for item in value:
        first, *others = block_lines(item, style)
        lines += [f"- {first}", *(f"  {line}" for line in others)]
    return lines


def _entry_lines(key: str, value: JsonValue, style: BlockStyle) -> list[str]:
    first, *others = block_lines(value, style)
    if not is_block(value):
        return [f"{key}: {first}"]
    indentation = " " * (style.list_step if isinstance(value, list) else style.step)
    return [f"{key}:", *(f"{indentation}{line}" for line in (first, *others))]
