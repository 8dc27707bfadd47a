"""Finding out what a stack set has installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from image_pinner.cli.deployment.aws_access import AskFailed
from image_pinner.cli.deployment.function_drift import version_and_hash
from image_pinner.cli.deployment.identity import who_asks
from image_pinner.cli.deployment.macro_template import MacroTemplate
from image_pinner.cli.deployment.organization import organization_of
from image_pinner.cli.deployment.parameter_choices import OWN, choose
from image_pinner.cli.deployment.stack_set_instances import instances_of, last_operation
from image_pinner.cli.deployment.stack_set_operations import StackSet, find_stack_set, parameters_of
from image_pinner.cli.deployment.stack_set_status import StackSetStatus
from image_pinner.cli.deployment.surroundings import Surroundings

T = TypeVar("T")


def stack_set_status_of(surroundings: Surroundings, region: str, name: str, template: MacroTemplate) -> StackSetStatus:
    """Find out what a stack set has installed; what cannot be found out does not hide the rest.

    Args:
        surroundings: Who is asked.
        region: The region that the stack set is kept in.
        name: The stack set.
        template: The template of this command, for the defaults of the parameters.

    Returns:
        The status.

    Raises:
        ConfigurationError: The caller does not administer an organization's stack sets, or this one is not ours.
        SourceError: Not even the stack set could be asked for.
    """
    owner = who_asks(surroundings.asker, region)
    stack_set = StackSet(region, name, organization_of(surroundings.asker, region, owner).call_as)
    told = find_stack_set(surroundings, stack_set)
    if told is None:
        return StackSetStatus(region, name)
    values = parameters_of(stack_set, told)
    version, _ = version_and_hash(values.get("CodeKey", ""))
    unknown: list[str] = []
    return StackSetStatus(
        region,
        name,
        str(told.get("Status", "")),
        values.get("MacroName") or _default(template, "MacroName"),
        version,
        values.get("CodeKey", ""),
        values.get("Revision", ""),
        _configuration(values, template),
        _or(lambda: instances_of(surroundings, stack_set), (), unknown),
        _or(lambda: last_operation(surroundings, stack_set), None, unknown),
        tuple(unknown),
    )


def _default(template: MacroTemplate, name: str) -> str:
    return str(template.parameters.get(name, {}).get("Default", ""))


def _configuration(values: Mapping[str, str], template: MacroTemplate) -> Mapping[str, str]:
    declared = {name: rule for name, rule in template.parameters.items() if name not in OWN}
    known = {name: value for name, value in values.items() if name in declared}
    return {choice.name: choice.value for choice in choose(declared, {}, known, {}) if choice.changed}


def _or(find: Callable[[], T], otherwise: T, unknown: list[str]) -> T:
    try:
        return find()
    except AskFailed as failure:
        unknown.append(failure.diagnostics())
        return otherwise
