"""`image-pinner check`."""

from __future__ import annotations

import sys
from typing import Any

import click

from image_pinner.cli.checking import CheckInputs, check_file, shown_name
from image_pinner.cli.console import Dependencies, ExitCode
from image_pinner.cli.fix_options import fix_files, fix_options, is_fixing
from image_pinner.cli.inputs import (
    ACCOUNT_OPTION,
    IMAGE_PATH_OPTION,
    PARAMETER_FILES_OPTION,
    PARAMETER_OPTION,
    check_account,
    read_parameters,
    read_settings,
)
from image_pinner.cli.output import CheckResult, LocatedFinding
from image_pinner.cli.report_options import report_options, write_report
from image_pinner.core.rules import UNREADABLE_TEMPLATE


@click.command
@click.argument("templates", nargs=-1, required=True, metavar="TEMPLATE...")
@PARAMETER_OPTION
@PARAMETER_FILES_OPTION
@click.option("--region", default="", help="AWS region of the stack, for AWS::Region.")
@ACCOUNT_OPTION
@IMAGE_PATH_OPTION
@report_options
@fix_options
@click.pass_obj
def command(dependencies: Dependencies, /, templates: tuple[str, ...], **options: Any) -> None:
    """Report unpinned images and invalid markers in TEMPLATEs, without network requests.

    TEMPLATE is a YAML or JSON file, or - for standard input. An image passes if it has a digest, or if it is marked in
    a form that CloudFormation accepts. The exit code is 1 if there are findings.

    --fix writes the fixed template to standard output if it was read from standard input, and --diff the difference;
    the findings that are left are then written to standard error. Only --pin makes network requests.
    """
    check_account(options["account"])
    fixing = is_fixing(options)
    inputs = CheckInputs(
        read_settings(options["image_paths"]),
        read_parameters(options["files"], options["pairs"]),
        options["region"],
        options["account"],
    )
    files = tuple(dict.fromkeys(map(shown_name, templates)))
    if fixing:
        run = fix_files(templates, inputs, options, dependencies)
        findings = tuple(found for file in run.files for found in file.findings)
        fixed = sum(file.fixed for file in run.files)
        result = CheckResult(findings, files, fixed, run.changed, is_preview=options["diff"])
        write_report(result, options, output_is_taken=run.output_is_taken)
        sys.exit(run.code or _exit_code(findings))
    findings = tuple(found for name in templates for found in check_file(name, inputs))
    write_report(CheckResult(findings, files), options)
    sys.exit(_exit_code(findings))


def _exit_code(findings: tuple[LocatedFinding, ...]) -> ExitCode:
    if any(found.finding.rule is UNREADABLE_TEMPLATE for found in findings):
        return ExitCode.USAGE_ERROR
    return ExitCode.FINDINGS if findings else ExitCode.DONE
