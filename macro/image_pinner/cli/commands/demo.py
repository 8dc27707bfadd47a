"""`image-pinner demo`: the main job, on an AWS that runs in this process."""

from __future__ import annotations

import sys
from typing import Any

import click

from image_pinner.cli.console import ExitCode, has_colour
from image_pinner.cli.demo.embedded_aws import embedded_aws

_STYLES: dict[str, dict[str, Any]] = {
    "heading": {"bold": True},
    "text": {},
    "code": {"dim": True},
    "old": {"fg": "red"},
    "new": {"fg": "green"},
    "error": {"fg": "yellow"},
}


@click.command(short_help="Show the main job on an AWS that runs in this process.")
def command() -> None:
    """Pin, move a tag, pin again, and refuse: with the macro itself and an embedded AWS on loopback.

    Nothing outside this process is asked or changed, and no AWS account is needed.
    """
    # Loaded here: the story needs the whole program.
    from image_pinner.cli.demo.story import Story  # noqa: PLC0415

    stream = sys.stdout
    coloured = has_colour(stream)

    def tell(line: str, kind: str) -> None:
        click.echo(click.style(line, **_STYLES[kind]) if coloured and line else line, file=stream)

    tell("ImagePinner at work on an AWS that runs in this process. Nothing outside is asked or changed.", "text")
    with embedded_aws() as aws:
        went_well = Story(aws, tell).run()
    sys.exit(ExitCode.DONE if went_well else ExitCode.LOOKUP_FAILED)
