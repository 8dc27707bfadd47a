"""`image-pinner uninstall`: the macro taken away, unless templates still name it."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from image_pinner.cli.deployment.uninstalling import Removal, uninstall
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


@click.command(short_help="Take the macro away, unless templates of stacks name it.")
@with_options(
    *WHERE,
    click.option("--stack-set", metavar="NAME", help="All stacks of a stack set, and it with them."),
    click.option("--even-if-used", is_flag=True, help="Take it away although templates name it."),
    click.option("--delete-bucket", is_flag=True, help="Delete the code too, and its bucket if nothing else is in it."),
    *CONSENT,
)
@click.pass_obj
def command(given: object, /, **options: Any) -> None:
    """Take the macro away: termination protection off, stack deleted, log kept.

    The templates of all stacks of the region are looked into first. Where one names the macro, nothing is done and the
    exit code is 1: the next update of that stack would fail without it.

    With --stack-set all accounts and regions that it reaches are meant. Templates of other accounts cannot be looked
    into, so that this needs --even-if-used.
    """
    see_that_somebody_answers(yes=options["yes"], dry_run=options["dry_run"])
    outside = outside_of(given, options["profile"])
    regions = regions_of(options["regions"], outside)
    surroundings = surroundings_of(outside, yes=options["yes"])
    name = options["stack_set"]
    choices = (options["even_if_used"], options["delete_bucket"], options["dry_run"])
    if name is None:
        removal = Removal(options["stack_name"], *choices)
        sys.exit(in_each(regions, partial(uninstall, surroundings, removal=removal)))
    # Loaded here: few have one.
    from image_pinner.cli.deployment.stack_set_removing import uninstall_everywhere  # noqa: PLC0415
    from image_pinner.cli.deployment.stack_set_targets import home_of  # noqa: PLC0415

    home = home_of(regions, name, stack_named=options["stack_name"] != STACK_NAME)
    sys.exit(in_each((home,), partial(uninstall_everywhere, surroundings, removal=Removal(name, *choices))))
