"""deploy/macro.yaml has a parameter for every setting."""

from __future__ import annotations

import re

import pytest

from deploy.installed import Installed, template
from image_pinner.cli.deployment.parameters import macro_template, validate_parameters
from image_pinner.core.deployed import StatePattern
from image_pinner.core.errors import ConfigurationError
from image_pinner.settings import SETTING_RULES, Settings

ENVIRONMENT = template()["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
# Parameters with another name than their setting: the function has a timeout too, and only the name of a bus is
# accepted, since the policy of the role is for a bus of the same account and region.
_SCOPE = "IMAGE_PINNER_STATE_SCOPE"
OTHERWISE_NAMED = {"IMAGE_PINNER_TIMEOUT": "LookupTimeout", "IMAGE_PINNER_EVENT_BUS": "EventBusName"}


def _parameter(variable: str) -> str:
    words = variable.removeprefix("IMAGE_PINNER_").split("_")
    return OTHERWISE_NAMED.get(variable) or "".join(word.capitalize() for word in words)


def _variables() -> list[str]:
    return [rule.variable for rule in SETTING_RULES]


def _read(parameters: dict[str, str]) -> Settings:
    return Settings.from_environment(Installed(parameters).properties("Function")["Environment"]["Variables"])


def test_an_invalid_value_of_a_setting_is_reported_by_the_function() -> None:
    with pytest.raises(ConfigurationError, match="IMAGE_PINNER_MIRRORS"):
        _read({"Mirrors": "no mirror"})


def test_every_setting_has_a_parameter_and_every_variable_is_a_setting() -> None:
    parameters = {rule.variable: {"Ref": _parameter(rule.variable)} for rule in SETTING_RULES}
    parameters[_SCOPE] = {"Fn::If": ["KeepsDeployed", parameters[_SCOPE], ""]}
    assert parameters == {name: value for name, value in ENVIRONMENT.items() if name.startswith("IMAGE_PINNER_")}


def test_templates_can_keep_deployed_images_only_with_the_permission() -> None:
    assert _read({"StateScope": "stack:*; service:*"}).state_scope == ()
    assert _read({"KeepDeployed": "true"}).state_scope == (StatePattern("stack", "*"),)


def test_a_setting_is_not_set_by_default() -> None:
    settled = {"MacroName", "MetricsNamespace", "StateScope"}
    defaults = {name: template()["Parameters"][name]["Default"] for name in map(_parameter, _variables())}
    assert {name for name, default in defaults.items() if default} == settled
    assert _read({}) == Settings()


def test_the_name_of_the_macro_is_a_setting_of_the_function() -> None:
    assert _read({"MacroName": "ImagePinner-v2"}).macro_name == "ImagePinner-v2"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (name, value)
        for name in sorted(map(_parameter, _variables()))
        for value in template()["Parameters"][name].get("AllowedValues", [])
    ],
)
def test_the_function_accepts_every_value_that_the_template_allows(parameter: str, value: str) -> None:
    _read({parameter: value})


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("Pin", "All"),
        ("Platform", "linux/arm64"),
        ("ImagePaths", "$.Resources.*.Properties.Image"),
        ("Credentials", "ghcr.io=ssm:/logins/ghcr; docker.io=arn:aws:ssm:eu-central-1:111122223333:parameter/hub"),
        ("TemplateCredentials", "docker.io=arn:aws:secretsmanager:*:111122223333:secret:hub-*"),
        ("EcrRoles", "444455556666=arn:aws:iam::444455556666:role/pin-reader shop-pins"),
        ("Mirrors", "docker.io=mirror.example:5000/hub; *=mirror.example"),
        ("MeteredRegistries", "none"),
        ("InsecureRegistries", "registry.example:5000"),
        ("TokenServices", "auth.example"),
        ("CaBundles", "registry.example=/opt/authority.pem"),
        ("LookupTimeout", "45.5"),
        ("HostTimeout", "10"),
        ("Workers", "32"),
        ("MaxImages", "2000"),
        ("MaxRepositories", "100"),
        ("MaxRegistries", "5"),
        ("MaxValues", "10000"),
        ("ExtraRegions", "eu-new-1; us-new-2"),
        ("SnippetParameters", "WebTag; ProxyTag"),
        ("Gates", "repositories.allow=ghcr.io/*; age.minimum=3d; age.mode=warn"),
        ("GatesParameter", "/image-pinner/gates"),
        ("ExceptionProcess", "write to the platform team"),
        ("DenialEvents", "true"),
        ("MetricsNamespace", "none"),
        ("EventBusName", "default"),
    ],
)
def test_a_parameter_sets_its_variable(parameter: str, value: str) -> None:
    validate_parameters(template()["Parameters"], {parameter: value})
    assert _read({parameter: value}) != Settings()


