"""`image-pinner invoke`: a recorded macro event in, the response out, as the Lambda would answer."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

import click

from image_pinner.assembly import AwsResolvers, ResolverFactory
from image_pinner.cli.console import ExitCode, error_stream, write_output
from image_pinner.cli.inputs import read_bytes
from image_pinner.cli.output.text import exit_code
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.lambda_macro.handler import Macro


@dataclass(frozen=True, slots=True)
class LocalContext:
    """The part of a Lambda context that the macro asks.

    Args:
        ends: When the time is up, on the monotonic clock in seconds.
    """

    ends: float

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds that are left."""
        return max(0, round((self.ends - time.monotonic()) * 1000))


@click.command(short_help="Answer a recorded macro event as the Lambda would.")
@click.argument("event")
@click.option("--time-limit", default=60.0, type=click.FloatRange(1, 900), help="The Lambda's time-out in seconds.")
@click.pass_obj
def command(resolvers: ResolverFactory | None, event: str, time_limit: float) -> None:
    """Answer EVENT (a file with the JSON of a macro event, or - for the standard input).

    The response goes to the standard output, the line of the Lambda's log to the standard error.
    """
    log = error_stream().write
    macro = Macro(resolvers, os.environ, log) if resolvers else Macro.on_aws(AwsResolvers(), os.environ, log)
    response, report = macro.run(_read(event), LocalContext(time.monotonic() + time_limit))
    write_output(f"{json.dumps(response, indent=2, ensure_ascii=False)}\n".encode())
    sys.exit(exit_code(report) if report else ExitCode.USAGE_ERROR)


def _read(name: str) -> Any:
    try:
        event = json.loads(read_bytes(name))
    except ValueError as error:
        raise UnreadableTemplateError(f"{name} is no JSON: {error}", "Give the event as JSON") from None
    if not isinstance(event, dict):
        raise UnreadableTemplateError(f"{name} is no event", "Give the event of a macro, a map with a fragment")
    return event
