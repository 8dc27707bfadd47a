"""`image-pinner expand`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import click

from image_pinner.cli.checking import CheckInputs, check_document
from image_pinner.cli.console import Dependencies, ExitCode, did_you_mean, error_stream, has_colour
from image_pinner.cli.deployment.change_sets import ChangeSetRequest
from image_pinner.cli.deployment.expansion import ExpandedTemplate, ExpandRequest, expand
from image_pinner.cli.deployment_options import find_environment, open_session, validate_role
from image_pinner.cli.documents import SourceDocument, read_source
from image_pinner.cli.inputs import (
    IMAGE_PATH_OPTION,
    PARAMETER_FILES_OPTION,
    PARAMETER_OPTION,
    PARAMETER_OVERRIDES_OPTION,
    REGION_OPTION,
    STANDARD_OUTPUT,
    TemplateFile,
    check_output,
    read_parameters,
    read_settings,
    read_template,
    write_file,
)
from image_pinner.cli.interruption import terminable
from image_pinner.cli.output import FORMATS, CheckResult, TextOptions, render_findings
from image_pinner.cli.rule_selection import RuleSelection
from image_pinner.core.errors import ConfigurationError, UnreadableTemplateError
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.settings import Settings

Options = Mapping[str, Any]
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}", re.ASCII)


@click.command(short_help="Process a template with CloudFormation, and check the result.")
@click.argument("template", type=click.Path(readable=False))
@click.option("--stack", required=True, metavar="NAME", help="The stack to process the template for; it can be new.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, readable=False),
    default=STANDARD_OUTPUT,
    help="Write the processed template to this file.  [default: standard output]",
)
@click.option("--check", is_flag=True, help="Write the findings to standard output, and no template.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="full", help="With --check: output format.")
@PARAMETER_OPTION
@PARAMETER_FILES_OPTION
@PARAMETER_OVERRIDES_OPTION
@REGION_OPTION
@click.option("--profile", default="", metavar="NAME", help="Profile of the AWS configuration.")
@click.option("--role-arn", default="", metavar="ARN", help="CloudFormation service role.")
@click.option(
    "--s3-bucket",
    "bucket",
    default="",
    metavar="NAME",
    help="Upload a template of more than 51,200 bytes to this bucket, until it is processed.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Time limit for CloudFormation.",
)
@IMAGE_PATH_OPTION
@click.pass_obj
def command(dependencies: Dependencies, /, **options: Any) -> None:
    """Process TEMPLATE with CloudFormation, with all of its macros, and check the result.

    TEMPLATE is a YAML or JSON file, or - for standard input. It is processed in a change set that is never executed,
    and deleted afterwards, also on Ctrl-C; so is the stack in review that it belongs to if the stack is new. Parameters
    that are not set have the values of the stack.

    The processed template is written as JSON, and its findings are reported as `check` does. The exit code is 1 if
    there are findings.
    """
    if options["check"] and options["output"] != STANDARD_OUTPUT:
        raise ConfigurationError("--check cannot be used with --output", "omit one of them")
    if not _STACK_NAME.fullmatch(options["stack"]):
        raise ConfigurationError(
            f"--stack {options['stack']!r} is not a valid stack name", "use letters, digits and hyphens"
        )
    check_output(options["output"], [options["template"]])
    validate_role(options["role_arn"])
    settings = read_settings(options["image_paths"])
    given = read_parameters(options["files"], options["pairs"], options["overrides"])
    values = {name: value for name, value in given.items() if value is not None}
    template = read_template(options["template"], settings.macro_name)
    _check_values(template, values)
    with terminable():
        processed = _expand(template, values, options, dependencies)
    result = _check(processed, values, settings, options)
    if options["check"]:
        write_file(STANDARD_OUTPUT, _render(result, options["format_"], sys.stdout))
    else:
        write_file(options["output"], processed.data)
        error_stream().write(_render(result, "full", error_stream()).decode())
    sys.exit(ExitCode.FINDINGS if result.findings else ExitCode.DONE)


def _render(result: CheckResult, format_: str, stream: IO[str]) -> bytes:
    text = render_findings(result, format_, TextOptions(colour=has_colour(stream)))
    return text.encode(errors="backslashreplace")


def _check_values(template: TemplateFile, values: Mapping[str, Any]) -> None:
    declared = template.scope({}).parameters
    for name in sorted(values.keys() - declared.keys()):
        raise UnreadableTemplateError(
            f"{template.document.name} declares no parameter {name!r}{did_you_mean(name, declared)}",
            f"omit it, or pass one of {', '.join(declared)}" if declared else "omit it",
        )


def _expand(
    template: TemplateFile, values: Mapping[str, Any], options: Options, dependencies: Dependencies
) -> SourceDocument:
    """Return the processed template, under the name of the file that it is written to."""
    environment = find_environment(dependencies, options["profile"])
    region = options["region"] or environment.region
    if not region:
        raise ConfigurationError("AWS region is unknown", "pass --region or set AWS_REGION")
    document, stack = template.document, options["stack"]
    wanted = ExpandRequest(
        ChangeSetRequest(
            region,
            stack,
            is_new=False,
            template=ExpandedTemplate(document.source.text, document.tree),
            role_arn=options["role_arn"],
        ),
        {name: ",".join(value) if isinstance(value, list) else value for name, value in values.items()},
        options["bucket"],
        options["timeout"],
    )
    body = expand(open_session(environment, yes=False), wanted)
    data = body if isinstance(body, str) else f"{json.dumps(body, indent=2, ensure_ascii=False)}\n"
    is_shown = options["output"] == STANDARD_OUTPUT
    return read_source(data.encode(), f"processed template of stack {stack}" if is_shown else str(options["output"]))


def _check(document: SourceDocument, values: Mapping[str, Any], settings: Settings, options: Options) -> CheckResult:
    """Check a processed template, which no macro will change again."""
    fragment = Fragment(Shape.TEMPLATE, document.tree, {}, document.tree)
    inputs = CheckInputs(settings, values, options["region"], is_selected=RuleSelection().includes)
    findings = check_document(TemplateFile(document, fragment, names_macro=False), inputs)
    return CheckResult(findings, (document.name,))
