"""`image-pinner check`."""

from __future__ import annotations

import sys
from typing import Any

import click

from image_pinner.cli.checking import CheckInputs, check_file
from image_pinner.cli.console import ExitCode, print_error, write_output
from image_pinner.cli.inputs import (
    ACCOUNT_OPTION,
    IMAGE_PATH_OPTION,
    PARAMETER_FILES_OPTION,
    PARAMETER_OPTION,
    PARAMETER_OVERRIDES_OPTION,
    check_account,
    read_parameters,
    read_settings,
)
from image_pinner.cli.output import FORMATS, CheckResult, LocatedFinding
from image_pinner.core.errors import ImagePinnerError


@click.command
@click.argument("templates", nargs=-1, required=True, metavar="TEMPLATE...")
@PARAMETER_OPTION
@PARAMETER_FILES_OPTION
@PARAMETER_OVERRIDES_OPTION
@click.option("--region", default="", help="AWS region of the stack, for AWS::Region.")
@ACCOUNT_OPTION
@IMAGE_PATH_OPTION
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="text", help="Output format.")
def command(templates: tuple[str, ...], format_: str, **options: Any) -> None:
    """Report unpinned images and invalid markers in TEMPLATEs, without network requests.

    TEMPLATE is a YAML or JSON file, or - for standard input. An image passes if it has a digest, or if it is marked in
    a form that CloudFormation accepts. The exit code is 1 if there are findings.
    """
    check_account(options["account"])
    inputs = CheckInputs(
        read_settings(options["image_paths"]),
        read_parameters(options["files"], options["pairs"], options["overrides"]),
        options["region"],
        options["account"],
    )
    findings: list[LocatedFinding] = []
    readable = True
    for name in templates:
        try:
            findings += check_file(name, inputs)
        except ImagePinnerError as error:
            print_error(error.cause, error.help)
            readable = False
    result = CheckResult(tuple(findings), len(templates), len({found.file for found in findings}))
    write_output(FORMATS[format_].render_findings(result).encode())
    code = ExitCode.FINDINGS if findings else ExitCode.DONE
    sys.exit(code if readable else ExitCode.USAGE_ERROR)
