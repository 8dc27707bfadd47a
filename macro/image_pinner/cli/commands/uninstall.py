"""`image-pinner uninstall`."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from image_pinner.cli.console import Dependencies
from image_pinner.cli.deployment.uninstall import UninstallRequest, uninstall
from image_pinner.cli.deployment_options import (
    COMMON_OPTIONS,
    CONFIRMATION_OPTIONS,
    choose_regions,
    choose_stack_name,
    find_environment,
    open_session,
    require_confirmation,
    run_in_regions,
    with_options,
)


@click.command(short_help="Uninstall the macro unless a stack still uses it.")
@with_options(
    *COMMON_OPTIONS,
    click.option("--even-if-used", is_flag=True, help="Uninstall although templates use the macro."),
    click.option("--delete-bucket", is_flag=True, help="Delete the code, and its bucket if nothing else is in it."),
    *CONFIRMATION_OPTIONS,
)
@click.pass_obj
def command(given: Dependencies, /, **options: Any) -> None:
    """Uninstall the macro: turn off termination protection and delete the stack. The log group is kept.

    The templates of all stacks in the region are inspected first. If one uses the macro, nothing is changed and the
    exit code is 1, because the next update of that stack would fail.

    With --organization, the macro is uninstalled in all accounts. Templates of other accounts cannot be inspected, so
    this requires --even-if-used.
    """
    require_confirmation(options)
    environment = find_environment(given, options["profile"])
    regions = choose_regions(options, environment)
    session = open_session(environment, yes=options["yes"])
    request = UninstallRequest(
        choose_stack_name(options),
        organization=options["organization"],
        even_if_used=options["even_if_used"],
        delete_bucket=options["delete_bucket"],
        dry_run=options["dry_run"],
    )
    sys.exit(run_in_regions(regions, partial(uninstall, session, request=request)))
