"""The options for writing findings, and what they do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import click

from image_pinner.cli.configuration.defaults import RunOption
from image_pinner.cli.console import error_stream, has_colour, write_output
from image_pinner.cli.documents import write_atomically
from image_pinner.cli.output import FORMATS, CheckResult, TextOptions, render_findings

_OPTIONS = (
    click.option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        default="full",
        show_default=True,
        help="Output format; concise is one line for each finding.",
    ),
    click.option(
        "-o",
        "--output",
        cls=RunOption,
        type=click.Path(path_type=Path, dir_okay=False, readable=False),
        metavar="FILE",
        help="Write the format to this file, and text to the terminal.",
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="Colour of text.  [default: auto, which respects NO_COLOR and FORCE_COLOR]",
    ),
)


def report_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a subcommand; `write_report` takes their values."""
    return reduce(lambda function, option: option(function), reversed(_OPTIONS), command)


def write_report(result: CheckResult, options: Mapping[str, Any], *, output_is_taken: bool = False) -> None:
    """Write findings.

    They go to the error stream if something else is on standard output.

    Raises:
        FileWriteError: The file, or standard output, cannot be written.
    """
    stream = error_stream() if output_is_taken else sys.stdout
    colour = options["color"] == "always" or (options["color"] == "auto" and has_colour(stream))
    text = TextOptions(colour=colour, quiet=options.get("quiet", False), statistics=options.get("statistics", False))
    shown = options["format_"]
    if options["output"]:
        content = render_findings(result, shown, text._replace(colour=False))
        write_atomically(options["output"], content.encode(errors="backslashreplace"))
        shown = "full"
    rendered = render_findings(result, shown, text)
    if output_is_taken:
        stream.write(rendered)
    else:
        write_output(rendered.encode(errors="backslashreplace"))
