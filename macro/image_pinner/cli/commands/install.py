"""`image-pinner install`: the macro into an account and region, or into the accounts of an organization."""

from __future__ import annotations

import sys
from typing import Any

import click

from image_pinner.cli.install_options import OPTIONS, run


@click.command(short_help="Install the macro into an account and region, or bring it up to date.")
@OPTIONS
@click.pass_obj
def command(given: object, /, **options: Any) -> None:
    """Install the macro, or bring what is installed up to date.

    What would change is shown first, and nothing but a change set is made before you agree. Parameters of a stack that
    is there keep their values unless you give others.
    """
    sys.exit(run(given, options, must_exist=False))
