"""`image-pinner check`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from image_pinner.cli.console import ExitCode, print_error, write_output
from image_pinner.cli.documents import InPlaceEditError, SourceDocument
from image_pinner.cli.inputs import (
    ACCOUNT_OPTION,
    IMAGE_PATH_OPTION,
    PARAMETER_FILES_OPTION,
    PARAMETER_OPTION,
    check_account,
    read_parameters,
    read_settings,
    read_template,
)
from image_pinner.cli.output import FORMATS, LocatedFinding
from image_pinner.core.check import Finding, check_template
from image_pinner.core.errors import ImagePinnerError
from image_pinner.settings import Settings


@click.command
@click.argument("templates", nargs=-1, required=True, metavar="TEMPLATE...")
@PARAMETER_OPTION
@PARAMETER_FILES_OPTION
@click.option("--region", default="", help="AWS region of the stack, for AWS::Region.")
@ACCOUNT_OPTION
@IMAGE_PATH_OPTION
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="text", help="Output format.")
def command(templates: tuple[str, ...], format_: str, **options: Any) -> None:
    """Report unpinned images and invalid markers in TEMPLATEs, without network requests.

    TEMPLATE is a YAML or JSON file, or - for standard input. An image passes if it has a digest, or if it is marked in
    a form that CloudFormation accepts. The exit code is 1 if there are findings.
    """
    settings = read_settings(options["image_paths"])
    values = read_parameters(options["files"], options["pairs"])
    check_account(options["account"])
    findings: list[LocatedFinding] = []
    readable = True
    for name in templates:
        try:
            findings += _check(name, values, settings, options)
        except ImagePinnerError as error:
            print_error(error.cause, error.help)
            readable = False
    write_output(FORMATS[format_].render_findings(findings).encode())
    code = ExitCode.FINDINGS if findings else ExitCode.DONE
    sys.exit(code if readable else ExitCode.USAGE_ERROR)


def _check(
    name: str, values: Mapping[str, Any], settings: Settings, options: Mapping[str, Any]
) -> list[LocatedFinding]:
    template = read_template(name, settings.macro_name)
    # A value may be meant for another one of the templates.
    declared = template.scope({}).parameters
    findings = check_template(
        template.fragment,
        {key: value for key, value in values.items() if key in declared},
        settings.scan_settings,
        names_macro=template.names_macro,
        region=options["region"],
        account_id=options["account"],
        implicit_latest=settings.unsafe_implicit_latest,
    )
    located = [_locate(finding, template.document) for finding in findings]
    return sorted(located, key=lambda found: (found.position, found.finding.rule))


def _locate(finding: Finding, document: SourceDocument) -> LocatedFinding:
    corrected = ""
    if finding.fix is not None:
        try:
            corrected = document.preview(finding.fix)
        except InPlaceEditError:
            # The value is shared through an alias, so no single line can be corrected.
            corrected = ""
    return LocatedFinding(document.name, *document.span(finding.path), finding, corrected)
