"""Finding out what is installed in a region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from image_pinner.cli.deployment.aws_access import AskFailed
from image_pinner.cli.deployment.failure_log import last_failure
from image_pinner.cli.deployment.function_drift import (
    LATEST,
    is_of,
    parted,
    sha256_of,
    version_and_hash,
)
from image_pinner.cli.deployment.identity import who_asks
from image_pinner.cli.deployment.macro_template import MacroTemplate
from image_pinner.cli.deployment.parameter_choices import OWN, choose
from image_pinner.cli.deployment.region_status import GONE, RegionStatus
from image_pinner.cli.deployment.stacks import Stack, find_stack
from image_pinner.cli.deployment.surroundings import Surroundings

_ALARM = "AWS::CloudWatch::Alarm"
_ALIAS = "live"
T = TypeVar("T")


def status_of(surroundings: Surroundings, region: str, stack_name: str, template: MacroTemplate) -> RegionStatus:
    """Find out what is installed in a region; what cannot be found out does not hide the rest.

    Args:
        surroundings: Who is asked, and what time it is.
        region: The region.
        stack_name: The stack.
        template: The template of this command, for the defaults of the parameters.

    Returns:
        The status.

    Raises:
        AskFailed: Not even the stack could be asked for.
    """
    who_asks(surroundings.asker, region)
    stack = find_stack(surroundings.asker, region, stack_name)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return RegionStatus(region, stack_name)
    key = stack.parameters.get("CodeKey", "")
    version, package = version_and_hash(key)
    status = RegionStatus(
        region,
        stack_name,
        stack.status,
        stack.reason,
        stack.parameters.get("MacroName", ""),
        version,
        package,
        configuration=_configuration(stack, template),
    )
    unknown: list[str] = []
    status = _or(lambda: _with_function(surroundings, stack, status), status, unknown)
    status = replace(status, alarms=_or(lambda: _alarms(surroundings, region, stack), {}, unknown))
    group = stack.outputs.get("LogGroupName")
    if group:
        status = replace(status, last_failure=_or(lambda: last_failure(surroundings, region, group), {}, unknown))
    return replace(status, unknown=tuple(unknown))


def _or(find: Callable[[], T], otherwise: T, unknown: list[str]) -> T:
    try:
        return find()
    except AskFailed as failure:
        unknown.append(failure.diagnostics())
        return otherwise


def _configuration(stack: Stack, template: MacroTemplate) -> Mapping[str, str]:
    declared = {name: rule for name, rule in template.parameters.items() if name not in OWN}
    known = {name: value for name, value in stack.parameters.items() if name in declared}
    choices = choose(declared, {}, known, {})
    return {choice.name: choice.value for choice in choices if choice.changed}


def _with_function(surroundings: Surroundings, stack: Stack, status: RegionStatus) -> RegionStatus:
    name = stack.outputs.get("FunctionName")
    if not name:
        return status

    def ask(qualifier: str) -> dict[str, Any]:
        return surroundings.asker.ask(
            "lambda", status.region, "get_function_configuration", FunctionName=name, Qualifier=qualifier
        )

    try:
        alias = surroundings.asker.ask("lambda", status.region, "get_alias", FunctionName=name, Name=_ALIAS)
        acting, latest = ask(alias["FunctionVersion"]), ask(LATEST)
    except AskFailed as failure:
        if failure.code != "ResourceNotFoundException":
            raise
        return replace(status, function={"name": name, "state": GONE, "reason": failure.text})
    sha256 = sha256_of(acting)
    function = {
        "name": name,
        "state": str(acting.get("State", "Active")),
        "last update": str(latest.get("LastUpdateStatus", "Successful")),
        "version": str(acting.get("Version", "")),
    }
    reason = acting.get("StateReason") or latest.get("LastUpdateStatusReason")
    return replace(
        status,
        package=sha256 or status.package,
        function=function | ({"reason": str(reason)} if reason else {}),
        drift=parted(acting, latest),
        tampered=not is_of(stack.parameters.get("CodeKey", ""), sha256),
    )


def _alarms(surroundings: Surroundings, region: str, stack: Stack) -> Mapping[str, str]:
    told = surroundings.asker.ask("cloudformation", region, "describe_stack_resources", StackName=stack.identifier)
    names = {
        one["PhysicalResourceId"]: one["LogicalResourceId"]
        for one in told["StackResources"]
        if one["ResourceType"] == _ALARM and one.get("PhysicalResourceId")
    }
    if not names:
        return {}
    alarms = surroundings.asker.ask("cloudwatch", region, "describe_alarms", AlarmNames=sorted(names))
    return {names[one["AlarmName"]]: one["StateValue"] for one in alarms.get("MetricAlarms", ())}
