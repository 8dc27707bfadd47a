"""The parameters' values: which are refused, which are kept, and what the revision makes of them."""

from __future__ import annotations

import pytest

from image_pinner.cli.deployment.macro_template import MAX_BYTES, read_macro_template
from image_pinner.cli.deployment.parameter_choices import OWN, Choice, Origin, checked, choose, to_send
from image_pinner.cli.deployment.revision import revision_of
from image_pinner.core.errors import ConfigurationError
from unit.cli.deployment.installations import template

DECLARED = {"A": {"Type": "String", "Default": "a"}, "N": {"Type": "Number", "Default": 5}, "B": {"Type": "String"}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Pni": "All"}, "the template has no parameter Pni. Did you mean Pin?"),
        ({"CodeKey": "x"}, "the parameter CodeKey is set by this command. Give --package"),
        ({"Revision": "x"}, "the parameter Revision is set by this command"),
        ({"Dashboard": "yes"}, "the parameter Dashboard cannot be 'yes'. Write one of true, false"),
        ({"MacroName": "1x"}, "cannot be '1x'. Write a letter, then letters"),
        ({"MemorySize": "much"}, "cannot be 'much'. Write a number from 128 to 10240"),
        ({"MemorySize": "64"}, "cannot be '64'. Write a number from 128 to 10240"),
    ],
)
def test_a_value_that_the_template_does_not_take_is_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked(template().parameters, given)
    assert words in caught.value.diagnostics()


def test_a_parameter_without_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="the parameter B has no value"):
        choose(DECLARED, {}, {}, {})


def test_what_is_given_outweighs_what_was_there_before() -> None:
    choices = choose(DECLARED, {"A": "given"}, {"A": "before", "N": "7", "Gone": "x"}, {"B": "own"})
    assert choices == (
        Choice("A", "given", Origin.GIVEN, changed=True),
        Choice("N", "7", Origin.KEPT, changed=True),
        Choice("B", "own", Origin.OWN, changed=True),
    )
    assert to_send(choices) == [
        {"ParameterKey": "A", "ParameterValue": "given"},
        {"ParameterKey": "N", "UsePreviousValue": True},
        {"ParameterKey": "B", "ParameterValue": "own"},
    ]


def test_defaults_are_not_sent_and_do_not_count_as_changed() -> None:
    choices = choose(DECLARED, {"B": "b"}, {}, {})
    assert [choice.name for choice in choices if choice.changed] == ["B"]
    assert to_send(choices) == [{"ParameterKey": "B", "ParameterValue": "b"}]


def _revision(code: str = "c", **values: str) -> str:
    own = dict.fromkeys(OWN, "x") | {key: values.pop(key) for key in list(values) if key in OWN}
    return revision_of(code, template(), choose(template().parameters, values, {}, own))


def test_the_revision_moves_with_code_and_parameters_and_with_nothing_else() -> None:
    assert _revision() == _revision(CodeBucket="elsewhere", CodeKey="other", Revision="older")
    assert len({_revision(), _revision("d"), _revision(Pin="All"), _revision(MacroName="Other")}) == 4
    assert _revision(Pin="") == _revision()


def test_comments_in_the_template_do_not_move_the_revision() -> None:
    commented = read_macro_template(template().text + "\n# A comment.\n")
    choices = choose(template().parameters, {}, {}, dict.fromkeys(OWN, "x"))
    assert revision_of("c", commented, choices) == revision_of("c", template(), choices)


@pytest.mark.parametrize("text", ["Resources: [", "Resources: {A: {Type: X}}", "#" * MAX_BYTES])
def test_a_template_that_cannot_be_installed_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_macro_template(text if text.startswith("R") else template().text + text)


def test_a_role_with_a_name_of_its_own_needs_the_other_capability() -> None:
    named = template()._replace(tree={"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x"}}}})
    assert named.capabilities == ["CAPABILITY_NAMED_IAM"]
    assert template().capabilities == ["CAPABILITY_IAM"]
