"""`Fn::FindInMap`."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, NoValue, Pending, StackExport, Unknown

SCOPE = Scope(
    parameters={"Env": {"Type": "String", "Default": "prod"}, "Missing": {"Type": "String"}},
    mappings={
        "Images": {
            "prod": {"web": "app:1", "all": ["app:1", "app:2"], "port": 80, "call": {"Ref": "Env"}, "none": None},
            "us-east-1": {"web": "app:us"},
            123456789012: {1: "numbers"},
            "odd": "no map",
            "nested": {"calls": [{"Ref": "Env"}]},
        },
        "Broken": ["no map"],
    },
    region="us-east-1",
)


def find(*argument: Any) -> Any:
    return evaluate({"Fn::FindInMap": list(argument)}, SCOPE)


@pytest.mark.parametrize(
    "argument",
    [None, "a", [], ["Images"], ["Images", "prod"], ["Images", "prod", "web", "app"], ["Images", "prod", "web", {}]],
)
def test_an_invalid_argument_is_refused(argument: object) -> None:
    outcome = evaluate({"Fn::FindInMap": argument}, SCOPE)
    assert isinstance(outcome, Unknown)
    assert outcome.reason.startswith("Fn::FindInMap has an invalid argument")


@pytest.mark.parametrize("section", [None, [], "Images", {"Images": None}])
def test_a_section_that_is_not_a_mapping_is_refused(section: Any) -> None:
    outcome = evaluate({"Fn::FindInMap": ["Images", "prod", "web"]}, Scope(mappings=section))
    assert isinstance(outcome, Unknown)
    assert "not in the Mappings" in outcome.reason


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        (("Nothing", "prod", "web"), "the name of the mapping in Fn::FindInMap ('Nothing')"),
        (("Images", "dev", "web"), "the first key in Fn::FindInMap ('dev')"),
        (("Images", "prod", "api"), "the second key in Fn::FindInMap ('api')"),
        (("Images", "odd", "web"), "the second key in Fn::FindInMap ('web')"),
        (("Broken", "prod", "web"), "the first key in Fn::FindInMap ('prod')"),
    ],
)
def test_a_missing_key_is_named(keys: tuple[str, ...], what: str) -> None:
    outcome = find(*keys)
    assert isinstance(outcome, Unknown)
    assert outcome.reason == f"{what} is not in the Mappings"
    assert "DefaultValue" in outcome.help


def test_the_value_of_a_parameter_is_not_shown() -> None:
    outcome = find("Images", {"Fn::Sub": "${Env}-blue"}, "web")
    assert isinstance(outcome, Unknown)
    assert "prod-blue" not in repr(outcome)


@pytest.mark.parametrize("key", ["call", "none"])
def test_a_value_that_is_not_text_is_refused(key: str) -> None:
    outcome = find("Images", "prod", key)
    assert outcome == Unknown("the value of Fn::FindInMap is neither text nor a list of texts", "correct the Mappings")
    assert isinstance(find("Images", "nested", "calls"), Unknown)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("Images", "prod", "web"), "app:1"),
        (("Images", "prod", "all"), ["app:1", "app:2"]),
        (("Images", "prod", "port"), 80),
        (("Images", {"Ref": "Env"}, "web"), "app:1"),
        (({"Fn::Sub": "Images"}, {"Ref": "AWS::Region"}, {"Fn::Join": ["", ["w", "eb"]]}), "app:us"),
        (("Images", "123456789012", "1"), "numbers"),
        (("Images", 123456789012, 1), "numbers"),
    ],
)
def test_a_value_is_found(keys: tuple[Any, ...], value: object) -> None:
    assert find(*keys) == Known(value)


def test_a_missing_key_has_the_default_value() -> None:
    default = {"DefaultValue": {"Fn::Sub": "app:${Env}"}}
    for keys in (("Nothing", "prod", "web"), ("Images", "dev", "web"), ("Images", "prod", "api")):
        assert find(*keys, default) == Known("app:prod")
    assert find("Images", "prod", "web", default) == Known("app:1")
    assert find("Images", "dev", "web", {"DefaultValue": {"Ref": "AWS::NoValue"}}) == NoValue()


def test_an_unresolved_key_is_unresolved_even_with_a_default() -> None:
    default = {"DefaultValue": "app:0"}
    assert find("Images", {"Fn::ImportValue": "E"}, "web", default) == Pending(frozenset({StackExport("E")}))
    outcome = find("Images", {"Fn::ImportValue": "E"}, {"Fn::Sub": "a${Missing}"}, default)
    assert isinstance(outcome, Unknown)
    assert "'Missing'" in outcome.reason
    assert outcome.prefix == ""


@pytest.mark.parametrize("key", [None, ["prod"], {"Ref": "AWS::NoValue"}])
def test_a_key_that_is_not_text_is_refused(key: object) -> None:
    outcome = find("Images", key, "web")
    assert isinstance(outcome, Unknown)
    assert outcome.reason.startswith("the first key in Fn::FindInMap must be text")
