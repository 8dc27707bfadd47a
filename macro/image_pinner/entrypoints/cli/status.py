"""`image-pinner status`: what is installed where, and how it fares."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from image_pinner import __version__
from image_pinner.core.errors import ImagePinnerError
from image_pinner.entrypoints.cli.exit_codes import ExitCode
from image_pinner.entrypoints.cli.installing import (
    WHERE,
    code_of,
    outside_of,
    regions_of,
    surroundings_of,
    with_options,
)
from image_pinner.entrypoints.cli.terminal import say, write_output
from image_pinner.entrypoints.installation.aws_access import NobodySignedIn
from image_pinner.entrypoints.installation.macro_template import read_macro_template
from image_pinner.entrypoints.installation.region_status import STATUS_VERSION, RegionStatus
from image_pinner.entrypoints.installation.status_reading import status_of
from image_pinner.entrypoints.packaging.project_files import template_text


@click.command(short_help="Tell what is installed where, and how it fares.")
@with_options(
    *WHERE,
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How it is told."),
)
@click.pass_obj
def command(given: object, /, **options: Any) -> None:
    """Tell what is installed: version, configuration, the function's state, alarms and the last failure.

    The exit code is 1 where a region has no macro, or one that cannot work.
    """
    outside = outside_of(given, options["profile"])
    surroundings = surroundings_of(outside, yes=False)
    template = read_macro_template(template_text())
    found: list[RegionStatus] = []
    code = ExitCode.DONE
    for region in regions_of(options["regions"], outside):
        try:
            with surroundings.teller.live(f"{region}: asking"):
                found.append(status_of(surroundings, region, options["stack_name"], template))
        except NobodySignedIn:
            raise
        except ImagePinnerError as error:
            say(f"image-pinner: {region}: {error.diagnostics()}", style="red")
            code = max(code, code_of(error))
    _print(found, options["form"])
    healthy = all(status.is_well for status in found)
    sys.exit(code if healthy else max(code, ExitCode.FINDINGS))


def _print(found: list[RegionStatus], form: str) -> None:
    if form == "json":
        content = {
            "version": STATUS_VERSION,
            "image_pinner": __version__,
            "regions": [status.to_json() for status in found],
        }
        text = f"{json.dumps(content, indent=2, ensure_ascii=False)}\n"
    else:
        text = "".join(f"{line}\n" for status in found for line in status.lines(__version__))
    write_output(text.encode())
