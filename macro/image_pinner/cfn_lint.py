"""Rules for cfn-lint: `cfn-lint -a image_pinner.cfn_lint`. docs/ci.md shows the configuration.

Each rule of `image-pinner check` is a rule of cfn-lint: IP001 is W9901, and IP005 is E9905. The letter is the severity.
Numbers from 9001 are for custom rules; those in a file of custom rules begin there, one for each line
(https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/custom_rules.md).

cfn-lint checks images as the macro returns them: without markers. So its rules on types (E3012) and patterns (E3031) of
properties apply to the reference itself.

The configuration file applies as to `image-pinner check`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
from cfnlint.rules import CloudFormationLintRule, RuleMatch

from image_pinner.api import find_in_template
from image_pinner.cli import main
from image_pinner.cli.checking import CheckInputs, unreadable
from image_pinner.cli.commands import check
from image_pinner.cli.configuration.apply import apply_configuration
from image_pinner.cli.output import LocatedFinding
from image_pinner.cli.rule_selection import RuleSelection
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, join_help
from image_pinner.core.rules import RULES, Rule, Severity
from image_pinner.core.template.markers import IMAGE_KEY, LONG_FORM, is_marked, without_marker

_LETTERS = {Severity.ERROR: "E", Severity.WARNING: "W", Severity.INFO: "I"}
_FIRST = 9900


def rule_id(rule: Rule) -> str:
    """Return the ID in cfn-lint of a rule of `image-pinner check`."""
    return f"{_LETTERS[rule.severity]}{_FIRST + int(rule.code.removeprefix('IP'))}"


def _is_file(cfn: Any) -> bool:
    """Return whether to read the file: it has comments, and the transform of SAM did not expand it."""
    return bool(cfn.filename) and Path(cfn.filename).is_file()


def _read_inputs() -> CheckInputs:
    """Return what applies to `image-pinner check` in the working directory if it is run without options.

    Raises:
        ImagePinnerError: The configuration is not valid, or a file that it names cannot be read.
    """
    try:
        with main.command.make_context("image-pinner", ["check"]) as group:
            apply_configuration(group, "check", check.command)
            with check.command.make_context("check", [], parent=group) as context:
                options = context.params
                selection = RuleSelection.parse(options["select"], options["ignore"], options["severity"])
                inputs = check.read_inputs(options, selection)
    except click.ClickException as error:
        raise ConfigurationError(error.format_message()) from None
    # cfn-lint decides itself whether to report rules for information.
    return inputs._replace(
        is_selected=lambda rule: selection.includes(rule) or (selection.hides(rule) and rule.severity is Severity.INFO)
    )


@lru_cache(maxsize=1)
def _check(cfn: Any) -> tuple[LocatedFinding, ...]:
    """Return the findings in a template for all rules together, and remove its markers for the rules of cfn-lint."""
    try:
        found = find_in_template(
            Path(cfn.filename) if _is_file(cfn) else json.loads(json.dumps(cfn.template, default=str)), _read_inputs()
        )
    except ImagePinnerError as error:
        found = (unreadable(str(cfn.filename), error),)
    _remove_markers(cfn.template)
    return found


def _remove_markers(template: Any) -> None:
    """Remove all markers in the values of a template, which keep their positions."""
    todo = [template]
    while todo:
        node = todo.pop()
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, dict) and len(value) == 1 and LONG_FORM in value:
                content = value[LONG_FORM]
                node[key] = content.get(IMAGE_KEY, content) if isinstance(content, dict) else content
            if isinstance(node[key], str) and is_marked(node[key]):
                node[key] = _as_node(without_marker(node[key]), node[key])
            elif isinstance(node[key], dict | list):
                todo.append(node[key])


def _as_node(text: str, original: Any) -> Any:
    marks = getattr(original, "start_mark", None), getattr(original, "end_mark", None)
    return type(original)(text, *marks) if all(marks) else text


def _initialize(_: Any, cfn: Any) -> None:
    _check(cfn)


def _match(self: Any, cfn: Any) -> Iterator[Any]:
    for found in _check(cfn):
        if rule_id(found.finding.rule) == self.id:
            # cfn-lint finds the position of a path itself, but only that of the key.
            span = [number - 1 for position in (found.position, found.end) for number in position]
            location = {"location": span} if _is_file(cfn) else {}
            message = join_help(found.finding.cause, found.finding.help)
            yield RuleMatch(list(found.finding.path.steps), message, **location)


# cfn-lint finds the classes of a module.
for _rule in RULES.values():
    globals()[_rule.code] = type(
        _rule.code,
        (CloudFormationLintRule,),
        {
            "id": rule_id(_rule),
            "shortdesc": _rule.summary,
            "description": _rule.explanation,
            "source_url": "",
            "tags": ["image-pinner", _rule.slug],
            "initialize": _initialize,
            "match": _match,
            "__module__": __name__,
        },
    )
