"""Generated templates: any intrinsic function at any property path, with any arguments."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.macro import event_for, macro_in

Strategy = st.SearchStrategy[Any]

WORDS = st.sampled_from(
    [
        *("!PinDigest nginx:1", "!PinDigest ", "!PinDigest Platform=Any a:1", "nginx:1", "nginx", "", "All", "Skip"),
        *("Tag", "${Tag}", "${!Tag}", "AWS::Region", "AWS::NoValue", "AWS::StackName", "Open", "A", "ImagePinner"),
        *("{{resolve:ssm:/a}}", "{{resolve:ssm:", "linux/arm64", "arm64", "LINUX", "String", "CommaDelimitedList"),
    ]
)
OPTION_NAMES = st.sampled_from(["Pin", "Platform", "Record", "WhenMissing", "Image", "Lock", "X"])
NAMES = st.sampled_from(["Tag", "All", "Open", "A"])


def one_key(name: str, value: Strategy) -> Strategy:
    return st.fixed_dictionaries({name: value})


def listed(*parts: Strategy) -> Strategy:
    return st.tuples(*parts).map(list)


def functions(inner: Strategy) -> Strategy:
    options = st.dictionaries(OPTION_NAMES, inner, max_size=3)
    some = st.lists(inner, max_size=3)
    return st.one_of(
        *(one_key(name, inner) for name in ("Ref", "Fn::Sub", "Fn::GetAtt", "Fn::ImportValue", "Fn::PinDigest")),
        *(one_key(name, some) for name in ("Fn::FindInMap", "Fn::GetAtt", "Fn::And", "Fn::Or", "Fn::Equals")),
        one_key("Fn::Sub", listed(inner, st.dictionaries(WORDS, inner, max_size=2))),
        one_key("Fn::Join", listed(inner, some)),
        one_key("Fn::Select", listed(inner, some)),
        one_key("Fn::Split", listed(inner, inner)),
        one_key("Fn::If", listed(inner, inner, inner)),
        one_key("Fn::PinDigest", options),
        one_key("Fn::Transform", st.fixed_dictionaries({"Name": WORDS}, optional={"Parameters": options | inner})),
        one_key("Fn::Transform", inner),
        some,
        st.dictionaries(WORDS, inner, max_size=2),
    )


EXPRESSIONS = st.recursive(WORDS | st.none() | st.booleans() | st.integers() | st.floats(), functions, max_leaves=12)
OPTIONS = st.dictionaries(OPTION_NAMES, EXPRESSIONS, max_size=2)
CONTAINERS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("Name", "Image", "DockerLabels", "Fn::Transform", "Fn::ForEach::C"), EXPRESSIONS)
)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "ContainerDefinitions": st.lists(CONTAINERS, max_size=2) | EXPRESSIONS,
        "ContainerProperties": CONTAINERS | EXPRESSIONS,
        "Code": one_key("ImageUri", EXPRESSIONS) | EXPRESSIONS,
        "Environment": one_key("Image", EXPRESSIONS) | EXPRESSIONS,
        "RuntimePlatform": one_key("CpuArchitecture", EXPRESSIONS) | EXPRESSIONS,
        "Architectures": st.lists(EXPRESSIONS, max_size=1) | EXPRESSIONS,
    },
)
TYPES = [
    f"AWS::{name}" for name in ("ECS::TaskDefinition", "Lambda::Function", "CodeBuild::Project", "ECR::Repository")
]
RESOURCES = st.fixed_dictionaries(
    {"Type": st.sampled_from(TYPES) | WORDS, "Properties": PROPERTIES | EXPRESSIONS},
    optional={"Metadata": one_key("ImagePinner", OPTIONS | EXPRESSIONS) | EXPRESSIONS, "Condition": EXPRESSIONS},
)
LOOPS = listed(WORDS, EXPRESSIONS, st.dictionaries(st.just("A${Tag}"), RESOURCES, max_size=1) | EXPRESSIONS)
DECLARATIONS = st.fixed_dictionaries({"Type": WORDS}, optional=dict.fromkeys(("Default", "NoEcho"), EXPRESSIONS))
TEMPLATES = st.fixed_dictionaries(
    {
        "Resources": st.fixed_dictionaries(
            {}, optional={"A": RESOURCES | EXPRESSIONS, "B": RESOURCES, "Fn::ForEach::L": LOOPS | EXPRESSIONS}
        )
    },
    optional={
        "Parameters": st.dictionaries(NAMES, DECLARATIONS | EXPRESSIONS, max_size=2) | EXPRESSIONS,
        "Conditions": st.dictionaries(NAMES, EXPRESSIONS, max_size=2) | EXPRESSIONS,
        "Mappings": st.dictionaries(NAMES, EXPRESSIONS, max_size=2) | EXPRESSIONS,
        "Metadata": one_key("ImagePinner", OPTIONS | EXPRESSIONS) | EXPRESSIONS,
        **dict.fromkeys(("Outputs", "Globals", "Transform", "Rules"), EXPRESSIONS),
    },
)
SNIPPETS = CONTAINERS | RESOURCES | PROPERTIES | st.dictionaries(NAMES, RESOURCES, max_size=2)
VALUES = st.dictionaries(NAMES, EXPRESSIONS, max_size=2)


@given(fragment=TEMPLATES | SNIPPETS, params=OPTIONS, values=VALUES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_template_or_snippet_causes_an_internal_error(fragment: Any, params: Any, values: Any) -> None:
    event = event_for(fragment, params, values)
    before = copy.deepcopy(event)

    response = macro_in().answer(event, None)

    assert "internal error" not in response.get("errorMessage", "")
    assert repr(event) == repr(before)
    if response["status"] == "failure":
        assert repr(response["fragment"]) in {repr(before["fragment"]), "{}"}
