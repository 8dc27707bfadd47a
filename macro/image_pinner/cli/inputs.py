"""Read templates and parameter values for a subcommand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_pinner.cli.documents import SourceDocument, read_file, read_source
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.core.template.markers import snippet_parameters


def given_parameters(pairs: Iterable[str]) -> dict[str, str]:
    """Read `NAME=VALUE` texts.

    Args:
        pairs: The texts.

    Returns:
        The values by name; of a name given twice the last.

    Raises:
        UnreadableTemplateError: A text has no `=` or no name.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UnreadableTemplateError(f"--parameter {pair!r} has no name and value", "Write --parameter NAME=VALUE")
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
        UnreadableTemplateError: The text is no JSON, or of none of these shapes.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UnreadableTemplateError(f"{name} is no JSON: {error}", "Give the parameters as JSON") from None
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
    raise UnreadableTemplateError(f"in {name}, the value of {key} is neither text nor a list", "Write it as text")


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unknown_shape(name: str) -> UnreadableTemplateError:
    return UnreadableTemplateError(
        f"{name} is no file of parameters",
        'Write [{"ParameterKey": "Tag", "ParameterValue": "1.2"}], {"Parameters": {"Tag": "1.2"}} or {"Tag": "1.2"}',
    )


STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A template that was read.

    Args:
        name: The file's name as it was given.
        document: Its text with positions.
        fragment: It, seen as the macro's event would show it.
        names_macro: Whether its Transform names the macro.
    """

    name: str
    document: SourceDocument
    fragment: Fragment
    names_macro: bool

    def scope(self, values: Mapping[str, Any], region: str, account_id: str) -> Scope:
        """Give what is known for its expressions.

        Args:
            values: The parameters' values.
            region: The region that it is meant for, or empty.
            account_id: The account that it is meant for, or empty.

        Returns:
            The scope; values of parameters of SSM types are names here.

        Raises:
            UnreadableTemplateError: A value is given for a parameter that the template does not have.
        """
        scope = Scope.of_template(self.fragment.tree, values, region=region, account_id=account_id, ssm_names=True)
        if unknown := sorted(set(values) - set(scope.parameters)):
            raise UnreadableTemplateError(
                f"{self.name} has no parameter {', '.join(unknown)}",
                f"Its parameters are {', '.join(scope.parameters) or 'none'}",
            )
        return scope


def read_bytes(name: str) -> bytes:
    """Read a file, or the standard input for `-`.

    Raises:
        UnreadableTemplateError: It cannot be read.
    """
    return sys.stdin.buffer.read() if name == STANDARD_INPUT else read_file(Path(name))


def read_template(name: str, macro: str, pin: str = "") -> TemplateFile:
    """Read a template.

    Args:
        name: The file's name, or `-` for the standard input.
        macro: The macro's name.
        pin: `Pin` as the command was asked for, in the place of what the Transform says; or empty.

    Returns:
        The template.

    Raises:
        UnreadableTemplateError: It cannot be read, or is no template.
        InvalidOptionError: The Parameters of its Transform are no map.
    """
    shown = "standard input" if name == STANDARD_INPUT else name
    document = read_source(read_bytes(name), shown)
    tree = document.tree
    if not isinstance(tree.get("Resources"), dict):
        raise UnreadableTemplateError(f"{shown} has no Resources", "Give a CloudFormation template")
    parameters = _transform_parameters(tree, macro)
    options = dict(parameters or {}) | ({"Pin": pin} if pin else {})
    return TemplateFile(shown, document, Fragment(Shape.TEMPLATE, tree, options, tree), parameters is not None)


def _transform_parameters(tree: JsonObject, macro: str) -> JsonObject | None:
    transform = tree.get("Transform")
    for call in transform if isinstance(transform, list) else [transform]:
        parameters = snippet_parameters(call, macro)
        if parameters is not None:
            return parameters
    return None
