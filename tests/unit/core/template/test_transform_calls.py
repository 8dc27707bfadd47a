"""Calls of other transforms can add images, wherever they are; snippets of the macro pin the images next to them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.find import find_images
from image_pinner.core.template.options import Options, Pin
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import ScanSettings
from support.images import HEX
from support.templates import NO_VALUE, task

INCLUDE = {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}
PINNER = {"Name": "ImagePinner", "Parameters": {"Pin": "All"}}
DIGEST = f"shop/web@sha256:{HEX}"
SPELLINGS: dict[str, dict[str, Any]] = {
    "long": {"Fn::Transform": INCLUDE},
    "short": {"Transform": INCLUDE},
    "list": {"Fn::Transform": [INCLUDE]},
    "short list": {"Transform": [INCLUDE]},
    "name": {"Fn::Transform": "Other"},
    "short name": {"Transform": "Other"},
    "after the macro": {"Fn::Transform": [PINNER, INCLUDE]},
    "next to the macro": {"Fn::Transform": PINNER, "Transform": INCLUDE},
    "a name that is not text": {"Fn::Transform": {"Name": {"Ref": "X"}}},
}
CONTAINERS = "Resources.Web.Properties.ContainerDefinitions"


Built = dict[str, Any]


def _web(container: Built | None = None, properties: Built | None = None, resource: Built | None = None) -> Built:
    """Return a task definition whose image has a digest, with further keys at each level."""
    inside = {"ContainerDefinitions": [{"Name": "web", "Image": DIGEST, **(container or {})}], **(properties or {})}
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": inside, **(resource or {})}


def _with_properties(properties: Any) -> Built:
    return {"Web": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}


def _branches(call: Built) -> Built:
    branches = [{"Name": "a", "Image": DIGEST}, {"Name": "b", **call}]
    return _with_properties({"ContainerDefinitions": [{"Fn::If": ["C", *branches]}]})


LEVELS: dict[str, Callable[[Built], Built]] = {
    "container": lambda call: {"Web": _web(container=call)},
    "another container": lambda call: _with_properties({"ContainerDefinitions": [{"Image": DIGEST}, call]}),
    "containers": lambda call: _with_properties({"ContainerDefinitions": call}),
    "branch": _branches,
    "nested branch": lambda call: _with_properties(
        {"Fn::If": ["C", NO_VALUE, {"Fn::If": ["D", {"Family": "a", **call}, {}]}]}
    ),
    "properties": lambda call: {"Web": _web(properties=call)},
    "all properties": _with_properties,
    "resource": lambda call: {"Web": _web(resource=call)},
    "whole resource": lambda call: {"Web": _web(), "Other": call},
    "resources": lambda call: {"Web": _web(), **call},
    "loop": lambda call: {"Web": _web(), "Fn::ForEach::L": ["N", ["a", "b"], {"Web${N}": _web(), **call}]},
    "resource in a loop": lambda call: {"Fn::ForEach::L": ["N", ["a", "b"], {"Web${N}": _web(resource=call)}]},
}


def template_with(call: Built, level: str) -> Built:
    """Return a template with a call at a level."""
    if level == "top":
        return {"Resources": {"Web": _web()}, "Fn::Transform": [*call.values()][-1]}
    return {"Resources": LEVELS[level](deepcopy(call))}


CONDITIONS = {"C": {"Fn::Equals": [{"Ref": "X"}, "b"]}, "D": {"Fn::Equals": [{"Ref": "X"}, "b"]}}


def find(template: dict[str, Any], pin: Any = "All", **settings: Any) -> ImageScan:
    scope = Scope.of_template(template, {}, region="us-east-1", account_id="111122223333")
    return find_images(template, {"Pin": pin} if pin else {}, scope, ScanSettings(**settings))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("level", [*LEVELS, "top"])
def test_a_call_that_can_add_images_is_a_problem_where_pin_may_select_them(level: str, spelling: str) -> None:
    template = template_with(SPELLINGS[spelling], level) | {"Conditions": CONDITIONS}

    for pin in ("All", ["web"]):
        problems = [each for each in find(template, pin).problems if "no container is named" not in each.cause]
        assert problems, f"nothing is said with Pin: {pin}"
        assert all(problem.cause.startswith("cannot find the images in this value") for problem in problems)
        assert len({problem.path for problem in problems}) == len(problems) == 1
    scan = find(template, None)
    assert scan.problems == []
    assert "hidden" in {image.status for image in scan.skipped}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("level", [level for level in LEVELS if level not in {"resources", "loop", "top"}])
def test_pin_skip_of_the_resource_accepts_the_call(level: str, spelling: str) -> None:
    template = template_with(SPELLINGS[spelling], level) | {"Conditions": CONDITIONS}
    for resource in template["Resources"].values():
        for one in resource[2].values() if isinstance(resource, list) else [resource]:
            one["Metadata"] = {"ImagePinner": {"Pin": "Skip"}}

    assert find(template).problems == []


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("level", ["branch", "nested branch", "resource", "properties", "container"])
def test_a_call_that_is_not_deployed_is_not_a_problem(level: str, spelling: str) -> None:
    no, yes = {"Fn::Equals": ["a", "b"]}, {"Fn::Equals": ["a", "a"]}
    template = template_with(SPELLINGS[spelling], level)
    template["Conditions"] = {"C": yes if level == "branch" else no, "D": no}
    if "branch" not in level:
        template["Resources"]["Web"]["Condition"] = "C"

    for pin, statuses in ("All", {"not deployed"}), ("Skip", set()), (None, set()):
        scan = find(template, pin)
        assert scan.problems == []
        assert {image.status for image in scan.skipped} & {"not deployed"} == statuses
        assert len(scan.hidden) == (pin != "Skip")


@pytest.mark.parametrize("level", [*LEVELS, "top"])
def test_help_names_what_a_call_is_in(level: str) -> None:
    template = template_with({"Fn::Transform": INCLUDE}, level) | {"Conditions": CONDITIONS}

    (problem,) = find(template).problems

    assert ("the Metadata of the resource" in problem.help) is (level not in {"resources", "loop", "top"})
    assert problem.help


ELSEWHERE: dict[str, dict[str, Any]] = {
    "a property that holds no images": {"Tags": [{"Fn::Transform": INCLUDE}]},
    "inside such a property": {"Volumes": [{"Name": "a", "Fn::Transform": INCLUDE}]},
    "inside a container": {
        "ContainerDefinitions": [{"Name": "a", "Image": DIGEST, "Environment": [{"Name": "a", "Transform": INCLUDE}]}]
    },
}


@pytest.mark.parametrize("properties", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_call_that_cannot_add_images_is_not_a_problem(properties: dict[str, Any]) -> None:
    web = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"Fn::Transform": INCLUDE}, "Fn::Transform": INCLUDE}
    template = {
        "Resources": {"Web": web, "Topic": topic, "Transform": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Fn::Transform": INCLUDE},
        "Mappings": {"Fn::Transform": INCLUDE},
        "Transform": ["ImagePinner", "AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"],
    }

    scan = find(template)

    assert scan.problems == []
    assert {image.status for image in scan.skipped} <= {"pinned"}


@pytest.mark.parametrize("section", [INCLUDE, [INCLUDE, "ImagePinner"], ["ImagePinner", INCLUDE], ["AWS::Include"]])
def test_an_include_in_the_section_is_a_problem(section: Any) -> None:
    scan = find({"Transform": section, "Resources": {"Web": task(DIGEST)}})

    assert [str(problem.path) for problem in scan.problems] == ["Transform"]


@pytest.mark.parametrize(
    ("path", "resource", "is_problem"),
    [
        ("$.Resources[?(@.Type=='Custom::Job')].Properties.Image", {"Properties": {"Transform": INCLUDE}}, True),
        ("$.Resources.Job.Properties.Image", {"Fn::Transform": INCLUDE}, True),
        ("$.Resources.*.Properties.Jobs[*].Image", {"Properties": {"Jobs": [{"a": 1}, {"Transform": INCLUDE}]}}, True),
        ("$.Resources.Job.Properties.Jobs[1].Image", {"Properties": {"Jobs": [{"Transform": INCLUDE}]}}, False),
        ("$..Image", {"Properties": {"Any": {"Where": {"Transform": INCLUDE}}}}, True),
        ("$.Resources.Other.Properties.Image", {"Properties": {"Transform": INCLUDE}}, False),
        ("$.Resources.Job.Properties.Image", {"Properties": {"Image": {"Transform": INCLUDE}}}, True),
    ],
)
def test_a_call_that_can_add_images_at_a_configured_path_is_a_problem(
    path: str, resource: dict[str, Any], *, is_problem: bool
) -> None:
    template = {"Resources": {"Job": {"Type": "Custom::Job", **resource}}}

    assert bool(find(template, image_paths=(path,)).problems) is is_problem
    assert find(template, None, image_paths=(path,)).problems == []


def test_pin_all_of_the_configuration_sees_calls_too() -> None:
    template = template_with({"Transform": INCLUDE}, "resources")

    assert find(template, None, operator=Options(pin=Pin.ALL)).problems


@given(
    nesting=st.lists(st.sampled_from(["Fn::If", "container", "loop", "Fn::Join"]), max_size=5),
    key=st.sampled_from(["Fn::Transform", "Transform"]),
    content=st.recursive(
        st.sampled_from([INCLUDE, PINNER, "Other", None, 5, [], {}]), lambda inner: st.lists(inner, max_size=2)
    ),
)
def test_calls_in_any_shape_do_not_raise(nesting: list[str], key: str, content: Any) -> None:
    value: Any = {key: content, "Name": "a"}
    for shape in nesting:
        value = {
            "Fn::If": {"Fn::If": ["C", value, value]},
            "container": {"ContainerDefinitions": [value], key: content},
            "loop": {"Fn::ForEach::L": value},
            "Fn::Join": {"Fn::If": value},
        }[shape]
    web = {"Type": "AWS::ECS::TaskDefinition", "Properties": value}
    scan = find({"Resources": {"Web": web, key: content}, "Conditions": CONDITIONS})
    assert all(problem.help for problem in scan.problems)


class TestSnippetsNextToImages:
    """A snippet next to the keys that it pins."""

    @pytest.mark.parametrize("level", ["container", "properties", "resource", "resources", "loop", "top"])
    @pytest.mark.parametrize("key", ["Fn::Transform", "Transform"])
    @pytest.mark.parametrize("pin", ["All", ["web"]])
    def test_it_requests_the_pin(self, level: str, key: str, pin: Any) -> None:
        call = {key: {"Name": "ImagePinner", "Parameters": {"Pin": pin}}}
        template = template_with(call, level)
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Image"] = "shop/web:1"

        scan = find(template, None)

        image = f"{CONTAINERS}[0].Image"
        statuses = {str(image.path): image.status for image in scan.skipped}
        assert scan.problems == []
        assert statuses[image] == ("unmarked" if level == "loop" else "snippet")
        assert [path for path in statuses if path.endswith("Transform")]

    @pytest.mark.parametrize("pin", ["Marked", "Skip", ["other"]])
    def test_it_does_not_request_the_pin_of_what_it_does_not_select(self, pin: Any) -> None:
        call = {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Pin": pin}}}
        template = template_with(call, "container")
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Image"] = "shop/web:1"

        assert "unmarked" in {image.status for image in find(template, None).skipped}

    @pytest.mark.parametrize(
        ("parameters", "cause"),
        [
            ({"Pin": "Everything"}, "invalid value 'Everything' for option Pin"),
            ({"Pinn": "All"}, "unknown option 'Pinn' (did you mean 'Pin'?)"),
            (["All"], "the Parameters of ImagePinner are not a mapping"),
            ({"Image": "shop/web:1"}, "Image is set in the Parameters and next to the snippet"),
        ],
    )
    def test_its_options_are_checked(self, parameters: Any, cause: str) -> None:
        scan = find(template_with({"Transform": {"Name": "ImagePinner", "Parameters": parameters}}, "container"), None)

        assert [(str(problem.path), problem.cause) for problem in scan.problems] == [
            (f"{CONTAINERS}[0].Transform", cause)
        ]

    def test_it_may_not_loosen_the_configuration(self) -> None:
        call = {"Transform": {"Name": "ImagePinner", "Parameters": {"WhenMissing": "KeepTag"}}}
        scan = find(template_with(call, "properties"), None, operator=Options().over(Options(pin=Pin.ALL)))
        assert scan.problems == []
        call["Transform"]["Parameters"] = {"Pin": "Skip"}
        scan = find(template_with(call, "properties"), None, operator=Options(pin=Pin.ALL))
        assert [problem.cause for problem in scan.problems] == ["Pin selects fewer images than the configured Pin=All"]
