"""Check template files: what `check` and `expand` share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from image_pinner.cli.discovery import InputFile
from image_pinner.cli.documents import FileReadError, InPlaceEditError, Position, SourceDocument, TemplateSyntaxError
from image_pinner.cli.inputs import TemplateFile, parse_template, read_bytes
from image_pinner.cli.output import LocatedFinding
from image_pinner.cli.suppressions import suppress
from image_pinner.cli.unquoted_colons import find_unquoted_colons
from image_pinner.cli.worker_processes import apply_to_files
from image_pinner.core.check import Finding, check_template
from image_pinner.core.errors import ImagePinnerError, cut
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.rules import RULES, UNREADABLE_TEMPLATE, Rule
from image_pinner.core.template.paths import TemplatePath
from image_pinner.settings import Settings

_MAX_NAME = 255  # characters, as those of container names


def _is_any(_: Rule) -> bool:
    return True


def _is_none(_: Rule) -> bool:
    return False


class CheckInputs(NamedTuple):
    """What applies to all files that are checked together.

    Args:
        settings: The settings.
        values: The values of parameters; those that a template does not declare are meant for another one.
        region: The region of the stacks, or empty.
        account: The account of the stacks, or empty.
        is_selected: Whether the findings of a rule are reported. A file that cannot be read always is.
        is_counted: Whether those of a rule that is not selected are returned too, to be counted.
    """

    settings: Settings
    values: Mapping[str, Any]
    region: str = ""
    account: str = ""
    is_selected: Callable[[Rule], bool] = _is_any
    is_counted: Callable[[Rule], bool] = _is_none


def check_files(files: Sequence[InputFile], inputs: CheckInputs, workers: int) -> Iterator[LocatedFinding]:
    """Yield the findings in files, by file, position and code. See `apply_to_files` for `workers`."""
    for findings in apply_to_files(partial(check_file, inputs=inputs), files, workers):
        yield from findings


def check_file(file: InputFile, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings in a template file. An unreadable file is a finding too. See `find_all`."""
    try:
        return find_all(parse_template(read_bytes(file.path), file.name, inputs.settings.macro_name), inputs)
    except ImagePinnerError as error:
        return (unreadable(file.name, error),)


def unreadable(shown: str, error: ImagePinnerError) -> LocatedFinding:
    """Return the finding of a file that cannot be read as a template."""
    position, cause, excerpt = Position(1, 1), error.cause.removeprefix(f"{shown}: "), None
    if cause.startswith(f"{shown} "):
        # Each format shows the name.
        cause = f"the file{cause.removeprefix(shown)}"
    if isinstance(error, TemplateSyntaxError):
        position, cause, excerpt = error.position, error.problem, error.excerpt
    finding = Finding(UNREADABLE_TEMPLATE, TemplatePath(), cause, error.help)
    return LocatedFinding(
        shown, position, position, finding, excerpt=excerpt, has_position=not isinstance(error, FileReadError)
    )


def check_document(template: TemplateFile, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings that are not suppressed. See `find_all`."""
    return tuple(found for found in find_all(template, inputs) if not found.suppression)


def find_all(template: TemplateFile, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings in a template by position and code, also those that are suppressed, with the reasons."""
    declared = template.scope({}).parameters
    findings = check_template(
        template.fragment,
        {key: value for key, value in inputs.values.items() if key in declared and value is not None},
        inputs.settings.scan_settings,
        names_macro=template.names_macro,
        region=inputs.region,
        account_id=inputs.account,
        implicit_latest=inputs.settings.unsafe_implicit_latest,
    )
    located = [_locate(finding, template.document) for finding in findings]
    located += find_unquoted_colons(template.document)
    selected = {code for code, rule in RULES.items() if inputs.is_selected(rule)}
    returned = selected | {code for code, rule in RULES.items() if inputs.is_counted(rule)}
    found = suppress(located, template.document, selected)
    return tuple(sorted((each for each in found if each.finding.rule.code in returned), key=_order))


def _order(found: LocatedFinding) -> tuple[Position, str, str]:
    return found.position, found.finding.rule.code, found.finding.cause


def _locate(finding: Finding, document: SourceDocument) -> LocatedFinding:
    preview = None
    if finding.fix:
        # An alias can share the value with another property, so that it cannot be fixed alone.
        with contextlib.suppress(InPlaceEditError):
            preview = document.preview(finding.edits)
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
            return f"{_shown(str(steps[0]))} / {_shown(value['Name'])}"
    return _shown(str(steps[0]))


def _shown(name: str) -> str:
    """Return a name of a template that cannot end a line or control a terminal, and is not long."""
    short = cut(name, _MAX_NAME)
    return short if short.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in short)
