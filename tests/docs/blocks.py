"""Generated parts of the documentation: each function returns Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click
import yaml
from cfn_flip import to_json

from docs.documents import subcommands_of
from image_pinner.cli.configuration.keys import setting_keys
from image_pinner.cli.console import MEANINGS
from image_pinner.cli.main import SUBCOMMANDS, command
from image_pinner.core.gates.configuration import COMMON_OPTIONS, GATES
from image_pinner.core.gates.interface import Gate
from image_pinner.core.images.manifests import MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES
from image_pinner.core.intrinsics import budget, evaluation
from image_pinner.core.rules import RULES, Rule
from image_pinner.core.template.locations import image_locations
from image_pinner.core.template.options import MAX_NAMES, OPTION_RULES
from image_pinner.core.template.traversal import MAX_LOOPS
from image_pinner.settings import SETTING_RULES, Settings
from image_pinner.sources.ecr.facts.source import FACTS
from image_pinner.sources.ecr.keep_tags import KEEP_TAG_WRITER
from image_pinner.sources.http.endpoints import FAILURES_IN_A_ROW
from image_pinner.sources.http.messages import RETRYABLE_STATUSES
from image_pinner.sources.http.redaction import MAX_ERROR_BYTES
from image_pinner.sources.http.redirects import MAX_REDIRECTS
from image_pinner.sources.http.transport import PER_HOST, RetryPolicy, TimeLimits
from support.exit_codes import EXIT_CODES
from support.project import ROOT

MARKERS = (
    ("quoted marker", '`"!PinDigest repo:tag"`', "yes", "clean", "single images; recommended"),
    (
        "resource metadata",
        "`Metadata: {ImagePinner: {Pin: All}}`, `{Pin: [web, proxy]}`, `{Pin: Skip}`",
        "yes",
        "clean",
        "images whose lines must not change",
    ),
    (
        "whole template",
        "`Transform: [{Name: ImagePinner, Parameters: {Pin: All}}]`, or `ImagePinner` in the template's `Metadata`",
        "yes",
        "clean",
        "all images",
    ),
    (
        "snippet",
        "`{Fn::Transform: {Name: ImagePinner, Parameters: {Image: repo:tag}}}`",
        "yes",
        "clean",
        "one image in a template without `Transform`",
    ),
    ("YAML tag", "`!PinDigest repo:tag`", "**no**", "E3012", "the CLI only"),
    ("long form", "`Fn::PinDigest: repo:tag`", "unknown", "E3012", "not recommended"),
)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def markers() -> str:
    """Return the table of markers."""
    return _table(("marker", "example", "accepted by CloudFormation", "cfn-lint", "use it for"), MARKERS)


def options() -> str:
    """Return the table of options."""
    return _table(
        ("option", "values, default first", "meaning"),
        ((f"`{rule.name}`", rule.values, rule.meaning) for rule in OPTION_RULES),
    )


def settings() -> str:
    """Return the table of settings."""
    rows = (
        (f"`{rule.variable}`", f"`{key.name}`, {key.form.value}", rule.values, rule.meaning)
        for rule, key in zip(SETTING_RULES, setting_keys().values(), strict=True)
    )
    return _table(("variable", "key in the file", "values, default first", "meaning"), rows)


def gates() -> str:
    """Return the table of gates and their options."""
    rows = []
    for gate in GATES:
        rows.append((f"`{gate.id}`", "", "", gate.summary))
        rows += [("", f"`{option.name}`", option.values, option.meaning) for option in gate.options]
    rows += [("every gate", f"`{option.name}`", option.values, option.meaning) for option in COMMON_OPTIONS]
    return _table(("gate", "option", "values", "meaning"), rows)


def facts() -> str:
    """Return the table of what gates need: facts, IAM actions, and parameters of deploy/macro.yaml."""
    rows, switches = [], _switches(_macro_template())
    for gate in GATES:
        options = {option.name for option in gate.options}
        for fact, how, actions in _needed_actions(gate, switches):
            shown = ", ".join(f"`{action}`" for action in actions)
            switch = f"`{switches[actions[0]]}`" if switches[actions[0]] else "always allowed"
            rows.append((f"`{gate.id}`", f"`{how}=true`" if how in options else "", fact, shown, switch))
        if not gate.possible_needs:
            rows.append((f"`{gate.id}`", "", "none", "", ""))
    return _table(("gate", "with option", "fact", "IAM actions", "parameter of `deploy/macro.yaml`"), rows)


_WRITERS = {"lifecycle": ("keep-tag", KEEP_TAG_WRITER)}
"""What gates write, by their IDs: the option for it, and its actions."""


def _needed_actions(gate: type[Gate], switches: Mapping[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each fact, the word for how it is gathered, and its actions, separately for each parameter."""
    found = [
        (FACTS[need.fact], how, FACTS[need.fact].actions[how])
        for need in sorted(gate.possible_needs)
        for how in sorted({"", *need.how})
    ]
    if gate.id in _WRITERS:
        option, writer = _WRITERS[gate.id]
        found.append((writer, option, writer.actions[""]))
    for reader, how, actions in found:
        by_switch: dict[str, list[str]] = {}
        for action in actions:
            by_switch.setdefault(switches[action], []).append(action)
        yield from ((reader.description, how, group) for group in by_switch.values())


