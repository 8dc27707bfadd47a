"""`image-pinner pin`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from image_pinner.cli.console import Dependencies, error_stream, print_line, print_messages, progress, write_output
from image_pinner.cli.documents import write_atomically
from image_pinner.cli.inputs import (
    IMAGE_PATH_OPTION,
    PARAMETER_OPTION,
    STANDARD_INPUT,
    TemplateFile,
    given_parameters,
    parse_parameter_file,
    read_bytes,
    read_settings,
    read_template,
)
from image_pinner.cli.output import LocatedReport, exit_code, json, text
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.registries import Mirror, parse_registry
from image_pinner.pinning import PinResult, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline

_ACCOUNT_DIGITS = 12
Parsed = TypeVar("Parsed")
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
@PARAMETER_OPTION
@click.option(
    "--parameters",
    "files",
    multiple=True,
    metavar="FILE",
    help="JSON parameter file of the AWS CLI or CodePipeline, or a JSON object of names and values (repeatable).",
)
@click.option("--region", default="", help="AWS region of the stack.  [default: that of the AWS configuration]")
@click.option("--account", default="", metavar="ID", help="AWS account ID of the stack, for AWS::AccountId.")
@click.option("--pin", type=click.Choice(["All", "Marked"]), help="Pin all images, or only the marked ones.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, readable=False),
    help="Write a JSON report on every image to this file.",
)
@IMAGE_PATH_OPTION
@click.option(
    "--timeout", type=click.FloatRange(1, 900), metavar="SECONDS", help="Time limit for all lookups together."
)
@click.option(
    "--unsafe-implicit-latest", is_flag=True, help="Use the tag latest for images without a tag, with a warning."
)
@click.option(
    "--insecure-registry",
    "insecure",
    multiple=True,
    metavar="HOST",
    help="Access this registry over plain HTTP (repeatable).",
)
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    metavar="REGISTRY=MIRROR",
    help="Look up images of a registry in this mirror (repeatable).",
)
@click.pass_obj
def command(dependencies: Dependencies, /, **options: Any) -> None:
    """Pin the images of TEMPLATE to digests and print the result.

    TEMPLATE is a YAML or JSON file, or - for standard input. Everything but the pinned images stays as it is, byte for
    byte. If one image cannot be pinned, no template is written.
    """
    _check_combinations(options)
    settings = _settings(options)
    parameters = _parameters(options)
    template = read_template(options["template"], settings.macro_name, options["pin"] or "")
    with progress("resolving digests"):
        result = _pin(template, parameters, settings, options, dependencies)
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
    if report and report.resolve() in {path.resolve() for path in (template, output) if path}:
        raise ConfigurationError(f"--report would overwrite {report}", "write the report to another file")
    account = options["account"]
    if account and not (account.isascii() and account.isdigit() and len(account) == _ACCOUNT_DIGITS):
        raise ConfigurationError(
            f"--account {account!r} is not an AWS account ID", f"pass an ID of {_ACCOUNT_DIGITS} digits"
        )


def _parameters(options: Options) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in options["files"]:
        values |= parse_parameter_file(read_bytes(name).decode("utf-8-sig", "replace"), name)
    return values | given_parameters(options["pairs"])


def _configured_region() -> str:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if region := os.environ.get(name):
            return region
    # Imported here because it takes long. It reads the configuration files as the AWS CLI does.
    from botocore.session import Session  # noqa: PLC0415

    return Session().get_config_variable("region") or ""


def _settings(options: Options) -> Settings:
    settings = read_settings(options["image_paths"])
    insecure = _parse_values("--insecure-registry", parse_registry, options["insecure"])
    return settings._replace(
        insecure_registries=(*settings.insecure_registries, *insecure),
        # The first mirror of a registry counts, and options take precedence over the environment.
        mirrors=(*_parse_values("--mirror", Mirror.parse, options["mirrors"]), *settings.mirrors),
        unsafe_implicit_latest=settings.unsafe_implicit_latest or options["unsafe_implicit_latest"],
        timeout=options["timeout"] or settings.timeout,
    )


def _parse_values(option: str, parse: Callable[[str], Parsed], values: Iterable[str]) -> tuple[Parsed, ...]:
    try:
        return tuple(map(parse, values))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _pin(
    template: TemplateFile,
    parameters: Mapping[str, Any],
    settings: Settings,
    options: Options,
    dependencies: Dependencies,
) -> PinResult:
    region = options["region"] or _configured_region()
    scope = template.scope(parameters, region, options["account"])
    factory = dependencies.resolver_factory
    if factory is None:
        from image_pinner.assembly import AwsResolvers  # noqa: PLC0415 - not needed with dependencies

        factory = AwsResolvers(os.environ)
    resolvers = factory(settings, region)
    return pin_template(template.fragment, scope, settings, lambda _: resolvers, Deadline.after(settings.timeout))


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
