"""`image-pinner status`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from image_pinner import __version__
from image_pinner.cli.console import Dependencies, ExitCode, write_output
from image_pinner.cli.deployment.aws import NotSignedInError
from image_pinner.cli.deployment.parameters import macro_template, organization_template
from image_pinner.cli.deployment.status import STATUS_VERSION, InstallationStatus, read_status
from image_pinner.cli.deployment_options import (
    COMMON_OPTIONS,
    choose_regions,
    choose_stack_name,
    exit_code_for,
    find_environment,
    open_session,
    report_error,
    with_options,
)
from image_pinner.core.errors import ConfigurationError, ImagePinnerError


@click.command(short_help="Show installed versions and health.")
@with_options(
    *COMMON_OPTIONS,
    click.option(
        "--probe", is_flag=True, help="Invoke the macro with a template without images, and with an invalid image."
    ),
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Output format."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, like --format json."),
)
@click.pass_obj
def command(given: Dependencies, /, **options: Any) -> None:
    """Show what is installed: version, configuration, state of the function, alarms and last failure.

    With --organization: version, configuration, and the state in each account and region.

    --probe makes no lookups, and its events are in the log. The probe with the invalid image must fail.

    The exit code is 1 if a region has no macro or one that does not work, while an alarm fires, if the configuration is
    invalid or the function drifted, if an answer to --probe is not the expected one, or if an account is not current.
    """
    if options["probe"] and options["organization"]:
        raise ConfigurationError(
            "functions of other accounts cannot be invoked",
            "omit --probe, or pass it in an account without --organization",
        )
    environment = find_environment(given, options["profile"])
    session = open_session(environment, yes=False)
    template = organization_template() if options["organization"] else macro_template()
    found: list[InstallationStatus] = []
    code = ExitCode.DONE
    for region in choose_regions(options, environment):
        try:
            with session.console.progress(f"{region}: reading status"):
                found.append(read_status(session, region, choose_stack_name(options), template, probe=options["probe"]))
        except NotSignedInError:
            raise
        except ImagePinnerError as error:
            report_error(region, error)
            code = max(code, exit_code_for(error))
    write_output(_render("json" if options["as_json"] else options["form"], found).encode())
    healthy = all(status.healthy for status in found)
    sys.exit(code if healthy else max(code, ExitCode.FINDINGS))


def _render(form: str, found: list[InstallationStatus]) -> str:
    if form == "text":
        return "".join(f"{line}\n" for status in found for line in status.lines(__version__))
    regions = [status.to_json() for status in found]
    content = {"version": STATUS_VERSION, "image_pinner": __version__, "regions": regions}
    return f"{json.dumps(content, indent=2, ensure_ascii=False)}\n"