def test_descriptions_name_the_actual_defaults() -> None:
    descriptions = {rule: template()["Parameters"][_parameter(rule.variable)]["Description"] for rule in SETTING_RULES}
    documented = {
        rule: found[1] for rule, text in descriptions.items() if (found := re.search(r"Empty is (\S+?)\.( |$)", text))
    }
    assert len(documented) > 5
    assert documented == {rule: rule.values.split(",")[0].strip("`") for rule in documented}


def test_the_lookup_timeout_is_below_that_of_the_function() -> None:
    assert Settings().timeout < template()["Parameters"]["Timeout"]["Default"]


WRONG = {
    "MacroName": ("1st", "a b"),
    "Pin": ("all", "Skip", "web,proxy"),
    "Platform": ("linux", "linux/arm 64", "any"),
    "WhenMissing": ("fail",),
    "WhenMoved": ("Ignore",),
    "Record": ("label",),
    "UnsafeImplicitLatest": ("yes",),
    "PullThrough": ("1",),
    "Credentials": ("docker.io", "docker.io=hub"),
    "TemplateCredentials": ("docker.io=hub", "docker.io"),
    "EcrRoles": ("4444=arn:aws:iam::444455556666:role/x", "444455556666"),
    "Mirrors": ("docker.io", "docker.io=user@mirror.example"),
    "MeteredRegistries": ("https://docker.io",),
    "InsecureRegistries": ("http://localhost:5000", "a b"),
    "TokenServices": ("https://auth.example/token",),
    "CaBundles": ("registry.example",),
    "LookupTimeout": ("0", "901", "900.5", "soon"),
    "HostTimeout": ("0.5", "1000"),
    "Workers": ("0", "65", "-1"),
    "MaxImages": ("0", "10001"),
    "MaxRepositories": ("0", "10001"),
    "MaxRegistries": ("0", "10001"),
    "MaxValues": ("0", "10001"),
    "ExtraRegions": ("Europe", "eu-west"),
    "SnippetParameters": ("Web-Tag",),
    "StateScope": ("shop", "stacks:a"),
    "GatesParameter": ("gates", "/a b", "/", "arn:aws:ssm:eu-west-1:111122223333:parameter/gates", "/gates*"),
    "DenialEvents": ("yes",),
    "MetricsNamespace": ("AWS/Lambda",),
    "EventBusName": ("a bus",),
}


@pytest.mark.parametrize(("parameter", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_the_function_and_the_template_refuse_a_wrong_value(parameter: str, value: str) -> None:
    declared = template()["Parameters"]
    with pytest.raises(ConfigurationError, match="invalid IMAGE_PINNER_"):
        _read({parameter: value, "KeepDeployed": "true"})
    with pytest.raises(ConfigurationError, match=f"for parameter '{parameter}'"):
        validate_parameters(declared, {parameter: value})


def test_the_installer_checks_what_only_the_function_can() -> None:
    macro = macro_template()
    with pytest.raises(ConfigurationError, match="for parameter 'ImagePaths'") as caught:
        validate_parameters(macro.parameters, {"ImagePaths": "$.Resources["}, macro.settings)
    assert caught.value.help.startswith("write JSONPath expressions")
    assert macro.settings == {_parameter(variable): variable for variable in _variables()}
