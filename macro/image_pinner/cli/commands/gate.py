"""`image-pinner gate`."""

from __future__ import annotations

import sys
from typing import Any

import click

from image_pinner.cli.console import Dependencies, print_messages, progress, write_output
from image_pinner.cli.output import LocatedReport, exit_code, gate_report, pin_report
from image_pinner.cli.pinning_options import PinningInputs, lock_options, pinning_options


@click.command
@click.argument("template")
@click.option("--format", "format_", type=click.Choice(["markdown", "json"]), default="markdown", help="Output format.")
@lock_options
@pinning_options
@click.pass_obj
def command(dependencies: Dependencies, /, **options: Any) -> None:
    """Judge the images of TEMPLATE by the configured gates, and print what each gate decides.

    TEMPLATE is a YAML or JSON file, or - for standard input. It is not changed. The exit code is 4 if a gate denies an
    image.
    """
    inputs = PinningInputs.read(options, dependencies)
    template = inputs.read_template(options["template"])
    with progress("judging images"):
        result = inputs.pin(template)
    report = LocatedReport(template.document, result.report, account=inputs.account.found)
    render = pin_report.render_json if options["format_"] == "json" else gate_report.render_markdown
    write_output(render(report).encode())
    print_messages(pin_report.render_report(report, output=""))
    sys.exit(exit_code(result.report))
