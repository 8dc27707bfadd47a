"""The status of an installed macro: stack, function, alarms, last failure, and accounts of an organization."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from image_pinner.cli.deployment.aws import AwsApiError
from image_pinner.cli.deployment.configuration import (
    LATEST,
    Configuration,
    explain_unknown_variables,
    find_configuration_error,
    find_drift,
    read_installed_configuration,
)
from image_pinner.cli.deployment.organization import StackInstance, list_stack_instances
from image_pinner.cli.deployment.parameters import Template, changed_settings
from image_pinner.cli.deployment.probe import REQUEST_ID, ProbeAnswer, probe_function
from image_pinner.cli.deployment.session import DeploymentSession
from image_pinner.cli.deployment.stacks import Stack, find_stack
from image_pinner.core.errors import ConfigurationError
from image_pinner.sources.aws.errors import cleaned

STATUS_VERSION = 2
"""Raised when a field of the JSON changes its meaning or is removed; new fields alone do not raise it."""
DELETED = "Deleted"
"""The state of a function or alias that does not exist although its stack does; Lambda has no word for it."""
_HEALTHY_STACK = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
_BROKEN_FUNCTION = {"Failed", DELETED}  # https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
_ALARM = "AWS::CloudWatch::Alarm"
_FIRES = "ALARM"  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
_ALIAS = "live"
# FilterLogEvents starts with the oldest event, so short periods are searched first.
_SEARCHED_SECONDS = (3600, 86_400, 30 * 86_400)
_MAX_PAGES = 20
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
_FAILURES = f'{{ ($.status = "failure") && (($.requestId NOT EXISTS) || ($.requestId != "{REQUEST_ID}")) }}'
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InstallationStatus:
    """What is installed in a region; without `stack_status` nothing is.

    `package` is the SHA-256 of the code that runs, or its beginning; `configuration` has the parameters that differ
    from the default; `configuration_error` is why every template fails with the function's settings; `drift` is in what
    the running version differs from the stack or from `$LATEST`; `tampered` means that the code is not the code of the
    stack; `probes` are the answers to synthetic events, if any were sent; `instances` are the accounts and regions of
    an organization, `None` for the macro of one account; `unknown` explains what could not be found out.
    """

    region: str
    stack: str
    stack_status: str = ""
    stack_reason: str = ""
    macro: str = ""
    version: str = ""
    package: str = ""
    function: Mapping[str, str] = field(default_factory=dict)
    configuration: Mapping[str, str] = field(default_factory=dict)
    configuration_error: str = ""
    drift: tuple[str, ...] = ()
    tampered: bool = False
    alarms: Mapping[str, str] = field(default_factory=dict)
    last_failure: Mapping[str, str] = field(default_factory=dict)
    probes: tuple[ProbeAnswer, ...] = ()
    instances: tuple[StackInstance, ...] | None = None
    unknown: tuple[str, ...] = ()

    @property
    def not_current(self) -> tuple[StackInstance, ...]:
        """The accounts and regions that do not have what the stack set installs."""
        return tuple(one for one in self.instances or () if not one.is_current)

    @property
    def healthy(self) -> bool:
        """Whether templates can be deployed with what was installed, and no alarm fires, as far as this shows."""
        broken = self.tampered or self.drift or self.configuration_error or _FIRES in self.alarms.values()
        function_works = not broken and self.function.get("state") not in _BROKEN_FUNCTION
        answers = all(probe.expected for probe in self.probes)
        deployed = self.instances is None or (bool(self.instances) and not self.not_current)
        return self.stack_status in _HEALTHY_STACK and function_works and answers and deployed

    def to_json(self) -> dict[str, Any]:
        """Return the status as JSON values."""
        return {
            "region": self.region,
            "healthy": self.healthy,
            "stack": self.stack,
            "stack_status": self.stack_status or None,
            "stack_reason": self.stack_reason or None,
            "macro": self.macro or None,
            "version": self.version or None,
            "package": self.package or None,
            "function": dict(self.function) or None,
            "configuration": dict(self.configuration),
            "configuration_error": self.configuration_error or None,
            "drift": list(self.drift),
            "tampered": self.tampered,
            "alarms": dict(self.alarms),
            "last_failure": dict(self.last_failure) or None,
            "probes": [probe.to_json() for probe in self.probes],
            "instances": None if self.instances is None else [one.to_json() for one in self.instances],
            "unknown": list(self.unknown),
        }

    def lines(self, own_version: str) -> Iterator[str]:
        """Yield the status as lines; `own_version` is the version of this command."""
        if not self.stack_status:
            yield f"{self.region}: not installed: there is no stack {self.stack}"
            yield f"  help: run image-pinner install --region {self.region}"
            return
        reason = f": {self.stack_reason}" if self.stack_reason else ""
        yield f"{self.region}: stack {self.stack} is in {self.stack_status}{reason}"
        other = f" (this command is {own_version})" if self.version and self.version != own_version else ""
        yield f"  macro {self.macro}, ImagePinner {self.version or 'of unknown version'}{other}"
        if self.package:
            yield f"  package {self.package}"
        if self.function:
            yield f"  function {', '.join(f'{name} {value}' for name, value in self.function.items())}"
        if self.tampered:
            yield "  WARNING: the function's code is not the code that the stack installed"
        if self.drift:
            yield f"  WARNING: the function that runs is not what the stack installed: {', '.join(self.drift)}"
        if self.configuration_error:
            yield f"  WARNING: every template fails: {self.configuration_error}"
        yield from (f"  {name} = {value}" for name, value in self.configuration.items())
        yield from (f"  alarm {name}: {state}" for name, state in self.alarms.items())
        if self.last_failure:
            yield f"  last failure {self.last_failure['time']}: {self.last_failure['message']}"
        yield from (f"  {probe}" for probe in self.probes)
        yield from self._instance_lines()
        yield from (f"  unknown: {one}" for one in self.unknown)

    def _instance_lines(self) -> Iterator[str]:
        if self.instances is None:
            return
        total, behind = len(self.instances), len(self.not_current)
        if behind:
            yield f"  WARNING: {behind} of {total} accounts and regions are not current"
        else:
            yield f"  {total} accounts and regions, all current" if total else "  no accounts known"
        yield from (f"  {one}" for one in self.instances)


def read_status(
    session: DeploymentSession, region: str, stack_name: str, template: Template, *, probe: bool = False
) -> InstallationStatus:
    """Find out what is installed in a region; what cannot be found out does not hide the rest.

    `template` is this command's own, for the parameters' defaults; `probe` also invokes the function. Raises
    `AwsApiError` if not even the stack can be described.
    """
    session.api.identify(region)
    stack = find_stack(session.api, region, stack_name)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return InstallationStatus(region, stack_name)
    version, package = parse_code_key(stack.parameters.get("CodeKey", ""))
    status = InstallationStatus(
        region,
        stack_name,
        stack.status,
        stack.reason,
        stack.parameters.get("MacroName", ""),
        version,
        package,
        configuration=changed_settings(template.parameters, stack.parameters),
    )
    unknown: list[str] = []
    if stack.for_organization:
        none: tuple[StackInstance, ...] = ()
        instances = _or_unknown(lambda: list_stack_instances(session.api, region, stack), none, unknown)
        return replace(status, instances=instances, unknown=tuple(unknown))
    nothing: Configuration | None = None
    installed = _or_unknown(lambda: read_installed_configuration(session.api, region, stack), nothing, unknown)
    status = _or_unknown(lambda: _with_function(session, stack, status, installed), status, unknown)
    status = replace(status, alarms=_or_unknown(lambda: _read_alarms(session, region, stack), {}, unknown))
    group = stack.outputs.get("LogGroupName")
    if group:
        no_failure: Mapping[str, str] = {}
        failure = _or_unknown(lambda: find_last_failure(session, region, group), no_failure, unknown)
        status = replace(status, last_failure=failure)
    if probe and (name := stack.outputs.get("FunctionName")):
        account = stack.identifier.split(":")[4]
        status = replace(status, probes=tuple(probe_function(session.api, region, account, status.macro, name)))
    return replace(status, unknown=(*status.unknown, *unknown))


def read_sha256(configuration: Mapping[str, Any]) -> str:
    """Return the `CodeSha256` of a function or of a stack as hexadecimal digits, or an empty string if it has none."""
    try:
        return base64.b64decode(str(configuration.get("CodeSha256", "")), validate=True).hex()
    except binascii.Error:
        return ""


def matches_stack(parameters: Mapping[str, str], sha256: str) -> bool:
    """Return whether code is what a stack names by its hash; a stack without a hash may have it in the key."""
    bound = read_sha256(parameters)
    return not sha256 or sha256 == bound if bound else matches_code_key(parameters.get("CodeKey", ""), sha256)


def matches_code_key(key: str, sha256: str) -> bool:
    """Return whether code is what our key names: a principal that may update the function can replace its code.

    A key that this program did not create contains no hash and matches everything.
    """
    _, expected = parse_code_key(key)
    return not expected or not sha256 or sha256.startswith(expected)


def parse_code_key(key: str) -> tuple[str, str]:
    """Split `image-pinner/<version>/<hash>.zip` into version and hash; both are empty for any other key."""
    match key.split("/"):
        case ["image-pinner", version, name]:
            return version, name.removesuffix(".zip")
    return "", ""


def find_last_failure(session: DeploymentSession, region: str, group: str) -> Mapping[str, str]:
    """Return `time` and `message` of the last failure that a log group has of the past thirty days, or nothing."""
    now = session.now()
    for seconds in _SEARCHED_SECONDS:
        pages = session.api.pages(
            "logs",
            region,
            "filter_log_events",
            logGroupName=group,
            filterPattern=_FAILURES,
            startTime=round((now - seconds) * 1000),
        )
        events = [event for page in islice(pages, _MAX_PAGES) for event in page["events"]]
        if events:
            last = max(events, key=lambda event: int(event["timestamp"]))
            time = datetime.fromtimestamp(last["timestamp"] / 1000, UTC).isoformat(timespec="seconds")
            return {"time": time, "message": describe_record(last["message"])}
    return {}


def describe_record(record: str) -> str:
    """Return what went wrong according to a log record: the first problem, the error, or the record itself."""
    try:
        content = json.loads(record)
    except ValueError:
        return cleaned(record)
    if not isinstance(content, dict):
        return cleaned(record)
    problems = content.get("problems")
    if isinstance(problems, list) and problems and isinstance(problems[0], dict):
        more = f" (+{len(problems) - 1} more)" if len(problems) > 1 else ""
        return f"{_describe_problem(problems[0])}{more}"
    if "exception" in content:
        return f"internal error in ImagePinner ({cleaned(str(content['exception']))})"
    return _describe_problem(content) or cleaned(record)


def _describe_problem(problem: Mapping[str, Any]) -> str:
    parts = [str(problem.get(name) or "") for name in ("path", "cause", "help")]
    return ": ".join(cleaned(part) for part in parts if part)


def _or_unknown(find: Callable[[], T], otherwise: T, unknown: list[str]) -> T:
    try:
        return find()
    except (AwsApiError, ConfigurationError) as error:
        unknown.append(error.cause)
        return otherwise


def _with_function(
    session: DeploymentSession, stack: Stack, status: InstallationStatus, installed: Configuration | None
) -> InstallationStatus:
    name = stack.outputs.get("FunctionName")
    if not name:
        return status

    def configuration(qualifier: str) -> dict[str, Any]:
        return session.api.call(
            "lambda", status.region, "get_function_configuration", FunctionName=name, Qualifier=qualifier
        )

    try:
        alias = session.api.call("lambda", status.region, "get_alias", FunctionName=name, Name=_ALIAS)
        running, latest = configuration(alias["FunctionVersion"]), configuration(LATEST)
    except AwsApiError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return replace(status, function={"name": name, "state": DELETED, "reason": error.text})
    sha256 = read_sha256(running)
    function = {
        "name": name,
        "state": str(running.get("State", "Active")),
        "last update": str(latest.get("LastUpdateStatus", "Successful")),
        "version": str(running.get("Version", "")),
    }
    reason = running.get("StateReason") or latest.get("LastUpdateStatusReason")
    return replace(
        status,
        package=sha256 or status.package,
        function=function | ({"reason": str(reason)} if reason else {}),
        configuration_error=find_configuration_error(running, status.version),
        drift=(*find_drift(running, latest, installed), *(["alias"] if _is_moved(alias, stack) else [])),
        unknown=explain_unknown_variables(running),
        tampered=not matches_stack(stack.parameters, sha256),
    )


def _is_moved(alias: Mapping[str, Any], stack: Stack) -> bool:
    """Return whether an alias points to another version than the stack set, or also to another one."""
    more = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
    return bool(more) or alias["FunctionVersion"] != stack.outputs.get("Version", alias["FunctionVersion"])


def _read_alarms(session: DeploymentSession, region: str, stack: Stack) -> Mapping[str, str]:
    response = session.api.call("cloudformation", region, "describe_stack_resources", StackName=stack.identifier)
    names = {
        one["PhysicalResourceId"]: one["LogicalResourceId"]
        for one in response["StackResources"]
        if one["ResourceType"] == _ALARM and one.get("PhysicalResourceId")
    }
    if not names:
        return {}
    alarms = session.api.call("cloudwatch", region, "describe_alarms", AlarmNames=sorted(names))
    return {names[one["AlarmName"]]: one["StateValue"] for one in alarms.get("MetricAlarms", ())}
