"""`image-pinner demo`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from shutil import get_terminal_size
from typing import Any

import click

from image_pinner.cli.console import ExitCode, has_colour
from image_pinner.cli.demo.embedded_aws import embedded_aws
from image_pinner.cli.demo.page import Page
from image_pinner.core.errors import ConfigurationError

_MIN_WIDTH, _MAX_WIDTH = 40, 100
_STYLES: dict[str, dict[str, Any]] = {
    "heading": {"bold": True},
    "text": {},
    "code": {"dim": True},
    "old": {"fg": "red"},
    "new": {"fg": "green"},
    "error": {"fg": "yellow"},
}


@click.command
def command() -> None:
    """Run the macro against an in-process mock of AWS: pin, keep, override and roll back images.

    It needs no AWS account, and makes no network requests outside this machine.
    """
    if find_spec("moto") is None:
        raise ConfigurationError("the demo needs moto, which is not installed", "run pip install 'image-pinner[demo]'")
    # Imported here because the story needs the whole program.
    from image_pinner.cli.demo.story import Story  # noqa: PLC0415

    # Longer lines are hard to read. The narrowest one still has room for the longest words.
    width = max(_MIN_WIDTH, min(get_terminal_size((_MAX_WIDTH, 24)).columns, _MAX_WIDTH))
    coloured = has_colour(sys.stdout)

    def show(line: str, kind: str) -> None:
        click.echo(click.style(line, **_STYLES[kind]) if coloured and line else line)

    with embedded_aws() as aws:
        succeeded = Story(aws, Page(show, width)).run()
    sys.exit(ExitCode.DONE if succeeded else ExitCode.FINDINGS)
