"""`image-pinner pin`: a template in, the same template with its images pinned out."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from image_pinner.assembly import ResolverFactory
from image_pinner.cli.console import progress, write_output
from image_pinner.cli.documents import write_atomically
from image_pinner.cli.inputs import (
    STANDARD_INPUT,
    TemplateFile,
    file_parameters,
    given_parameters,
    read_bytes,
    read_template,
)
from image_pinner.cli.output.text import exit_code, say_problems, say_summary, say_warnings
from image_pinner.core.images.registries import Mirror, parse_registry
from image_pinner.core.template.json_path import parse_image_path
from image_pinner.pinning import PinResult, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline


@dataclass(frozen=True, slots=True)
class PinRequest:
    """What `pin` was asked to do.

    Args:
        template: The template's file, or `-`.
        output: Where to write, or `None` for the standard output.
        in_place: Whether that is the file that was read.
        report: Where to write the report, or `None`.
        values: The parameters' values.
        region: The region, or empty.
        account: The account, or empty.
        pin: `Pin` for the whole template, or empty.
    """

    template: str
    output: Path | None
    in_place: bool
    report: Path | None
    values: dict[str, Any]
    region: str
    account: str
    pin: str


@click.command(short_help="Print a template with its images pinned, or write it.")
@click.argument("template")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, readable=False),
    help="Write the pinned template to this file; - is the standard output.",
)
@click.option("--in-place", is_flag=True, help="Write the pinned template over the one that was read.")
@click.option("--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter's value; repeatable.")
@click.option(
    "--parameters",
    "files",
    multiple=True,
    metavar="FILE",
    help="Parameters as the AWS CLI or CodePipeline takes them, or as a plain map; repeatable.",
)
@click.option("--region", default="", help="The region of the stack; that of the AWS configuration by default.")
@click.option("--account", default="", metavar="ID", help="The account of the stack, for AWS::AccountId.")
@click.option("--pin", type=click.Choice(["All", "Marked"]), help="Pin all images, not the marked ones only.")
@click.option(
    "--report", type=click.Path(path_type=Path, readable=False), help="Write what became of every image as JSON."
)
@click.option("--image-path", "paths", multiple=True, metavar="JSONPATH", help="A further place of images; repeatable.")
@click.option("--timeout", type=click.FloatRange(1, 900), metavar="SECONDS", help="The most seconds for all questions.")
@click.option("--unsafe-implicit-latest", is_flag=True, help="Take an image without a tag as latest, with a warning.")
@click.option("--insecure-registry", "insecure", multiple=True, metavar="HOST", help="Ask this registry by plain http.")
@click.option(
    "--mirror", "mirrors", multiple=True, metavar="REGISTRY=MIRROR", help="Ask this mirror instead; repeatable."
)
@click.pass_obj
def command(resolvers: ResolverFactory | None, /, **options: Any) -> None:
    """Print TEMPLATE (a file, or - for the standard input; YAML or JSON) with its images pinned.

    Only the bytes of what is pinned change. Nothing is printed or written if one image cannot be pinned.
    """
    wishes = _wishes(options)
    settings = _settings(options)
    template = read_template(wishes.template, settings.macro_name, wishes.pin)
    with progress("asking for digests"):
        result = _pinned(template, wishes, settings, resolvers or _aws())
    if wishes.report:
        text = json.dumps(result.report.to_json(), indent=2, ensure_ascii=False) + "\n"
        write_atomically(wishes.report, text.encode())
    if result.report.succeeded:
        _write(template, template.document.apply(result.edits), wishes)
        say_warnings(template.name, (*template.document.lost_comments(result.edits), *result.report.warnings))
        say_summary(template.name, result.report)
    else:
        say_problems(template.name, result.report)
    sys.exit(exit_code(result.report))


def _wishes(options: dict[str, Any]) -> PinRequest:
    if options["in_place"] and options["output"]:
        raise click.UsageError("--in-place and --output exclude each other.")
    if options["in_place"] and options["template"] == STANDARD_INPUT:
        raise click.UsageError("--in-place needs a file.")
    output = Path(options["template"]) if options["in_place"] else options["output"]
    if output == Path(STANDARD_INPUT):
        output = None
    _keep_apart(options["report"], output, options["template"])
    values: dict[str, Any] = {}
    for name in options["files"]:
        values |= file_parameters(read_bytes(name).decode("utf-8-sig", "replace"), name)
    return PinRequest(
        template=options["template"],
        output=output,
        in_place=options["in_place"],
        report=options["report"],
        values=values | given_parameters(options["pairs"]),
        region=options["region"] or _configured_region(),
        account=_account(options["account"]),
        pin=options["pin"] or "",
    )


def _keep_apart(report: Path | None, *others: Path | str | None) -> None:
    if report and report.resolve() in {Path(other).resolve() for other in others if other}:
        raise click.UsageError("--report needs a file of its own.")


def _account(text: str) -> str:
    digits = 12
    if text and not (text.isascii() and text.isdigit() and len(text) == digits):
        raise click.UsageError(f"--account {text!r} is no account id of {digits} digits.")
    return text


def _configured_region() -> str:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if region := os.environ.get(name):
            return region
    # Loaded here: it reads the configuration files as the AWS CLI does, and takes a while to load.
    from botocore.session import Session  # noqa: PLC0415

    return Session().get_config_variable("region") or ""


def _settings(options: dict[str, Any]) -> Settings:
    settings = Settings.from_environment(os.environ)
    for path in options["paths"]:
        parse_image_path(path)
    try:
        insecure = tuple(parse_registry(host) for host in options["insecure"])
        mirrors = tuple(Mirror.parse(entry) for entry in options["mirrors"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return settings._replace(
        insecure_registries=(*settings.insecure_registries, *insecure),
        # What is said on the command line counts before what the environment says.
        mirrors=(*mirrors, *settings.mirrors),
        image_paths=(*settings.image_paths, *options["paths"]),
        unsafe_implicit_latest=settings.unsafe_implicit_latest or options["unsafe_implicit_latest"],
        timeout=options["timeout"] or settings.timeout,
    )


def _pinned(
    template: TemplateFile, wishes: PinRequest, settings: Settings, resolver_factory: ResolverFactory
) -> PinResult:
    scope = template.scope(wishes.values, wishes.region, wishes.account)
    resolvers = resolver_factory(settings, wishes.region)
    return pin_template(template.fragment, scope, settings, resolvers, Deadline.after(settings.timeout))


def _aws() -> ResolverFactory:
    from image_pinner.assembly import AwsResolvers, docker_logins  # noqa: PLC0415 - only without a world

    return AwsResolvers(docker_logins(os.environ))


def _write(template: TemplateFile, data: bytes, wishes: PinRequest) -> None:
    if wishes.output is None:
        write_output(data)
    elif not wishes.in_place or data != template.document.data:
        write_atomically(wishes.output, data)
