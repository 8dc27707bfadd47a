"""Check template files: what `check` and `expand` share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from image_pinner.cli.documents import InPlaceEditError, Position, SourceDocument, TemplateSyntaxError
from image_pinner.cli.inputs import STANDARD_INPUT, TemplateFile, parse_template, read_bytes
from image_pinner.cli.output import LocatedFinding
from image_pinner.core.check import Finding, check_template
from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.policies import Denied, JudgedImage, Policy
from image_pinner.core.rules import UNREADABLE_TEMPLATE
from image_pinner.core.template.paths import TemplatePath
from image_pinner.settings import Settings


class CheckInputs(NamedTuple):
    """What applies to all files that are checked together.

    Args:
        settings: The settings.
        values: The values of parameters; those that a template does not declare are meant for another one.
        region: The region of the stacks, or empty.
        account: The account of the stacks, or empty.
    """

    settings: Settings
    values: Mapping[str, Any]
    region: str = ""
    account: str = ""


def check_file(name: str, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings in a template file, by position and code. An unreadable file is a finding too.

    The name of standard input is `-`.
    """
    shown = shown_name(name)
    try:
        return check_document(parse_template(read_bytes(name), shown, inputs.settings.macro_name), inputs)
    except ImagePinnerError as error:
        return (unreadable(shown, error),)


def shown_name(name: str) -> str:
    """Return how messages and reports name a file: relative to the working directory if it is inside, with slashes."""
    if name == STANDARD_INPUT:
        return "standard input"
    path = Path(name)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_posix()


def unreadable(shown: str, error: ImagePinnerError) -> LocatedFinding:
    """Return the finding of a file that cannot be read as a template."""
    position, cause, excerpt = Position(1, 1), error.cause.removeprefix(f"{shown}: "), None
    if isinstance(error, TemplateSyntaxError):
        position, cause, excerpt = error.position, error.problem, error.excerpt
    finding = Finding(UNREADABLE_TEMPLATE, TemplatePath(), cause, error.help)
    return LocatedFinding(shown, position, position, finding, excerpt=excerpt)


def check_document(template: TemplateFile, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings in a template that has been read. See `check_file`."""
    declared = template.scope({}).parameters
    findings = check_template(
        template.fragment,
        {key: value for key, value in inputs.values.items() if key in declared},
        inputs.settings.scan_settings,
        names_macro=template.names_macro,
        region=inputs.region,
        account_id=inputs.account,
        deny=partial(_deny, inputs.settings.policies),
    )
    located = (_locate(finding, template.document) for finding in findings)
    return tuple(sorted(located, key=lambda found: (found.position, found.finding.rule.code)))


def _deny(policies: Iterable[Policy], reference: ImageReference) -> tuple[str, str] | None:
    """Return why the policies that need no facts about an image deny it, and what to do."""
    image = JudgedImage(reference, None, {})
    verdicts = (policy.judge(image) for policy in policies if not policy.needs)
    return next(((verdict.cause, verdict.help) for verdict in verdicts if isinstance(verdict, Denied)), None)


def _locate(finding: Finding, document: SourceDocument) -> LocatedFinding:
    preview = None
    if finding.fix is not None:
        # An alias can share the value with another property, so that it cannot be fixed alone.
        with suppress(InPlaceEditError):
            preview = document.preview(finding.fix)
    start, end = document.span(finding.path)
    subject = _subject(finding.path, document.tree)
    return LocatedFinding(document.name, start, end, finding, subject, document.excerpt(finding.path), preview)


def _subject(path: TemplatePath, tree: JsonValue) -> str:
    """Return the logical ID and the name of the container, if the path is in a resource and in a container."""
    section, *steps = path.steps or ("",)
    if section != "Resources" or not steps:
        return ""
    value = tree[section]
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            # The path of a value that is missing.
            break
        if isinstance(step, int) and isinstance(value, dict) and isinstance(value.get("Name"), str):
            return f"{steps[0]} / {value['Name']}"
    return str(steps[0])
