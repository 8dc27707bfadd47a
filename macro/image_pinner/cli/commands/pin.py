"""`image-pinner pin`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from image_pinner.cli.console import Dependencies, error_stream, print_line, print_messages, progress, write_output
from image_pinner.cli.documents import write_atomically
from image_pinner.cli.inputs import STANDARD_INPUT, TemplateFile
from image_pinner.cli.output import LocatedReport, exit_code, json, text
from image_pinner.cli.pinning_options import PinningInputs, lock_options, pinning_options
from image_pinner.core.errors import ConfigurationError
from image_pinner.pinning import PinResult

Options = Mapping[str, Any]
"""The values of the options and of the argument, by their names below."""


@click.command
@click.argument("template")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, readable=False),
    help="Write the pinned template to this file, or to standard output if it is -.",
)
@click.option("--in-place", is_flag=True, help="Write the pinned template to the file it was read from.")
@click.option(
    "--output-format",
    type=click.Choice(["yaml", "json"]),
    help="Convert the pinned template to this format. Conversion loses comments and layout.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, readable=False),
    help="Write a JSON report on every image to this file.",
)
@lock_options
@pinning_options
@click.pass_obj
def command(dependencies: Dependencies, /, **options: Any) -> None:
    """Pin the images of TEMPLATE to digests and print the result.

    TEMPLATE is a YAML or JSON file, or - for standard input. Everything but the pinned images stays as it is, byte for
    byte. If one image cannot be pinned, no template is written.
    """
    _check_combinations(options)
    inputs = PinningInputs.read(options, dependencies)
    template = inputs.read_template(options["template"])
    with progress("resolving digests"):
        result = inputs.pin(template)
    data, lost_comments = _render_template(template, result, options["output_format"])
    report = LocatedReport(template.document, result.report, lost_comments)
    if options["report"]:
        write_atomically(options["report"], json.render_report(report).encode())
    if result.report.succeeded:
        _write(data, template, options)
    print_messages(text.render_report(report))
    if result.report.succeeded and error_stream().isatty():
        print_line(text.summarize(result.report), style="green")
    sys.exit(exit_code(result.report))


def _check_combinations(options: Options) -> None:
    for name, is_set in (
        ("--output", options["output"]),
        ("--output-format", options["output_format"]),
        ("standard input", options["template"] == STANDARD_INPUT),
    ):
        if options["in_place"] and is_set:
            raise ConfigurationError(f"--in-place cannot be used with {name}", "omit one of them")
    report, template, output = options["report"], Path(options["template"]), options["output"]
    if report and report.resolve() in {path.resolve() for path in (template, output, options["lock"]) if path}:
        raise ConfigurationError(f"--report would overwrite {report}", "write the report to another file")


def _render_template(
    template: TemplateFile, result: PinResult, output_format: str | None
) -> tuple[bytes, tuple[str, ...]]:
    """Return the pinned template, and warnings on the comments that edits remove from it."""
    document = template.document
    if not result.report.succeeded or output_format in (None, "json" if document.is_json else "yaml"):
        return document.apply(result.edits), document.lost_comments(result.edits)
    # Imported here because only a conversion needs cfn-flip.
    from image_pinner.cli.conversion import convert  # noqa: PLC0415

    return convert(result.answer, output_format), ()


def _write(data: bytes, template: TemplateFile, options: Options) -> None:
    output = options["output"]
    if options["in_place"]:
        if data != template.document.data:
            write_atomically(Path(options["template"]), data)
    elif output is None or output == Path(STANDARD_INPUT):
        write_output(data)
    else:
        write_atomically(output, data)
