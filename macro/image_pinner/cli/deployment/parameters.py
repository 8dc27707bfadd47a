"""The templates to deploy, their parameter values, and the revision that follows from them."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from types import MappingProxyType
from typing import Any

from image_pinner.cli.deployment.code import checkout
from image_pinner.cli.documents import read_source
from image_pinner.core.errors import ConfigurationError, ImagePinnerError
from image_pinner.settings import PREFIX, check_setting

Declarations = Mapping[str, Mapping[str, Any]]

MAX_TEMPLATE_BYTES = 51_200
"""The size limit of a template that is part of the request:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
ORGANIZATION_PARAMETERS = frozenset({"OrganizationalUnitIds", "Regions", "TemplateKey", "CallAs"})
"""The parameters that only the organization's template has."""
SET_BY_COMMAND = {
    "CodeBucket": "pass --bucket",
    "CodeKey": "pass --package",
    "CodeObjectVersion": "omit it: it is that of the uploaded package",
    "CodeSha256": "pass --package",
    "CodeBucketPerRegion": "pass --organization to install in many accounts",
    "Revision": "omit it: it is derived from the code and the parameters",
    "TemplateKey": "omit it: it is derived from the template",
    "CallAs": "omit it: it is derived from your account",
    "Retry": "omit it: it is set when an account has to be deployed again",
}
"""The parameters that the command sets, and what to do instead of setting them."""
_OPTIONS = {"OrganizationalUnitIds": "--organizational-unit"}
_MACRO_PARAMETERS = {"CodeBucket", "CodeKey", "CodeSha256", "MacroName", "Revision"}
_IAM_NAMES = {"RoleName", "ManagedPolicyName", "GroupName", "UserName", "InstanceProfileName"}
_REVISION_LENGTH = 12
_REINSTALL = "reinstall it: pip install --force-reinstall image-pinner"


@dataclass(frozen=True, slots=True)
class Template:
    """A CloudFormation template: its text as it is sent, and its content."""

    text: str
    tree: Mapping[str, Any]

    @property
    def parameters(self) -> Declarations:
        """The declarations of its parameters."""
        declared: Declarations = self.tree.get("Parameters", {})
        return declared

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the function, as environment variables, by the parameters that set them."""
        function = self.tree["Resources"]["Function"]["Properties"]
        variables = function["Environment"]["Variables"].items()
        return {
            name: variable
            for variable, value in variables
            if variable.startswith(PREFIX)
            for name in self.parameters
            if {"Ref": name} in (value, *value.get("Fn::If", ()))
        }

    @property
    def capabilities(self) -> list[str]:
        """The capabilities that CloudFormation requires for it.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
        """
        iam = [one for one in self.tree["Resources"].values() if str(one.get("Type")).startswith("AWS::IAM::")]
        named = any(_IAM_NAMES & set(one.get("Properties") or {}) for one in iam)
        return ["CAPABILITY_NAMED_IAM"] if named else ["CAPABILITY_IAM"] if iam else []


def macro_template() -> Template:
    """Read deploy/macro.yaml, which installs the macro in one account and region."""
    return _read_deployed("macro.yaml", _MACRO_PARAMETERS | {"CodeBucketPerRegion", "CodeObjectVersion"})


def organization_template() -> Template:
    """Read deploy/organization.yaml, which installs the macro in the accounts of an organization."""
    return _read_deployed("organization.yaml", _MACRO_PARAMETERS | ORGANIZATION_PARAMETERS)


def _read_deployed(name: str, required: Iterable[str]) -> Template:
    root = checkout()
    path = root / "deploy" / name if root else resources.files(__package__) / name
    if not path.is_file():
        raise ConfigurationError(f"template {path} is missing", _REINSTALL)
    return read_template(path.read_text(encoding="utf-8"), name, required)


def read_template(text: str, name: str, required: Iterable[str]) -> Template:
    """Read a template; raise `ConfigurationError` if it lacks a required parameter or is too large."""
    try:
        tree = read_source(text.encode(), name).tree
    except ImagePinnerError as error:
        raise ConfigurationError(error.cause, _REINSTALL) from error
    missing = set(required) - set(tree.get("Parameters", {}))
    if missing:
        raise ConfigurationError(f"template {name} declares no parameter {min(missing)!r}", _REINSTALL)
    if len(text.encode()) > MAX_TEMPLATE_BYTES:
        raise ConfigurationError(f"template {name} is larger than {MAX_TEMPLATE_BYTES:,} bytes", _REINSTALL)
    return Template(text, tree)


class ValueSource(Enum):
    """Where a parameter value comes from."""

    OPTION = "from the command line"
    KEPT = "kept"
    DEFAULT = "default"
    COMMAND = "set by this command"


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """The value of a template parameter; `is_default` means that it equals the template's default."""

    name: str
    value: str
    source: ValueSource
    is_default: bool

    def __str__(self) -> str:
        return f"{self.name} = {self.value} ({self.source.value})"


