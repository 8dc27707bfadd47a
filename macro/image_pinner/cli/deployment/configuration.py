"""The configuration that the function runs with: whether it is valid, and whether it drifted from its stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from image_pinner import __version__
from image_pinner.cli.deployment.aws import AwsApi
from image_pinner.cli.deployment.parameters import Template, read_template
from image_pinner.cli.deployment.stacks import Stack
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known
from image_pinner.settings import SETTING_RULES, Settings
from image_pinner.sources.aws.errors import cleaned

Configuration = Mapping[str, Any]
"""A response of GetFunctionConfiguration, or what is known of one."""

LATEST = "$LATEST"
_COMPARED = {
    "CodeSha256": "code",
    "MemorySize": "memory",
    "Timeout": "timeout",
    "Runtime": "runtime",
    "Handler": "handler",
    "Role": "role",
}
_UNKNOWN_ENVIRONMENT: Mapping[str, Any] = {"Error": {}}


def read_installed_configuration(api: AwsApi, region: str, stack: Stack) -> Configuration:
    """Return the configuration that a stack installed, by the template that it was deployed with.

    Raises `AwsApiError` if the template cannot be read, and `ConfigurationError` if it is not valid.
    """
    response = api.call("cloudformation", region, "get_template", StackName=stack.identifier, TemplateStage="Original")
    body = response.get("TemplateBody", {})
    template = read_template(body if isinstance(body, str) else json.dumps(body), f"of stack {stack.name}", ())
    evaluated = evaluate_configuration(template, stack.parameters, region, stack.identifier.split(":")[4])
    role = stack.outputs.get("RoleArn")
    return {**evaluated, "Role": role} if role else evaluated


def evaluate_configuration(
    template: Template, parameters: Mapping[str, str], region: str, account: str
) -> Configuration:
    """Return the configuration of the function in a template, as far as it does not depend on other resources."""
    function = template.tree.get("Resources", {}).get("Function", {})
    properties = function.get("Properties", {})
    scope = Scope.of_template(dict(template.tree), parameters, region=region, account_id=account)
    outcomes = {name: evaluate(expression, scope) for name, expression in properties.items()}
    known = {name: outcome.value for name, outcome in outcomes.items() if isinstance(outcome, Known)}
    found = {name: known[name] for name in _COMPARED if name in known}
    layers = [{"Arn": arn} for arn in known.get("Layers") or ()]
    return {**found, "Layers": layers, "Environment": known.get("Environment", _UNKNOWN_ENVIRONMENT)}


def find_drift(running: Configuration, latest: Configuration, installed: Configuration | None) -> tuple[str, ...]:
    """Return in what the running version differs from `$LATEST` and from what the stack installed.

    Args:
        running: The configuration of the version that the macro calls.
        latest: That of `$LATEST`, which a change of the function changes first.
        installed: That of the stack, or `None` if it is unknown.
    """
    found = () if running.get("Version") == LATEST else _differences(running, latest, _COMPARED)
    if installed is not None:
        words = {name: word for name, word in _COMPARED.items() if name in installed}
        found = (*found, *_differences(running, installed, words))
    return tuple(dict.fromkeys(found))


def find_configuration_error(running: Configuration, version: str) -> str:
    """Return why every template fails with the settings of a function, or an empty string.

    Args:
        running: The configuration of the version that the macro calls.
        version: The version of ImagePinner that it runs. Only the same version knows all of its settings.
    """
    known = {rule.variable for rule in SETTING_RULES}
    variables = _variables(running)
    try:
        Settings.from_environment(
            variables if version == __version__ else {name: variables[name] for name in variables.keys() & known}
        )
    except ConfigurationError as error:
        return error.diagnostics()
    return ""


def explain_unknown_variables(running: Configuration) -> tuple[str, ...]:
    """Return why Lambda does not show the environment variables, if it does not: the caller may not use their key."""
    error = (running.get("Environment") or {}).get("Error")
    return (f"environment variables of the function: {cleaned(str(error.get('Message')))}",) if error else ()


def _differences(running: Configuration, other: Configuration, words: Mapping[str, str]) -> tuple[str, ...]:
    # A parameter of a stack is text, also the value of a number.
    found = [word for name, word in words.items() if str(running.get(name)) != str(other.get(name))]
    if not any("Error" in (one.get("Environment") or {}) for one in (running, other)):
        ours, theirs = _variables(running), _variables(other)
        found += sorted(name for name in {*ours, *theirs} if ours.get(name, "") != theirs.get(name, ""))
    if _layers(running) != _layers(other):
        found.append("layers")
    return tuple(found)


def _variables(configuration: Configuration) -> Mapping[str, str]:
    variables: Mapping[str, str] = (configuration.get("Environment") or {}).get("Variables") or {}
    return variables


def _layers(configuration: Configuration) -> list[Any]:
    return [layer.get("Arn") for layer in configuration.get("Layers") or ()]
