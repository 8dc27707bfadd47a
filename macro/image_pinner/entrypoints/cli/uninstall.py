"""`image-pinner uninstall`: the macro taken away, unless templates still name it."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from image_pinner.entrypoints.cli.installing import (
    CONSENT,
    WHERE,
    in_each,
    outside_of,
    regions_of,
    see_that_somebody_answers,
    surroundings_of,
    with_options,
)
from image_pinner.entrypoints.installation.uninstalling import Removal, uninstall


@click.command(short_help="Take the macro away, unless templates of stacks name it.")
@with_options(
    *WHERE,
    click.option("--even-if-used", is_flag=True, help="Take it away although templates name it."),
    click.option("--delete-bucket", is_flag=True, help="Delete the code too, and its bucket if nothing else is in it."),
    *CONSENT,
)
@click.pass_obj
def command(given: object, /, **options: Any) -> None:
    """Take the macro away: termination protection off, stack deleted, log kept.

    The templates of all stacks of the region are looked into first. Where one names the macro, nothing is done and the
    exit code is 1: the next update of that stack would fail without it.
    """
    see_that_somebody_answers(yes=options["yes"], dry_run=options["dry_run"])
    outside = outside_of(given, options["profile"])
    removal = Removal(options["stack_name"], options["even_if_used"], options["delete_bucket"], options["dry_run"])
    surroundings = surroundings_of(outside, yes=options["yes"])
    sys.exit(in_each(regions_of(options["regions"], outside), partial(uninstall, surroundings, removal=removal)))
