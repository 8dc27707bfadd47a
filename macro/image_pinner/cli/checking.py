"""Check template files: what `check` and `expand` share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from image_pinner.cli.documents import InPlaceEditError, Position, SourceDocument
from image_pinner.cli.inputs import TemplateFile, read_template
from image_pinner.cli.output import LocatedFinding
from image_pinner.cli.suppressions import suppress
from image_pinner.cli.unquoted_colons import find_unquoted_colons
from image_pinner.core.check import Finding, check_template
from image_pinner.core.images.references import ImageReference
from image_pinner.core.policies import Denied, JudgedImage, Policy
from image_pinner.core.rules import RULES
from image_pinner.settings import Settings


class CheckInputs(NamedTuple):
    """What applies to all files that are checked together.

    Args:
        settings: The settings.
        values: The values of parameters; those that a template does not declare are meant for another one.
        region: The region of the stacks, or empty.
        account: The account of the stacks, or empty.
        selected: The codes of the rules that are shown: a suppression of another rule is not unused.
    """

    settings: Settings
    values: Mapping[str, Any]
    region: str = ""
    account: str = ""
    selected: frozenset[str] = frozenset(RULES)


def check_file(name: str, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings in a template file, or in standard input if its name is `-`. See `find_all`.

    Raises:
        UnreadableTemplateError: The file cannot be read or is not a template.
    """
    return find_all(read_template(name, inputs.settings.macro_name), inputs)


def check_document(template: TemplateFile, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings that are not suppressed. See `find_all`."""
    return tuple(found for found in find_all(template, inputs) if not found.suppression)


def find_all(template: TemplateFile, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings in a template by position and code, also those that are suppressed, with the reasons."""
    declared = template.scope({}).parameters
    findings = check_template(
        template.fragment,
        {key: value for key, value in inputs.values.items() if key in declared},
        inputs.settings.scan_settings,
        names_macro=template.names_macro,
        region=inputs.region,
        account_id=inputs.account,
        deny=partial(deny, inputs.settings.policies),
    )
    located = [_locate(finding, template.document) for finding in findings]
    colons = find_unquoted_colons(template.document)
    return tuple(sorted(suppress([*located, *colons], template.document, inputs.selected), key=_order))


def _order(found: LocatedFinding) -> tuple[Position, str, str]:
    return found.position, found.finding.rule.code, found.finding.cause


def deny(policies: Iterable[Policy], reference: ImageReference) -> tuple[str, str] | None:
    """Return why the policies that need no facts about an image deny it, and what to do."""
    image = JudgedImage(reference, None, {})
    verdicts = (policy.judge(image) for policy in policies if not policy.needs)
    return next(((verdict.cause, verdict.help) for verdict in verdicts if isinstance(verdict, Denied)), None)


def _locate(finding: Finding, document: SourceDocument) -> LocatedFinding:
    corrected = ""
    if finding.fix is not None:
        try:
            corrected = document.preview(finding.fix)
        except InPlaceEditError:
            # The value is shared through an alias, so no single line can be corrected.
            corrected = ""
    return LocatedFinding(document.name, *document.span(finding.path), finding, corrected)