def validate_parameters(
    declared: Declarations, given: Mapping[str, str], settings: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Check values before anything is created.

    Args:
        declared: The declarations of the template.
        given: The values, by parameter.
        settings: The settings of the function, by the parameters that set them. See `Template.settings`.

    Raises:
        ConfigurationError: The template, or the function, does not accept a value.
    """
    for name, value in given.items():
        if name in SET_BY_COMMAND:
            raise ConfigurationError(f"parameter {name!r} is set by this command", SET_BY_COMMAND[name])
        if name not in declared:
            close = difflib.get_close_matches(name, declared, 1)
            known = f"available parameters: {', '.join(sorted(set(declared) - set(SET_BY_COMMAND)))}"
            raise ConfigurationError(
                f"the template declares no parameter {name!r}{f' (did you mean {close[0]!r}?)' if close else ''}", known
            )
        expected = _expected_instead(declared[name], value)
        if expected:
            raise ConfigurationError(f"invalid value {value!r} for parameter {name!r}", f"expected {expected}")
        if name in settings and value.strip():
            _check_setting(settings[name], name, value.strip())


def _check_setting(variable: str, name: str, value: str) -> None:
    try:
        check_setting(variable, value)
    except ConfigurationError as error:
        raise ConfigurationError(f"invalid value {value!r} for parameter {name!r}", error.help) from None


def resolve_parameters(
    declared: Declarations, given: Mapping[str, str], previous: Mapping[str, str], own: Mapping[str, str]
) -> tuple[ParameterValue, ...]:
    """Return a value for each parameter, in the template's order.

    `own` are the values that the command sets, `given` those of the user, `previous` those of the deployed stack; the
    first that has a value takes precedence, then the template's default. Raises `ConfigurationError` if there is none.
    """
    return tuple(_resolve(name, rule, given, previous, own) for name, rule in declared.items())


def to_request(values: Iterable[ParameterValue]) -> list[dict[str, Any]]:
    """Return the parameters as a request has them; a value that is kept is not repeated.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
    """
    sent: list[dict[str, Any]] = []
    for one in values:
        if one.source is ValueSource.KEPT:
            sent.append({"ParameterKey": one.name, "UsePreviousValue": True})
        elif one.source is not ValueSource.DEFAULT:
            sent.append({"ParameterKey": one.name, "ParameterValue": one.value})
    return sent


def compute_revision(code_sha256: str, macro: Template, values: Iterable[ParameterValue]) -> str:
    """Return hexadecimal digits that change exactly when what the macro does may change.

    Comments in the template do not count, and neither does where the code is stored: its hash identifies it.
    """
    counted = {one.name: one.value for one in values if one.name in macro.parameters and one.name not in SET_BY_COMMAND}
    content = json.dumps([code_sha256, macro.tree, counted], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:_REVISION_LENGTH]


def changed_settings(declared: Declarations, values: Mapping[str, str]) -> dict[str, str]:
    """Return those values of a deployed stack that the user has set to something else than the default."""
    settings = {name: rule for name, rule in declared.items() if name not in SET_BY_COMMAND}
    return {
        name: values[name]
        for name, rule in settings.items()
        if name in values and values[name] != (_text(rule["Default"]) if "Default" in rule else None)
    }


def _resolve(
    name: str, rule: Mapping[str, Any], given: Mapping[str, str], previous: Mapping[str, str], own: Mapping[str, str]
) -> ParameterValue:
    default = _text(rule["Default"]) if "Default" in rule else None
    for values, source in ((own, ValueSource.COMMAND), (given, ValueSource.OPTION), (previous, ValueSource.KEPT)):
        if name in values:
            return ParameterValue(name, values[name], source, values[name] == default)
    if default is None:
        option = _OPTIONS.get(name, f"--parameter {name}=VALUE")
        raise ConfigurationError(f"parameter {name!r} has no value", f"pass {option}")
    return ParameterValue(name, default, ValueSource.DEFAULT, is_default=True)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _expected_instead(rule: Mapping[str, Any], value: str) -> str:
    """Return what the template accepts, or an empty string if it accepts the value."""
    allowed = [_text(one) for one in rule.get("AllowedValues", ())]
    if allowed and value not in allowed:
        return "one of " + ", ".join(one or "(empty)" for one in allowed)
    # CloudFormation matches the pattern with each value of a list.
    parts = value.split(",") if rule.get("Type") == "CommaDelimitedList" else [value]
    if "AllowedPattern" in rule and not all(re.fullmatch(rule["AllowedPattern"], part, re.ASCII) for part in parts):
        return str(rule.get("ConstraintDescription") or f"a value that matches {rule['AllowedPattern']}")
    if rule.get("Type") == "Number":
        least, most = float(rule.get("MinValue", "-inf")), float(rule.get("MaxValue", "inf"))
        number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value, re.ASCII)
        if not number or not least <= float(value) <= most:
            return f"a number from {rule['MinValue']} to {rule['MaxValue']}" if "MaxValue" in rule else "a number"
    return ""
