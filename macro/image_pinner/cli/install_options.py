"""The options of `install` and `upgrade`, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from image_pinner import __version__
from image_pinner.cli.console import ExitCode, say
from image_pinner.cli.deployment.requests import Request
from image_pinner.cli.inputs import given_parameters
from image_pinner.cli.installing import (
    CONSENT,
    STACK_NAME,
    WHERE,
    in_each,
    outside_of,
    regions_of,
    see_that_somebody_answers,
    surroundings_of,
    with_options,
)
from image_pinner.core.errors import ConfigurationError

_PACKAGE = click.Path(path_type=Path)
OPTIONS = with_options(
    *WHERE,
    click.option("--macro-name", default="", metavar="NAME", help="What templates write behind Transform."),
    click.option("--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter's value; repeatable."),
    click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of the stack; repeatable."),
    click.option("--bucket", default="", metavar="NAME", help="Your bucket for the code; else one is made."),
    click.option(
        "--package", type=_PACKAGE, metavar="FILE", help="Zip of the function; default: the one of this version."
    ),
    click.option("--role-arn", default="", metavar="ARN", help="The role that CloudFormation works as."),
    click.option("--permissions-boundary", default="", metavar="ARN", help="What bounds the function's role."),
    click.option(
        "--termination-protection/--no-termination-protection",
        "protected",
        default=None,
        help="Whether the stack is protected; a new one is by default.",
    ),
    click.option("--replace-failed", is_flag=True, help="Delete a stack first that never came to be."),
    click.option(
        "--stack-set",
        default="",
        metavar="NAME",
        help="Install into accounts of the organization; it is kept in the first region.",
    ),
    click.option("--accounts", "accounts", multiple=True, metavar="NUMBER", help="For --stack-set; repeatable."),
    click.option(
        "--organizational-units", "units", multiple=True, metavar="ID", help="For --stack-set: the units; repeatable."
    ),
    *CONSENT,
)
"""All of them."""


def run(given: object, options: Mapping[str, Any], *, must_exist: bool) -> ExitCode:
    """Install or upgrade as the options say.

    Args:
        given: What stands in for AWS, or None.
        options: The options.
        must_exist: Whether only what is there is changed.

    Returns:
        The exit code.

    Raises:
        ImagePinnerError: The options do not fit each other, or nobody could be asked.
    """
    _see_that_they_fit(options)
    see_that_somebody_answers(yes=options["yes"], dry_run=options["dry_run"])
    outside = outside_of(given, options["profile"])
    regions = regions_of(options["regions"], outside)
    request = _request(options, must_exist=must_exist)
    surroundings = surroundings_of(outside, yes=options["yes"])
    if not options["stack_set"]:
        from image_pinner.cli.deployment.installing import install  # noqa: PLC0415 - only where it is used

        return in_each(regions, partial(install, surroundings, request=request))
    from image_pinner.cli.deployment.stack_set_installing import install_everywhere  # noqa: PLC0415
    from image_pinner.cli.deployment.stack_set_targets import Targets, checked_accounts  # noqa: PLC0415

    targets = Targets(regions, _split(options["units"]), checked_accounts(_split(options["accounts"])))
    name = options["stack_set"]
    return in_each(regions[:1], lambda _: install_everywhere(surroundings, name, targets, request))


def _see_that_they_fit(options: Mapping[str, Any]) -> None:
    to_whom = options["accounts"] or options["units"]
    if options["stack_set"] and not to_whom:
        raise ConfigurationError(
            "--stack-set needs to know whom it is for", "Give --accounts or --organizational-units"
        )
    if to_whom and not options["stack_set"]:
        raise ConfigurationError("--accounts and --organizational-units are for a stack set", "Give --stack-set too")
    alone = [
        ("--role-arn", options["role_arn"]),
        ("--replace-failed", options["replace_failed"]),
        ("--termination-protection", options["protected"] is not None),
        ("--stack-name", options["stack_name"] != STACK_NAME),
    ]
    for name, is_given in alone:
        if options["stack_set"] and is_given:
            raise ConfigurationError(f"{name} is for one stack, and a stack set makes its own", f"Leave {name} out")


def _request(options: Mapping[str, Any], *, must_exist: bool) -> Request:
    # Loaded here: they need the readers of templates and of packages.
    from image_pinner.cli.deployment.code import carried_code, code_from  # noqa: PLC0415
    from image_pinner.cli.deployment.macro_template import read_macro_template  # noqa: PLC0415
    from image_pinner.cli.deployment.parameter_choices import checked  # noqa: PLC0415
    from image_pinner.cli.packaging.project_files import template_text  # noqa: PLC0415

    template = read_macro_template(template_text())
    named = {"MacroName": options["macro_name"], "PermissionsBoundaryArn": options["permissions_boundary"]}
    parameters = given_parameters(options["pairs"]) | {name: value for name, value in named.items() if value}
    parameters = dict(checked(template.parameters, parameters))
    tags = _tags(options["tags"])
    if options["package"]:
        code = code_from(options["package"])
        if code.version != __version__:
            say(f"The package is ImagePinner {code.version}, the template is of {__version__}", style="yellow")
    else:
        code = carried_code()
    return Request(
        code,
        template,
        options["stack_name"],
        parameters,
        tags,
        options["bucket"],
        options["role_arn"],
        options["protected"],
        must_exist,
        options["replace_failed"],
        options["dry_run"],
    )


def _tags(pairs: tuple[str, ...]) -> dict[str, str]:
    tags = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise ConfigurationError(f"--tag {pair!r} has no key and value", "Write --tag KEY=VALUE")
        tags[key] = value
    return tags


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    """Take values apart that stand in one option, parted by commas."""
    return tuple(dict.fromkeys(one.strip() for value in values for one in value.split(",") if one.strip()))
