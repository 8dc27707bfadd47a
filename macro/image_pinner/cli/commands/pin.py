"""`image-pinner pin`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from image_pinner.cli.console import Dependencies, print_line, print_messages, progress
from image_pinner.cli.documents import write_atomically
from image_pinner.cli.inputs import (
    STANDARD_INPUT,
    STANDARD_OUTPUT,
    TemplateFile,
    read_parameter_file,
    write_file,
)
from image_pinner.cli.output import LocatedReport, exit_code, json, text
from image_pinner.cli.pinning_options import PinningInputs, lock_options, pinning_options
from image_pinner.core.errors import ConfigurationError
from image_pinner.pinning import PinResult

Options = Mapping[str, Any]
"""The values of the options and of the argument, by their names below."""


@click.command
@click.argument("template", type=click.Path())
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, readable=False),
    help="Write the pinned template to this file, or to standard output if it is -.",
)
@click.option("--in-place", is_flag=True, help="Write the pinned template to the file it was read from.")
@click.option(
    "--keep-tag",
    is_flag=True,
    help="Write repository:tag@sha256:… instead of repository@sha256:…, where the service accepts both.",
)
@click.option(
    "--drop-transform",
    is_flag=True,
    help="Remove the macro from Transform, so that the template deploys without it. Metadata is not changed.",
)
@click.option(
    "--write-parameters",
    type=click.Path(path_type=Path, readable=False),
    help="Write a parameter file with the digests to this file, and leave the template unchanged. Each image must be"
    " the value of one parameter.",
)
@click.option(
    "--output-format",
    type=click.Choice(["yaml", "json"]),
    help="Convert the pinned template to this format. Conversion loses comments and layout.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, readable=False),
    help="Write a JSON report on every image to this file, or to standard output if it is -.",
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
    inputs = replace(inputs, settings=inputs.settings._replace(keep_tags=options["keep_tag"]))
    template = inputs.read_template(options["template"])
    with progress("resolving digests"):
        result = inputs.pin(template)
    if options["drop_transform"]:
        # Imported here, as below, because few runs need it, and imports are most of the time of a run from a lock file.
        from image_pinner.cli.transform_removal import drop_transform  # noqa: PLC0415

        result = drop_transform(result, template.fragment, inputs.settings.macro_name)
    values = inputs.values
    if options["write_parameters"]:
        from image_pinner.cli.image_parameters import set_parameters  # noqa: PLC0415

        values, changed = set_parameters(template.fragment.tree, result.report, inputs.values)
        result = PinResult(template.fragment.original, (), changed)
    data, lost_comments = _render_template(template, result, options["output_format"])
    report = LocatedReport(template.document, result.report, lost_comments, inputs.account.found)
    if options["report"]:
        write_file(options["report"], json.render_report(report).encode())
    if result.report.succeeded:
        _write(data, template, options, values)
    print_messages(text.render_report(report) + text.render_unmarked(report) + inputs.account.describe())
    if result.report.succeeded and options["in_place"]:
        from image_pinner.cli.image_parameters import describe_overridden  # noqa: PLC0415

        print_messages(describe_overridden(template.fragment.tree, result.report))
    if result.report.succeeded:
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
    for name in ("in_place", "output", "output_format", "drop_transform"):
        if options["write_parameters"] and options[name]:
            option = "--" + name.replace("_", "-")
            raise ConfigurationError(
                f"--write-parameters cannot be used with {option}", "omit one of them: the template is not written"
            )
    if options["write_parameters"] and STANDARD_INPUT in options["files"]:
        raise ConfigurationError("--write-parameters needs --parameters as a file", "pass the name of the file")
    _check_files(options)


def _check_files(options: Options) -> None:
    report, template, output = options["report"], Path(options["template"]), options["output"]
    parameters = options["write_parameters"]
    written = output or (None if options["in_place"] or parameters else STANDARD_OUTPUT)
    if [report, parameters, written].count(STANDARD_OUTPUT) > 1:
        raise ConfigurationError("only one output can be standard output", "write the others to files")
    others = (template, output, parameters, options["lock"])
    if report and report != STANDARD_OUTPUT and report.resolve() in {path.resolve() for path in others if path}:
        raise ConfigurationError(f"--report would overwrite {report}", "write the report to another file")
    if options["lock"] and options["lock"].resolve() in {path.resolve() for path in (output, parameters) if path}:
        raise ConfigurationError(f"the output would overwrite the lock file {options['lock']}", "write to another file")
    if parameters and parameters != STANDARD_OUTPUT and parameters.resolve() == template.resolve():
        raise ConfigurationError(f"--write-parameters would overwrite {parameters}", "write to another file")


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


def _write(data: bytes, template: TemplateFile, options: Options, values: Mapping[str, Any]) -> None:
    output = options["output"]
    if options["write_parameters"]:
        from image_pinner.cli.image_parameters import render_parameters  # noqa: PLC0415

        files = [read_parameter_file(name) for name in options["files"]]
        previous = dict.fromkeys(name for file in files for name in file.previous)
        write_file(options["write_parameters"], render_parameters(values, previous))
    elif options["in_place"]:
        if data != template.document.data:
            write_atomically(Path(options["template"]), data)
    else:
        write_file(output or STANDARD_OUTPUT, data)
