"""Suppressions in the Metadata of a template or a resource: which findings its author accepts, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from image_pinner.core.check.findings import Finding
from image_pinner.core.check.transforms import resources_of
from image_pinner.core.errors import cut
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.rules import (
    INVALID_SUPPRESSION,
    RULES,
    RULES_BY_SLUG,
    UNREADABLE_TEMPLATE,
    UNUSED_SUPPRESSION,
    Rule,
    find_rule,
)
from image_pinner.core.template.markers import IGNORE_KEY, METADATA_KEY
from image_pinner.core.template.paths import TemplatePath

_MAX_NAME = 80  # characters of an unknown name that a message repeats
_NEVER_SUPPRESSED = frozenset({UNREADABLE_TEMPLATE, UNUSED_SUPPRESSION, INVALID_SUPPRESSION})


class InvalidSuppressionError(Exception):
    """A suppression has no reason, or its rule is unknown or cannot be suppressed.

    Args:
        cause: What is wrong, as a clause.
        help: What to do, as an imperative clause.
    """

    def __init__(self, cause: str, help: str) -> None:
        self.cause, self.help = cause, help
        super().__init__(cause)


class Suppression(NamedTuple):
    """A suppression of the findings of a rule.

    Args:
        rule: The rule.
        reason: Why its findings are accepted.
        path: Where the suppression is.
        covers: It suppresses the findings at this path and inside it.
    """

    rule: Rule
    reason: str
    path: TemplatePath
    covers: TemplatePath


def suppressed_rule(name: str, reason: JsonValue) -> Rule:
    """Return the rule that a suppression names by its code or slug.

    Raises:
        InvalidSuppressionError: The suppression is not valid.
    """
    rule = find_rule(name)
    if rule is None:
        import difflib  # noqa: PLC0415 - only a mistake needs it

        shown = cut(name, _MAX_NAME)
        similar = difflib.get_close_matches(shown, [*RULES, *RULES_BY_SLUG], 1)
        hint = f" (did you mean {similar[0]!r}?)" if similar else ""
        raise InvalidSuppressionError(f"unknown rule {shown!r}{hint}", "run image-pinner rules")
    if rule in _NEVER_SUPPRESSED:
        raise InvalidSuppressionError(f"{rule} cannot be suppressed", "remove it")
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidSuppressionError(f"the suppression of {rule} has no reason", "write why the finding is accepted")
    return rule


def read_suppressions(template: JsonObject) -> tuple[list[Suppression], list[Finding]]:
    """Return the suppressions in Metadata, and a finding for each that is not valid."""
    suppressions: list[Suppression] = []
    invalid: list[Finding] = []
    for path, covers, entries in _entries(template):
        if not isinstance(entries, dict):
            cause = f"{IGNORE_KEY} is not a mapping of rules and reasons"
            invalid.append(Finding(INVALID_SUPPRESSION, path, cause, f"write {IGNORE_KEY}: {{IP001: reason}}"))
            continue
        for name, reason in entries.items():
            here = path.child(name)
            try:
                rule = suppressed_rule(str(name), reason)
            except InvalidSuppressionError as error:
                invalid.append(Finding(INVALID_SUPPRESSION, here, error.cause, error.help))
            else:
                suppressions.append(Suppression(rule, str(reason).strip(), here, covers))
    return suppressions, invalid


def _entries(template: JsonObject) -> Iterator[tuple[TemplatePath, TemplatePath, JsonValue]]:
    """Yield the path of each entry, the path of what it covers, and its content."""
    for path, owner in ((TemplatePath(), template), *resources_of(template)):
        metadata = owner.get("Metadata") if isinstance(owner, dict) else None
        options = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
        if isinstance(options, dict) and IGNORE_KEY in options:
            yield path.child("Metadata", METADATA_KEY, IGNORE_KEY), path, options[IGNORE_KEY]
