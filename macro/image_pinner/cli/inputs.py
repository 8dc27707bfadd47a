"""The input of subcommands: settings, templates and parameter values."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from image_pinner.cli.console import write_output
from image_pinner.cli.documents import SourceDocument, read_file, read_source, write_atomically
from image_pinner.core.errors import ConfigurationError, UnreadableTemplateError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Answer, JsonObject
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.core.template.markers import snippet_parameters
from image_pinner.core.template.paths import parse_image_path
from image_pinner.settings import Settings

STANDARD_INPUT = "-"
STANDARD_OUTPUT = Path("-")
_ACCOUNT_DIGITS = 12
PARAMETER_OPTION = click.option(
    "--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="Parameter value (repeatable)."
)
PARAMETER_FILES_OPTION = click.option(
    "--parameters",
    "files",
    multiple=True,
    metavar="FILE",
    help="JSON parameter file of the AWS CLI or CodePipeline, or a JSON object of names and values (repeatable).",
)
REGION_OPTION = click.option(
    "--region", default="", help="AWS region of the stack.  [default: that of the AWS configuration]"
)
ACCOUNT_OPTION = click.option(
    "--account", default="", metavar="ID", help="AWS account ID of the stack, for AWS::AccountId."
)
IMAGE_PATH_OPTION = click.option(
    "--image-path",
    "image_paths",
    multiple=True,
    metavar="JSONPATH",
    help="Additional JSONPath to an image property (repeatable).",
)


def read_settings(image_paths: Iterable[str]) -> Settings:
    """Return the settings of the environment with additional image paths."""
    settings = Settings.from_environment(os.environ)
    for path in image_paths:
        parse_image_path(path)
    return settings._replace(image_paths=(*settings.image_paths, *image_paths))


def given_parameters(pairs: Iterable[str]) -> dict[str, str]:
    """Parse `NAME=VALUE` options. Of several values of a name, the last counts."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UnreadableTemplateError(f"--parameter {pair!r} is not NAME=VALUE", "pass --parameter NAME=VALUE")
        values[name] = value
    return values


def read_parameters(files: Iterable[str], pairs: Iterable[str]) -> dict[str, Any]:
    """Return the values in parameter files and of `NAME=VALUE` options, which take precedence.

    Raises:
        UnreadableTemplateError: A file or an option cannot be read.
    """
    values: dict[str, Any] = {}
    for name in files:
        values |= parse_parameter_file(read_bytes(name).decode("utf-8-sig", "replace"), name)
    return values | given_parameters(pairs)


def check_account(account: str) -> str:
    """Return an account ID, or an empty text.

    Raises:
        ConfigurationError: The account ID is not valid.
    """
    if account and not (account.isascii() and account.isdigit() and len(account) == _ACCOUNT_DIGITS):
        raise ConfigurationError(
            f"--account {account!r} is not an AWS account ID", f"pass an ID of {_ACCOUNT_DIGITS} digits"
        )
    return account


