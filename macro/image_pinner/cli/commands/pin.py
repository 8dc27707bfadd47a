"""`image-pinner pin`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from image_pinner.cli.console import Dependencies, print_line, print_messages, progress
from image_pinner.cli.discovery import InputFile, find_templates
from image_pinner.cli.documents import create_directory, write_all
from image_pinner.cli.inputs import (
    STANDARD_INPUT,
    STANDARD_OUTPUT,
    TemplateFile,
    read_parameter_file,
    write_file,
)
from image_pinner.cli.output import LocatedReport, exit_code, pin_report
from image_pinner.cli.pinning_options import PinningInputs, lock_options, pinning_options
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.report import PinReport
from image_pinner.pinning import PinResult

Options = Mapping[str, Any]
"""The values of the options and of the argument, by their names below."""


@click.command
@click.argument("templates", nargs=-1, required=True, metavar="TEMPLATE...", type=click.Path(readable=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, readable=False),
    help="Write the pinned template to this file, or to standard output if it is -. With several templates, a directory"
    " that gets a file for each.",
)
@click.option("--in-place", is_flag=True, help="Write each pinned template to the file it was read from.")
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

    TEMPLATE is a YAML or JSON file, a directory, a pattern such as 'templates/*.yaml', or - for standard input.
    Everything but the pinned images stays as it is, byte for byte. Several templates require --in-place or --output. If
    one image cannot be pinned, no template is written.
    """
    files = find_templates(options["templates"]).files
    _check_combinations(options, files)
    inputs = PinningInputs.read(options, dependencies)
    inputs = inputs._replace(settings=inputs.settings._replace(keep_tags=options["keep_tag"]))
    templates = [inputs.read_template(file.path) for file in files]
    with progress("resolving digests"):
        results = [inputs.pin(template, templates) for template in templates]
    pinned = [_render(*each, inputs, options) for each in zip(templates, results, strict=True)]
    reports = [each.report.report for each in pinned]
    succeeded = all(report.succeeded for report in reports)
    if options["report"]:
        write_file(options["report"], pin_report.render_json(pinned[0].report).encode())
    if succeeded:
        _write(pinned, files, options)
    messages = [pin_report.render_report(each.report) + pin_report.render_unmarked(each.report) for each in pinned]
    print_messages("".join(messages) + inputs.account.describe())
    if succeeded and options["drop_transform"]:
        from image_pinner.cli.transform_removal import describe_kept  # noqa: PLC0415 - see `_render`

        for each in pinned:
            tree, name = each.template.fragment.tree, each.template.document.name
            print_messages(describe_kept(tree, name, inputs.settings.macro_name))
    if succeeded and options["in_place"]:
        from image_pinner.cli.image_parameters import describe_overridden  # noqa: PLC0415

        for each in pinned:
            print_messages(describe_overridden(each.template.document, each.report.report))
    if succeeded:
        outcomes = tuple(outcome for report in reports for outcome in report.outcomes)
        skipped = tuple(image for report in reports for image in report.skipped)
        print_line(pin_report.summarize(PinReport(outcomes, skipped)), style="green")
    sys.exit(max(map(exit_code, reports)))


class _Pinned(NamedTuple):
    """A template with its report, its pinned content, and the values for a parameter file."""

    template: TemplateFile
    report: LocatedReport
    data: bytes
    values: Mapping[str, Any]


def _render(template: TemplateFile, result: PinResult, inputs: PinningInputs, options: Options) -> _Pinned:
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
    return _Pinned(template, report, data, values)


def _check_combinations(options: Options, files: Sequence[InputFile]) -> None:
    reads_input = any(file.path == STANDARD_INPUT for file in files)
    if len(files) > 1:
        _check_several(options, files, reads_input=reads_input)
    for name, is_set in (
        ("--output", options["output"]),
        ("--output-format", options["output_format"]),
        ("standard input", reads_input),
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
    _check_files(options, files)


def _check_several(options: Options, files: Sequence[InputFile], *, reads_input: bool) -> None:
    for name in ("report", "write_parameters"):
        if options[name]:
            raise ConfigurationError(f"--{name.replace('_', '-')} requires a single template", "pass one template")
    if reads_input:
        raise ConfigurationError("standard input cannot be used with other templates", "pass one of them")
    output = options["output"]
    if not options["in_place"] and (output is None or output == STANDARD_OUTPUT or output.is_file()):
        raise ConfigurationError(
            f"{len(files)} templates cannot be written to a single file", "pass --in-place, or --output DIRECTORY"
        )
    outside = [file.name for file in files if os.path.isabs(file.name) or file.name.startswith("../")]  # noqa: PTH117
    if output and outside:
        raise ConfigurationError(
            f"{outside[0]} is outside of the working directory, so its name in {output} is unclear",
            "run the command in a directory above all templates",
        )
    if output and not Path.cwd().is_relative_to(output.resolve()):
        inside = [file.name for file in files if Path(file.path).resolve().is_relative_to(output.resolve())]
        if inside:
            raise ConfigurationError(
                f"{inside[0]} is in the output directory {output}",
                "let .gitignore exclude the directory, or pass paths outside of it",
            )


def _check_files(options: Options, files: Sequence[InputFile]) -> None:
    report, template, output = options["report"], Path(files[0].path), options["output"]
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


def _write(pinned: Sequence[_Pinned], files: Sequence[InputFile], options: Options) -> None:
    output = options["output"]
    if options["write_parameters"]:
        from image_pinner.cli.image_parameters import render_parameters  # noqa: PLC0415

        parameters = [read_parameter_file(name) for name in options["files"]]
        write_file(options["write_parameters"], render_parameters(pinned[0].values, parameters))
    elif options["in_place"]:
        contents = zip(files, pinned, strict=True)
        write_all({Path(file.path): each.data for file, each in contents if each.data != each.template.document.data})
    elif len(files) == 1:
        write_file(output or STANDARD_OUTPUT, pinned[0].data)
    else:
        # The names in messages have no control characters, so that two files can have the same.
        paths = [output / os.path.relpath(file.path) for file in files]
        for path in paths:
            create_directory(path.parent)
        write_all({path: each.data for path, each in zip(paths, pinned, strict=True)})
