"""Parameter values: which are refused, which are kept, and the revision that follows from them."""

from __future__ import annotations

import pytest

from image_pinner.cli.deployment.parameters import (
    MAX_TEMPLATE_BYTES,
    SET_BY_COMMAND,
    ParameterValue,
    Template,
    ValueSource,
    changed_settings,
    compute_revision,
    read_template,
    resolve_parameters,
    to_request,
    validate_parameters,
)
from image_pinner.core.errors import ConfigurationError
from support.deployment.scene import for_organization, template

DECLARED = {"A": {"Type": "String", "Default": "a"}, "N": {"Type": "Number", "Default": 5}, "B": {"Type": "String"}}
UNIT = "ou-abcd-12345678"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Pni": "All"}, "the template declares no parameter 'Pni' (did you mean 'Pin'?)"),
        ({"CodeKey": "x"}, "parameter 'CodeKey' is set by this command. pass --package"),
        ({"Revision": "x"}, "parameter 'Revision' is set by this command"),
        ({"Dashboard": "yes"}, "invalid value 'yes' for parameter 'Dashboard'. expected one of true, false"),
        ({"MacroName": "1x"}, "'1x' for parameter 'MacroName'. expected a letter, then letters"),
        ({"MemorySize": "much"}, "'much' for parameter 'MemorySize'. expected a number from 128 to 10240"),
        ({"MemorySize": "64"}, "'64' for parameter 'MemorySize'. expected a number from 128 to 10240"),
    ],
)
def test_a_value_that_the_template_does_not_accept_is_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        validate_parameters(template().parameters, given)
    assert words in f"{caught.value.cause}. {caught.value.help}"


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        ({"OrganizationalUnitIds": "production"}, False),
        ({"OrganizationalUnitIds": f"{UNIT},ou-1"}, False),
        ({"OrganizationalUnitIds": f"{UNIT},r-abcd"}, True),
        ({"Regions": "eu-central-1,europe"}, False),
        ({"Regions": "eu-central-1,us-gov-west-1"}, True),
        ({"CallAs": "SELF"}, False),
        ({"Retry": "1"}, False),
        ({"AutoDeployment": "false"}, True),
        ({"Pin": "All"}, True),
    ],
)
def test_each_value_of_a_list_is_validated(given: dict[str, str], accepted: bool) -> None:  # noqa: FBT001
    if accepted:
        validate_parameters(for_organization().parameters, given)
        return
    with pytest.raises(ConfigurationError):
        validate_parameters(for_organization().parameters, given)


def test_a_parameter_without_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="parameter 'B' has no value"):
        resolve_parameters(DECLARED, {}, {}, {})


def test_a_given_value_takes_precedence_over_the_previous_one() -> None:
    values = resolve_parameters(DECLARED, {"A": "given"}, {"A": "before", "N": "7", "Gone": "x"}, {"B": "own"})
    assert values == (
        ParameterValue("A", "given", ValueSource.OPTION, is_default=False),
        ParameterValue("N", "7", ValueSource.KEPT, is_default=False),
        ParameterValue("B", "own", ValueSource.COMMAND, is_default=False),
    )
    assert to_request(values) == [
        {"ParameterKey": "A", "ParameterValue": "given"},
        {"ParameterKey": "N", "UsePreviousValue": True},
        {"ParameterKey": "B", "ParameterValue": "own"},
    ]


def test_defaults_are_not_sent() -> None:
    values = resolve_parameters(DECLARED, {"B": "b"}, {}, {})
    assert [one.name for one in values if not one.is_default] == ["B"]
    assert to_request(values) == [{"ParameterKey": "B", "ParameterValue": "b"}]


def test_settings_of_a_stack_are_the_values_that_differ_from_the_default() -> None:
    deployed = {"Pin": "All", "Dashboard": "false", "CodeKey": "x", "Gone": "y"}
    assert changed_settings(template().parameters, deployed) == {"Pin": "All"}


def _revision(code: str = "c", **values: str) -> str:
    own = dict.fromkeys(SET_BY_COMMAND, "x") | {key: values.pop(key) for key in list(values) if key in SET_BY_COMMAND}
    return compute_revision(code, template(), resolve_parameters(template().parameters, values, {}, own))


def test_the_revision_changes_with_code_and_parameters_and_with_nothing_else() -> None:
    assert _revision() == _revision(CodeBucket="elsewhere", CodeKey="other", Revision="older")
    assert len({_revision(), _revision("d"), _revision(Pin="All"), _revision(MacroName="Other")}) == 4
    assert _revision(Pin="") == _revision()


def test_the_accounts_of_an_organization_do_not_change_the_revision() -> None:
    own = dict.fromkeys(SET_BY_COMMAND, "x")
    revisions = {
        compute_revision(
            "c",
            template(),
            resolve_parameters(
                for_organization().parameters, {"OrganizationalUnitIds": UNIT, "Regions": region}, {}, own
            ),
        )
        for region in ("eu-central-1", "us-east-1")
    }
    assert revisions == {_revision()}


def test_comments_in_the_template_do_not_change_the_revision() -> None:
    commented = read_template(template().text + "\n# A comment.\n", "macro.yaml", ())
    values = resolve_parameters(template().parameters, {}, {}, dict.fromkeys(SET_BY_COMMAND, "x"))
    assert compute_revision("c", commented, values) == compute_revision("c", template(), values)


@pytest.mark.parametrize("text", ["Resources: [", "Resources: {A: {Type: X}}", "#" * MAX_TEMPLATE_BYTES])
def test_a_template_that_cannot_be_installed_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_template(text if text.startswith("R") else template().text + text, "macro.yaml", {"MacroName"})


def test_a_role_with_a_name_of_its_own_needs_the_other_capability() -> None:
    named = Template("", {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x"}}}})
    assert named.capabilities == ["CAPABILITY_NAMED_IAM"]
    assert template().capabilities == ["CAPABILITY_IAM"]
    assert for_organization().capabilities == []