def parse_parameter_file(text: str, name: str) -> dict[str, Any]:
    """Parse the text of a JSON parameter file. The values are strings or lists of strings.

    The file has a list of `ParameterKey` and `ParameterValue` or of `NAME=VALUE` strings, as in the AWS CLI
    (https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy/), an object in `Parameters`, as in
    CodePipeline
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html),
    or an object of names and values. `name` is the name of the file in messages.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UnreadableTemplateError(f"{name} is not valid JSON: {error}", "write the parameters as JSON") from None
    if isinstance(content, dict):
        nested = content.get("Parameters")
        entries = (nested if isinstance(nested, dict) else content).items()
        return {key: _parse_value(key, value, name) for key, value in entries}
    if isinstance(content, list):
        return dict(_parse_entry(item, name) for item in content if not _uses_previous_value(item))
    raise _unsupported_format(name)


def previous_parameters(text: str) -> list[str]:
    """Return the parameters of a parameter file that keep their previous value. See `parse_parameter_file`."""
    content = json.loads(text)
    entries = content if isinstance(content, list) else []
    return [str(item.get("ParameterKey")) for item in entries if _uses_previous_value(item)]


def _parse_entry(item: Any, name: str) -> tuple[str, Any]:
    if isinstance(item, str):
        key, equals, value = item.partition("=")
        if key and equals:
            return key, value
    if isinstance(item, Mapping) and isinstance(item.get("ParameterKey"), str) and "ParameterValue" in item:
        return item["ParameterKey"], _parse_value(item["ParameterKey"], item["ParameterValue"], name)
    raise _unsupported_format(name)


def _uses_previous_value(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("UsePreviousValue") is True


def _parse_value(key: str, value: Any, name: str) -> Any:
    if isinstance(value, str | int | float):
        return _to_string(value)
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return [_to_string(item) for item in value]
    raise UnreadableTemplateError(
        f"{name}: the value of parameter {key!r} is neither a string nor a list of strings", "write it as a string"
    )


def _to_string(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unsupported_format(name: str) -> UnreadableTemplateError:
    return UnreadableTemplateError(
        f"{name} is not a parameter file",
        'write [{"ParameterKey": "Tag", "ParameterValue": "1.2"}], {"Parameters": {"Tag": "1.2"}} or {"Tag": "1.2"}',
    )


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A template file: its text with positions, what a macro would receive of it, and whether it uses the macro."""

    document: SourceDocument
    fragment: Fragment
    names_macro: bool

    def scope(
        self,
        values: Mapping[str, Any],
        find_region: Callable[[], str] = str,
        find_account: Callable[[], Answer] | None = None,
        stack_name: str = "",
    ) -> Scope:
        """Return the scope of the template's expressions. The value of a parameter of an SSM type is its name.

        Values of parameters that the template does not declare are ignored: they may be meant for another template.
        `find_region` returns the region, or empty, and `find_account` the account; each is called only if an expression
        needs it.
        """
        scope = Scope.of_template(
            self.fragment.tree, {}, region="", account_id="", stack_name=stack_name, ssm_names=True
        )
        declared = {name: value for name, value in values.items() if name in scope.parameters}
        find_account = find_account or scope.find_account
        return replace(scope, values=declared, find_region=find_region, find_account=find_account)


def read_bytes(name: str) -> bytes:
    """Read a file, or standard input if its name is `-`."""
    return sys.stdin.buffer.read() if name == STANDARD_INPUT else read_file(Path(name))


def write_file(path: Path, data: bytes) -> None:
    """Write a file, or standard output if its name is `-`."""
    if path == STANDARD_OUTPUT:
        write_output(data)
    else:
        write_atomically(path, data)


def read_template(name: str, macro: str, pin: str = "") -> TemplateFile:
    """Read a template file, or standard input if its name is `-`. See `parse_template`.

    Raises:
        UnreadableTemplateError: The file cannot be read or is not a template.
        InvalidOptionError: The Parameters of the Transform are not a mapping.
    """
    return parse_template(read_bytes(name), "standard input" if name == STANDARD_INPUT else name, macro, pin)


def parse_template(data: bytes, name: str, macro: str, pin: str = "") -> TemplateFile:
    """Parse a template file called `name` in messages.

    `macro` is the name of the macro. `pin`, if not empty, takes precedence over `Pin` in the template's Transform.

    Raises:
        UnreadableTemplateError: The file is not a template.
        InvalidOptionError: The Parameters of the Transform are not a mapping.
    """
    document = read_source(data, name)
    tree = document.tree
    if not isinstance(tree.get("Resources"), dict):
        raise UnreadableTemplateError(f"{name} has no Resources", "pass a CloudFormation template")
    parameters = _transform_parameters(tree, macro)
    options = dict(parameters or {}) | ({"Pin": pin} if pin else {})
    return TemplateFile(document, Fragment(Shape.TEMPLATE, tree, options, tree), parameters is not None)


def _transform_parameters(tree: JsonObject, macro: str) -> JsonObject | None:
    transform = tree.get("Transform")
    for call in transform if isinstance(transform, list) else [transform]:
        parameters = snippet_parameters(call, macro)
        if parameters is not None:
            return parameters
    return None
