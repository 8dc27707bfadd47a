"""`image-pinner check`: templates in, findings with their lines out; nobody is asked."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click

from image_pinner.cli.console import ExitCode, say_error, write_output
from image_pinner.cli.documents import InPlaceEditError, SourceDocument
from image_pinner.cli.inputs import given_parameters, read_template
from image_pinner.core.check import Finding, check_template
from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.template.json_path import parse_image_path
from image_pinner.settings import Settings

CHECK_VERSION = 1
"""Raised when a field of the JSON changes its meaning or goes; new fields alone do not raise it."""


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    """A finding with its place in a file.

    Args:
        file: The file's name.
        line: The line, from 1.
        column: The column, from 1.
        finding: The finding.
        corrected: The lines as they should be, or empty.
    """

    file: str
    line: int
    column: int
    finding: Finding
    corrected: str

    def to_json(self) -> dict[str, Any]:
        """Give the finding as JSON values."""
        found = {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "rule": self.finding.rule,
            "path": str(self.finding.path),
            "cause": self.finding.cause,
            "remedy": self.finding.help,
        }
        return found | ({"corrected": self.corrected} if self.corrected else {})

    def __str__(self) -> str:
        finding = self.finding
        head = f"{self.file}:{self.line}:{self.column}: {finding.rule}: {finding.path}: {finding.cause}."
        lines = [f"{head} {finding.help}{':' if self.corrected else '.'}"]
        return "\n".join(lines + [f"    {line}" for line in self.corrected.splitlines()])


@click.command(short_help="List images that are not pinned, or marked in a wrong way. Asks nobody.")
@click.argument("templates", nargs=-1, required=True, metavar="TEMPLATE...")
@click.option("--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter's value; repeatable.")
@click.option("--image-path", "paths", multiple=True, metavar="JSONPATH", help="A further place of images; repeatable.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How findings are told.")
def command(templates: tuple[str, ...], pairs: tuple[str, ...], paths: tuple[str, ...], form: str) -> None:
    """List what is wrong with the images of TEMPLATEs (files, or - for the standard input).

    An image is fine if it names a digest or something asks for its pin in a form that CloudFormation accepts.
    """
    settings = Settings.from_environment(os.environ)
    for path in paths:
        parse_image_path(path)
    settings = settings._replace(image_paths=(*settings.image_paths, *paths))
    values = given_parameters(pairs)
    found: list[PlacedFinding] = []
    unreadable = False
    for name in templates:
        try:
            found += _check(name, values, settings)
        except ImagePinnerError as error:
            say_error(error)
            unreadable = True
    _print(found, form)
    sys.exit(ExitCode.USAGE_ERROR if unreadable else ExitCode.FINDINGS if found else ExitCode.DONE)


def _check(name: str, values: dict[str, Any], settings: Settings) -> Iterable[PlacedFinding]:
    template = read_template(name, settings.macro_name)
    parameters = template.scope({}, "", "").parameters
    known = {key: value for key, value in values.items() if key in parameters}
    findings = check_template(template.fragment, known, settings.scan_settings, names_macro=template.names_macro)
    placed = [_placed(finding, template.name, template.document) for finding in findings]
    return sorted(placed, key=lambda item: (item.line, item.column, item.finding.rule))


def _placed(finding: Finding, name: str, document: SourceDocument) -> PlacedFinding:
    position = document.position(finding.path)
    corrected = ""
    if finding.fix is not None:
        try:
            corrected = document.preview(finding.fix)
        except InPlaceEditError:
            # An alias shares the value, so that no corrected line can be shown.
            corrected = ""
    return PlacedFinding(name, position.line, position.column, finding, corrected)


def _print(found: list[PlacedFinding], form: str) -> None:
    if form == "json":
        content = {"version": CHECK_VERSION, "findings": [item.to_json() for item in found]}
        write_output(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode())
    else:
        write_output("".join(f"{item}\n" for item in found).encode())
