"""`image-pinner upgrade`."""

from __future__ import annotations

import sys
from typing import Any

import click

from image_pinner.cli.console import Dependencies
from image_pinner.cli.deployment_options import INSTALL_OPTIONS, run_install


@click.command(short_help="Upgrade an installed macro.")
@INSTALL_OPTIONS
@click.pass_obj
def command(given: Dependencies, /, **options: Any) -> None:
    """Upgrade an installed macro. Like install, but fails if nothing is installed.

    The changes are shown first. Nothing but a change set is created before you confirm. Parameters keep their values
    unless you set them.
    """
    sys.exit(run_install(given, options, must_exist=True))