def _switches(template: dict[str, Any]) -> dict[str, str]:
    """Return the parameters that allow actions, by the actions; an empty one if they are always allowed."""
    found: dict[str, str] = {}
    for entry in template["Resources"]["Role"]["Properties"]["Policies"]:
        condition, policy = (entry["Fn::If"][0], entry["Fn::If"][1]) if "Fn::If" in entry else ("", entry)
        for statement in policy["PolicyDocument"]["Statement"]:
            listed = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            for each in listed:
                own, action = each["Fn::If"][:2] if isinstance(each, dict) else (condition, each)
                found.setdefault(action, _parameter_of(template, own))
    return found


def _macro_template() -> dict[str, Any]:
    template: dict[str, Any] = json.loads(to_json((ROOT / "deploy" / "macro.yaml").read_text("utf-8")))
    return template


def locations() -> str:
    """Return the table of locations."""
    rows = []
    for resource_type, resources in image_locations().items():
        for resource in resources:
            accepts = resource.refused or (
                "`repo@sha256:…`"
                + (", `repo:tag@sha256:…`" if resource.tag_with_digest else "")
                + ("" if resource.index_allowed else ", single platform only")
            )
            kept = ", ".join(f"`{start}…`" for start in resource.other_forms or resource.managed)
            rows.append(
                (
                    f"[{resource_type}]({resource.link})",
                    f"`{resource.path.removeprefix('$.')}`",
                    accepts + (f"; {kept} is not changed" if kept else ""),
                )
            )
    return _table(("resource type", "property", "accepts"), rows)


def limits() -> str:
    """Return the table of limits for requests to registries."""
    mib, kib = 1024 * 1024, 1024
    times, retry, settings = TimeLimits(), RetryPolicy(), Settings()
    statuses = ", ".join(map(str, sorted(RETRYABLE_STATUSES)))
    rows = (
        ("connect timeout, including TLS", f"{times.connect:g} s"),
        ("read timeout", f"{times.read:g} s"),
        ("time for all images of one registry", f"{settings.host_timeout:g} s (`IMAGE_PINNER_HOST_TIMEOUT`)"),
        (
            "time for all registries",
            f"{settings.timeout:g} s (`IMAGE_PINNER_TIMEOUT`); in the function, at most its remaining time",
        ),
        ("manifest size", f"{MAX_MANIFEST_BYTES // mib} MiB"),
        ("image config size", f"{MAX_CONFIG_BYTES // mib} MiB"),
        ("error response size", f"{MAX_ERROR_BYTES // kib} KiB"),
        ("connections per registry", f"{PER_HOST}"),
        ("redirects per request", f"{MAX_REDIRECTS}; see the [security model](security.md)"),
        (
            "attempts per request",
            f"{retry.attempts}, for lost connections and status {statuses}; the delay grows or follows `Retry-After`",
        ),
        ("consecutive requests that fail with 5xx before a registry is skipped", f"{FAILURES_IN_A_ROW}"),
    )
    return _table(("limit", "value"), rows)


def template_limits() -> str:
    """Return the table of limits for templates."""
    rows = (
        ("steps to evaluate all expressions of a template", budget.MAX_STEPS),
        ("characters that all expressions of a template read and produce", budget.MAX_CHARACTERS),
        ("levels of functions inside each other", evaluation.MAX_DEPTH),
        ("`Fn::ForEach` loops inside each other", MAX_LOOPS),
        ("container names in `Pin`", MAX_NAMES),
    )
    return _table(("limit", "value"), ((name, f"{value:,}") for name, value in rows))


def exit_codes() -> str:
    """Return the table of exit codes."""
    rows = []
    for code, meaning in MEANINGS.items():
        names = [f"`{name}`" for name in SUBCOMMANDS if code in EXIT_CODES[name]]
        rows.append((str(int(code)), meaning, "all" if len(names) == len(SUBCOMMANDS) else ", ".join(names)))
    return _table(("code", "meaning", "subcommands"), rows)


def help_texts() -> str:
    """Return the help of the CLI and of each subcommand."""
    settings = {**command.context_settings, "max_content_width": 100, "terminal_width": 100}
    context = click.Context(command, info_name="image-pinner", **settings)
    texts = [f"$ image-pinner --help\n{command.get_help(context)}"]
    for subcommand in SUBCOMMANDS:
        found = command.get_command(context, subcommand)
        if found is None:
            raise AssertionError(subcommand)
        nested = {f"{subcommand} {name}": below for name, below in subcommands_of(found).items()}
        for name, shown in {subcommand: found, **nested}.items():
            below = click.Context(shown, parent=context, info_name=name, max_content_width=100, terminal_width=100)
            texts.append(f"$ image-pinner {name} --help\n{shown.get_help(below)}")
    return "```console\n" + "\n\n".join(texts) + "\n```"


