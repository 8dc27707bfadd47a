"""`image-pinner invoke`."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import Any

import click

from image_pinner.assembly import AwsResolvers
from image_pinner.cli.configuration.defaults import applied_defaults
from image_pinner.cli.console import Dependencies, ExitCode, error_stream, write_output
from image_pinner.cli.inputs import read_bytes
from image_pinner.cli.output import exit_code
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.lambda_macro.handler import Macro


@dataclass(frozen=True, slots=True)
class LocalContext:
    """The part of a Lambda context that the macro uses. `end` is in seconds of the monotonic clock."""

    end: float

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the timeout."""
        return max(0, round((self.end - time.monotonic()) * 1000))


@click.command
@click.argument("event", type=click.Path(readable=False))
@click.option(
    "--time-limit",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1, 900),
    metavar="SECONDS",
    help="Timeout of the Lambda function.",
)
@click.pass_obj
def command(dependencies: Dependencies, event: str, time_limit: float) -> None:
    """Run the macro on EVENT, as the Lambda function would.

    EVENT is a JSON file with the event of a macro, or - for standard input. The response is written to standard output,
    and the log record to standard error. The exit codes are those of pin.
    """
    log = error_stream().write
    factory = dependencies.resolver_factory
    environment = applied_defaults().environment()
    macro = Macro(factory, environment, log) if factory else Macro.on_aws(AwsResolvers(), environment, log)
    response, report = macro.run(_read_event(event), LocalContext(time.monotonic() + time_limit))
    # UTF-8 has no lone surrogates; backslash escapes of them are JSON.
    write_output(f"{json.dumps(response, indent=2, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace"))
    sys.exit(exit_code(report) if report else ExitCode.USAGE_ERROR)


def _read_event(name: str) -> dict[str, Any]:
    try:
        event = json.loads(read_bytes(name))
    except (ValueError, RecursionError) as error:
        raise UnreadableTemplateError(f"{name} is not valid JSON: {error}", "pass the event as JSON") from None
    if not isinstance(event, dict):
        raise UnreadableTemplateError(f"{name} is not a macro event", "pass a JSON object with a fragment")
    return event
