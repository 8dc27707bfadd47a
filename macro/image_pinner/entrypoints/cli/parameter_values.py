"""Parameter values: from `--parameter NAME=VALUE` and from the three kinds of files that AWS tools use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from image_pinner.core.errors import UnreadableTemplate


def given_parameters(pairs: Iterable[str]) -> dict[str, str]:
    """Read `NAME=VALUE` texts.

    Args:
        pairs: The texts.

    Returns:
        The values by name; of a name given twice the last.

    Raises:
        UnreadableTemplate: A text has no `=` or no name.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UnreadableTemplate(f"--parameter {pair!r} has no name and value", "Write --parameter NAME=VALUE")
        values[name] = value
    return values


def file_parameters(text: str, name: str) -> dict[str, Any]:
    """Read a file of parameters.

    The shapes are a list of `ParameterKey` and `ParameterValue` or of `NAME=VALUE` texts, as the AWS CLI takes them
    (https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy/), a map under `Parameters`, as CodePipeline
    takes it (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html),
    and a plain map.

    Args:
        text: The file's text, JSON.
        name: The file's name, for messages.

    Returns:
        The values by name: texts or lists of texts.

    Raises:
        UnreadableTemplate: The text is no JSON, or of none of these shapes.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UnreadableTemplate(f"{name} is no JSON: {error}", "Give the parameters as JSON") from None
    if isinstance(content, dict):
        inner = content.get("Parameters")
        return {key: _value(key, value, name) for key, value in (inner if isinstance(inner, dict) else content).items()}
    if isinstance(content, list):
        return dict(_entry(item, name) for item in content if not _uses_previous(item))
    raise _unknown_shape(name)


def _entry(item: Any, name: str) -> tuple[str, Any]:
    if isinstance(item, str) and item.partition("=")[1] and item.partition("=")[0]:
        key, _, value = item.partition("=")
        return key, value
    if isinstance(item, Mapping) and isinstance(item.get("ParameterKey"), str) and "ParameterValue" in item:
        return item["ParameterKey"], _value(item["ParameterKey"], item["ParameterValue"], name)
    raise _unknown_shape(name)


def _uses_previous(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("UsePreviousValue") is True


def _value(key: str, value: Any, name: str) -> Any:
    if isinstance(value, str | int | float):
        return _text(value)
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return [_text(item) for item in value]
    raise UnreadableTemplate(f"in {name}, the value of {key} is neither text nor a list", "Write it as text")


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unknown_shape(name: str) -> UnreadableTemplate:
    return UnreadableTemplate(
        f"{name} is no file of parameters",
        'Write [{"ParameterKey": "Tag", "ParameterValue": "1.2"}], {"Parameters": {"Tag": "1.2"}} or {"Tag": "1.2"}',
    )
