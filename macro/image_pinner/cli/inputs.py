"""The input of subcommands: settings, templates and parameter values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from image_pinner.cli.configuration.defaults import SettingOption, applied_defaults
from image_pinner.cli.console import write_output
from image_pinner.cli.documents import SourceDocument, read_file, read_source, write_atomically
from image_pinner.cli.parameter_files import (
    OVERRIDES_OPTION,
    ParameterFile,
    parse_overrides,
    parse_pairs,
    parse_parameter_file,
    path_of,
)
from image_pinner.core.errors import ConfigurationError, UnreadableTemplateError
from image_pinner.core.intrinsics.references import KEEPS_PREVIOUS_VALUE
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
    type=click.Path(readable=False),
    metavar="FILE",
    help="Parameter file, JSON or YAML, of the AWS CLI or CodePipeline, or with names and values; or"
    " samconfig.toml[:ENVIRONMENT] (repeatable).",
)
PARAMETER_OVERRIDES_OPTION = click.option(
    OVERRIDES_OPTION,
    "overrides",
    multiple=True,
    metavar="NAME=VALUE...",
    help="Parameter values as for aws cloudformation deploy and sam deploy: several words, or one with quoted values.",
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
    cls=SettingOption,
    multiple=True,
    metavar="JSONPATH",
    help="Additional JSONPath to an image property (repeatable).",
)


def read_settings(image_paths: Iterable[str]) -> Settings:
    """Return the settings of the environment and of the configuration file, with additional image paths."""
    settings = Settings.from_environment(applied_defaults().environment())
    for path in image_paths:
        parse_image_path(path)
    return settings._replace(image_paths=(*settings.image_paths, *image_paths))


def read_parameters(files: Iterable[str], pairs: Iterable[str], overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Return the values of `--parameters`, `--parameter-overrides` and `--parameter`; later ones take precedence.

    The value of a parameter that keeps its previous value is `None`.

    Raises:
        UnreadableTemplateError: A file or an option cannot be read.
    """
    overrides = list(overrides)
    overriding_files = [word for word in overrides if word.startswith("file://")]
    values: dict[str, Any] = {}
    for name in (*files, *overriding_files):
        file = read_parameter_file(name)
        values |= {**dict.fromkeys(file.previous), **file.values}
    return values | parse_overrides(word for word in overrides if word not in overriding_files) | parse_pairs(pairs)


def read_parameter_file(name: str) -> ParameterFile:
    """Read a parameter file, or standard input if its name is `-`. See `parse_parameter_file`."""
    return parse_parameter_file(read_bytes(path_of(name)).decode("utf-8-sig", "replace"), name)


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


class TemplateFile(NamedTuple):
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

        Values of parameters that the template does not declare are ignored: they may be meant for another template. A
        parameter whose value is `None` keeps that of its stack, so that its Default does not apply.
        `find_region` returns the region, or empty, and `find_account` the account; each is called only if an expression
        needs it.
        """
        scope = Scope.of_template(
            self.fragment.tree, {}, region="", account_id="", stack_name=stack_name, ssm_names=True
        )
        declared = {name: value for name, value in values.items() if name in scope.parameters}
        given = {name: value for name, value in declared.items() if value is not None}
        previous = dict.fromkeys(declared.keys() - given.keys(), KEEPS_PREVIOUS_VALUE)
        return replace(
            scope,
            parameters={**scope.parameters, **previous},
            values=given,
            find_region=find_region,
            find_account=find_account or scope.find_account,
        )


def read_bytes(name: str) -> bytes:
    """Read a file, or standard input if its name is `-`."""
    return sys.stdin.buffer.read() if name == STANDARD_INPUT else read_file(Path(name))


def check_output(output: Path | None, inputs: Iterable[str]) -> None:
    """Check that `--output` is none of the files that are read.

    Raises:
        ConfigurationError: It is one of them.
    """
    if output and output.resolve() in {Path(name).resolve() for name in inputs if name != STANDARD_INPUT}:
        raise ConfigurationError(f"--output would overwrite {output}", "write to another file")


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