def permissions() -> str:
    """Return the table of the permissions of the function's role."""
    return _table(("parameter", "actions", "resources", "purpose"), _permission_rows(_macro_template()))


_PURPOSES = {
    "Repositories": "resolve tags, and read the platforms of images",
    "Log": "write the log record",
}
"""The purposes of the permissions that do not depend on a parameter."""


def _permission_rows(template: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for entry in template["Resources"]["Role"]["Properties"]["Policies"]:
        condition, policy = (entry["Fn::If"][0], entry["Fn::If"][1]) if "Fn::If" in entry else ("", entry)
        parameter = _parameter_of(template, condition)
        purpose = template["Parameters"][parameter]["Description"] if parameter else _PURPOSES[policy["PolicyName"]]
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                listed = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                actions = [action for action in listed if isinstance(action, str)]
                shown, resources = ", ".join(f"`{action}`" for action in sorted(actions)), statement["Resource"]
                yield f"`{parameter}`" if parameter else "", shown, _resources(resources), purpose
                yield from _optional_rows(template, listed)


def _optional_rows(template: dict[str, Any], listed: list[Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the actions that a statement has with a parameter."""
    by_parameter: dict[str, list[str]] = {}
    for condition, action, _ in (action["Fn::If"] for action in listed if isinstance(action, dict)):
        by_parameter.setdefault(_parameter_of(template, condition), []).append(action)
    for name, actions in by_parameter.items():
        purpose = template["Parameters"][name]["Description"]
        yield f"`{name}`", ", ".join(f"`{action}`" for action in actions), "the same", purpose


def _parameter_of(template: dict[str, Any], condition: str) -> str:
    """Return the parameter that a condition is about."""
    found = re.search(r'"Ref": "([A-Za-z]+)"', json.dumps(template["Conditions"][condition])) if condition else None
    return found[1] if found else ""


def _resources(resource: Any) -> str:
    match resource:
        case {"Fn::Sub": text} | str(text):
            shown = re.sub(r"\$\{(?:AWS::)?([A-Za-z]+)\}", r"<\1>", text)
            return f"`{shown}`"
        case {"Fn::Split": [_, {"Fn::Sub": [_, {"Own": {"Fn::If": [_, {"Ref": own}, default]}}]}]}:
            return f"those in `{own}`, by default {_resources(default)}, and those in `OtherRepositoryArns`"
        case {"Fn::Split": [_, {"Ref": name}]}:
            return f"those in `{name}`"
        case {"Fn::If": [_, listed, default]}:
            return f"{_resources(listed)}, by default {_resources(default)}"
        case {"Fn::GetAtt": [name, _]}:
            return f"`{name}`"
        case list():
            return ", ".join(map(_resources, resource))
        case _:
            raise AssertionError(resource)


def rules() -> str:
    """Return the table of the rules of `check`."""
    rows = (
        (f"[{rule.code}](#{rule.code.lower()})", f"`{rule.slug}`", rule.severity.value, rule.summary)
        for rule in RULES.values()
    )
    return _table(("code", "rule", "severity", "reports"), rows)


def rule_pages() -> str:
    """Return a section on each rule of `check`, under its code."""
    return "\n\n".join(_rule_page(rule) for rule in RULES.values())


def _rule_page(rule: Rule) -> str:
    texts = (rule.summary, _as_markdown(rule.explanation))
    examples = "".join(f"\n\n{title}:\n\n```yaml\n{text}```" for title, text in _examples(rule))
    return f"## {rule.code}\n\n`{rule.slug}`, {rule.severity.value}\n\n" + "\n\n".join(texts) + examples


def _examples(rule: Rule) -> tuple[tuple[str, str], ...]:
    return ("With the finding", rule.bad), ("Without it", rule.good)


def _as_markdown(text: str) -> str:
    """Return a text with the names in it as code."""
    return re.sub(r"(?<![\w`])(?:IMAGE_PINNER_[A-Z_]+|AWS::\w+|Fn::\w+|Pin: \w+|sha256:)", r"`\g<0>`", text)


def action_inputs() -> str:
    """Return the table of the inputs of the GitHub Action."""
    inputs = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"]
    return _table(
        ("input", "default", "meaning"),
        (
            (f"`{name}`", f"`{one['default']}`" if one["default"] else "", one["description"] + ".")
            for name, one in inputs.items()
        ),
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "action-inputs": action_inputs,
    "markers": markers,
    "options": options,
    "settings": settings,
    "gates": gates,
    "gate-facts": facts,
    "locations": locations,
    "limits": limits,
    "template-limits": template_limits,
    "exit-codes": exit_codes,
    "permissions": permissions,
    "help": help_texts,
    "rules": rules,
    "rule-pages": rule_pages,
}
