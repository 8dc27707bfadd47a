"""`image-pinner status`: what is installed where, and how it fares."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import click

from image_pinner import __version__
from image_pinner.cli.console import ExitCode, say, write_output
from image_pinner.cli.deployment.aws_access import NobodySignedIn
from image_pinner.cli.deployment.macro_template import MacroTemplate, read_macro_template
from image_pinner.cli.deployment.region_status import STATUS_VERSION, RegionStatus
from image_pinner.cli.deployment.stack_set_targets import home_of
from image_pinner.cli.deployment.status_reading import status_of
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.cli.installing import (
    STACK_NAME,
    WHERE,
    code_of,
    outside_of,
    regions_of,
    surroundings_of,
    with_options,
)
from image_pinner.cli.packaging.project_files import template_text
from image_pinner.core.errors import ImagePinnerError


@click.command(short_help="Tell what is installed where, and how it fares.")
@with_options(
    *WHERE,
    click.option("--stack-set", metavar="NAME", help="A stack set, with each account and region."),
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How it is told."),
)
@click.pass_obj
def command(given: object, /, **options: Any) -> None:
    """Tell what is installed: version, configuration, the function's state, alarms and the last failure.

    With --stack-set: its version, configuration and last operation, and each of its stacks.

    The exit code is 1 where a region has no macro, or one that cannot work, and where a stack of the stack set is not
    current.
    """
    outside = outside_of(given, options["profile"])
    surroundings = surroundings_of(outside, yes=False)
    template = read_macro_template(template_text())
    regions = regions_of(options["regions"], outside)
    if options["stack_set"] is not None:
        home = home_of(regions, options["stack_set"], stack_named=options["stack_name"] != STACK_NAME)
        sys.exit(_tell_stack_set(surroundings, home, options, template))
    found: list[RegionStatus] = []
    code = ExitCode.DONE
    for region in regions:
        try:
            with surroundings.teller.live(f"{region}: asking"):
                found.append(status_of(surroundings, region, options["stack_name"], template))
        except NobodySignedIn:
            raise
        except ImagePinnerError as error:
            say(f"image-pinner: {region}: {error.diagnostics()}", style="red")
            code = max(code, code_of(error))
    lines = (line for status in found for line in status.lines(__version__))
    _write(options["form"], {"regions": [status.to_json() for status in found]}, lines)
    healthy = all(status.is_well for status in found)
    sys.exit(code if healthy else max(code, ExitCode.FINDINGS))


def _tell_stack_set(
    surroundings: Surroundings, home: str, options: dict[str, Any], template: MacroTemplate
) -> ExitCode:
    # Loaded here: few have one.
    from image_pinner.cli.deployment.stack_set_reading import stack_set_status_of  # noqa: PLC0415

    name = options["stack_set"]
    with surroundings.teller.live(f"stack set {name}: asking"):
        found = stack_set_status_of(surroundings, home, name, template)
    _write(options["form"], {"stack_set": found.to_json()}, found.lines(__version__))
    return ExitCode.DONE if found.is_well else ExitCode.FINDINGS


def _write(form: str, content: dict[str, Any], lines: Iterable[str]) -> None:
    if form == "json":
        told = {"version": STATUS_VERSION, "image_pinner": __version__, **content}
        text = f"{json.dumps(told, indent=2, ensure_ascii=False)}\n"
    else:
        text = "".join(f"{line}\n" for line in lines)
    write_output(text.encode())
