"""`image-pinner upgrade`: what is installed, brought up to date."""

from __future__ import annotations

import sys
from typing import Any

import click

from image_pinner.cli.install_options import OPTIONS, run


@click.command(short_help="Bring an installed macro up to date.")
@OPTIONS
@click.pass_obj
def command(given: object, /, **options: Any) -> None:
    """Bring an installed macro up to date: `install` that refuses where nothing is installed.

    What would change is shown first, and nothing but a change set is made before you agree. Parameters keep their
    values unless you give others.
    """
    sys.exit(run(given, options, must_exist=True))
