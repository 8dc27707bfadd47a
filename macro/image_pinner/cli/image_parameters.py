"""Parameters that hold images: those that a pinned template no longer uses, and parameter files with digests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from image_pinner.cli.documents import SourceDocument
from image_pinner.cli.parameter_files import ParameterFile
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.outcomes import Pinned
from image_pinner.core.report import PinReport
from image_pinner.core.template.markers import without_marker
from image_pinner.core.template.problems import Problem, ProblemKind, in_order
from image_pinner.core.template.sites import PinSite

_VARIABLE = re.compile(r"\$\{\s*([A-Za-z0-9_]+)\s*\}")


def describe_overridden(document: SourceDocument, report: PinReport) -> str:
    """Return a warning, on a line of its own, for each parameter that has no effect on a pinned image any more."""
    template = document.tree
    conditions = template.get("Conditions")
    images: dict[str, list[str]] = {}
    can_be_written = False
    for pinned in _pinned(report):
        can_be_written = can_be_written or bool(_parameter_of(pinned.site, template))
        for name in dict.fromkeys(_references(pinned.site.node.value, conditions)):
            if name in _declared(template):
                images.setdefault(name, []).append(str(pinned.site.path))
    lines = [
        f"warning: {document.name}: parameter {name!r} no longer has an effect on {', '.join(paths)}\n"
        for name, paths in images.items()
    ]
    if can_be_written:
        lines.append("help: to keep the parameter, pass --write-parameters FILE instead of --in-place\n")
    return "".join(lines)


def set_parameters(
    template: JsonObject, report: PinReport, values: Mapping[str, Any]
) -> tuple[dict[str, Any], PinReport]:
    """Return parameter values with digests, and the report with a problem for each image that has no own parameter."""
    found: dict[str, Pinned] = {}
    problems: list[Problem] = []
    for pinned in _pinned(report):
        name = _parameter_of(pinned.site, template)
        if not name and pinned.site.reference.digest:
            continue
        if cause := _refusal(name, pinned, found.get(name), template):
            problems.append(Problem(pinned.site.path, ProblemKind.TEMPLATE, *cause, image=str(pinned.site.reference)))
        found.setdefault(name, pinned)
    new_values = {name: pinned.text for name, pinned in found.items()}
    outcomes = tuple(_with_warning(each, template) if isinstance(each, Pinned) else each for each in report.outcomes)
    problems_in_order = in_order((*report.problems, *problems))
    given = {name: value for name, value in values.items() if value is not None}
    return {**given, **new_values}, report._replace(outcomes=outcomes, problems=problems_in_order)


def _refusal(name: str, pinned: Pinned, other: Pinned | None, template: JsonObject) -> tuple[str, str] | None:
    """Return why the digest of an image cannot be the value of its parameter, and what to do."""
    if not name:
        return (
            "the image is not exactly the value of one parameter",
            'write !Ref PARAMETER, or !Sub "!PinDigest ${PARAMETER}"',
        )
    declaration = _declared(template)[name]
    if declaration.get("Type") != "String":
        return f"parameter {name!r} has type {declaration.get('Type')}, not String", "use a parameter of type String"
    if other and other.text != pinned.text:
        return (
            f"parameter {name!r} cannot be both {pinned.text} and {other.text}, for {other.site.path}",
            "use one parameter for each platform",
        )
    allowed = declaration.get("AllowedValues")
    if isinstance(allowed, list) and pinned.text not in allowed:
        return f"the AllowedValues of parameter {name!r} do not include {pinned.text}", "remove AllowedValues"
    longest = str(declaration.get("MaxLength", ""))
    if longest.isdecimal() and len(pinned.text) > int(longest):
        return (
            f"parameter {name!r} allows {longest} characters, and {pinned.text} has {len(pinned.text)}",
            "increase MaxLength",
        )
    return None


def _with_warning(pinned: Pinned, template: JsonObject) -> Pinned:
    """Add a warning if CloudFormation may refuse the value; the regular expressions of others can take hours here."""
    name = _parameter_of(pinned.site, template)
    if not name or "AllowedPattern" not in _declared(template)[name]:
        return pinned
    warning = f"check that the AllowedPattern of parameter {name!r} matches {pinned.text}"
    return pinned._replace(warnings=(*pinned.warnings, warning))


def render_parameters(values: Mapping[str, Any], files: Sequence[ParameterFile]) -> bytes:
    """Return a parameter file in the format of CodePipeline if the values are from such a file, else of the AWS CLI.

    https://docs.aws.amazon.com/cli/latest/reference/cloudformation/create-change-set/

    Args:
        values: The values; a list is written as a text with commas.
        files: The files that the values are from, if any.

    Raises:
        ConfigurationError: The files have different formats.
    """
    texts = {name: ",".join(value) if isinstance(value, list) else value for name, value in values.items()}
    configurations = [file.configuration for file in files if file.configuration is not None]
    if configurations and len(files) > 1:
        raise ConfigurationError(
            "a file for CodePipeline cannot be combined with another parameter file", "pass one file with --parameters"
        )
    content: Any = {**configurations[0], "Parameters": texts} if configurations else _entries(texts, files)
    return f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode()


def _entries(texts: Mapping[str, str], files: Iterable[ParameterFile]) -> list[dict[str, Any]]:
    previous = dict.fromkeys(name for file in files for name in file.previous if name not in texts)
    return [
        *({"ParameterKey": name, "ParameterValue": text} for name, text in texts.items()),
        *({"ParameterKey": name, "UsePreviousValue": True} for name in previous),
    ]


def _pinned(report: PinReport) -> list[Pinned]:
    return [outcome for outcome in report.outcomes if isinstance(outcome, Pinned)]


def _declared(template: JsonObject) -> JsonObject:
    declared = template.get("Parameters")
    return {name: value for name, value in declared.items() if isinstance(value, dict)} if declared else {}


def _parameter_of(site: PinSite, template: JsonObject) -> str:
    """Return the parameter whose value is the image and nothing else, apart from the marker; empty if there is none."""
    name = ""
    match site.marked_expression.expression if site.marked_expression else site.node.value:
        case {"Ref": str(referenced)}:
            name = referenced
        case {"Fn::Sub": str(text)} if variable := _VARIABLE.fullmatch(without_marker(text).strip()):
            name = variable[1]
    return name if name in _declared(template) else ""


def _references(expression: JsonValue, conditions: JsonValue) -> Iterator[str]:
    """Yield the names that `Ref` and `Fn::Sub` refer to in an expression and in the conditions that it uses."""
    todo, seen = [expression], set[str]()
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        elif isinstance(value, dict):
            if isinstance(name := value.get("Ref"), str):
                yield name
            sub = value.get("Fn::Sub")
            text = sub[0] if isinstance(sub, list) and sub else sub
            yield from _VARIABLE.findall(text) if isinstance(text, str) else ()
            used = {name for name in _used_conditions(value) if isinstance(name, str)} - seen
            seen |= used
            todo += value.values()
            todo += (conditions.get(name) for name in sorted(used)) if isinstance(conditions, dict) else ()


def _used_conditions(function: JsonObject) -> tuple[JsonValue, ...]:
    branches = function.get("Fn::If")
    return function.get("Condition"), branches[0] if isinstance(branches, list) and branches else None
