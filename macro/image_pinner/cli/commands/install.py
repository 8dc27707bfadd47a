"""`image-pinner install`."""

from __future__ import annotations

import sys
from typing import Any

import click

from image_pinner.cli.console import Dependencies
from image_pinner.cli.deployment_options import INSTALL_OPTIONS, run_install


@click.command(short_help="Install the macro in an account and region, or in an organization.")
@INSTALL_OPTIONS
@click.pass_obj
def command(given: Dependencies, /, **options: Any) -> None:
    """Install the macro, or update what is installed.

    The changes are shown first. Nothing but a change set is created before you confirm. Parameters of an existing stack
    keep their values unless you set them.

    With --organization, the stack creates a stack set that installs the macro in all accounts of the organizational
    units. --region is then the region of the stack, and --target-region the regions of the macro.
    """
    sys.exit(run_install(given, options, must_exist=False))
