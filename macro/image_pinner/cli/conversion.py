"""Converts a template to YAML or JSON with the dumpers of cfn-flip.

cfn-flip's own readers are not used: they read the account ID 012345670123 as an octal number.
"""

from __future__ import annotations

from typing import Any

import yaml
from cfn_flip.yaml_dumper import get_dumper
from cfn_tools import dump_json
from cfn_tools.odict import ODict

from image_pinner.cli.documents import InPlaceEditError, read_source
from image_pinner.cli.documents.edits import first_difference
from image_pinner.core.intrinsics.values import JsonObject, JsonValue


def convert(tree: JsonObject, format_: str) -> bytes:
    """Return a template as `yaml`, with functions in their short form, or as `json`.

    Raises:
        InPlaceEditError: A value would change.
    """
    text = dump_json(tree) + "\n" if format_ == "json" else _dump_yaml(tree)
    data = text.encode()
    if difference := first_difference(read_source(data, "the converted template").tree, tree):
        raise InPlaceEditError(
            f"cannot convert the template to {format_}: the value of {difference} would change", "write it as a string"
        )
    return data


def _dump_yaml(tree: JsonObject) -> str:
    text: str = yaml.dump(
        _prepare(tree), Dumper=get_dumper(), default_flow_style=False, allow_unicode=True, width=120, sort_keys=False
    )
    return text


def _prepare(value: JsonValue) -> JsonValue:
    """Return a copy in which an `ODict` marks a function that the dumper is to write in its short form.

    As a copy shares no values, the dumper writes no aliases, which CloudFormation rejects.
    """
    if isinstance(value, list):
        return [_prepare(item) for item in value]
    if not isinstance(value, dict):
        return value
    items = [(key, _prepare(item)) for key, item in value.items()]
    return ODict(items) if len(items) == 1 and _has_short_form(*items[0]) else dict(items)


def _has_short_form(key: Any, argument: JsonValue) -> bool:
    if key in ("Ref", "Condition"):
        return isinstance(argument, str)
    name = str(key).removeprefix("Fn::")
    # Fn::ForEach::Name has none: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
    if name == str(key) or not name.isalnum():
        return False
    if name == "GetAtt":
        # !GetAtt is read as a list of two strings, split at the first dot.
        is_list = isinstance(argument, list) and all(isinstance(part, str) for part in argument)
        return is_list and ".".join(argument).split(".", 1) == argument
    return isinstance(argument, str | list | dict)
