"""Generated templates with markers in the properties that accept them, for the property tests of pinning."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from support.templates import NO_VALUE, REGION

# Sections that make some conditions known and one not, and that contain markers.
SECTIONS: dict[str, Any] = {
    "Parameters": {
        "Tag": {"Type": "String", "Default": "1.2"},
        "Plain": {"Type": "String", "Default": "team/plain:7"},
        "Marked": {"Type": "String", "Default": "!PinDigest Platform=Any team/marked:8"},
    },
    "Mappings": {"Images": {REGION: {"Web": "!PinDigest team/mapped:9", "Plain": "team/plain:9"}}},
    "Conditions": {
        "Yes": {"Fn::Equals": ["a", "a"]},
        "No": {"Fn::Equals": ["a", "b"]},
        "Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]},
    },
}
CONDITIONS = st.sampled_from(["Yes", "No", "Open"])
REFERENCES = st.sampled_from(
    ["nginx:1", "nginx:2", "redis:7", "example.com:5000/a/b:v1", f"111122223333.dkr.ecr.{REGION}.amazonaws.com/app:AAA"]
)
WORDS = st.sampled_from(["", "Platform=linux/arm64 ", "Record=None ", "Platform=Any\tRecord=Metadata\n", "  "])

# What can never be pinned.
BAD_IMAGES = st.sampled_from(
    [
        "!PinDigest",
        "!PinDigest Nginx:1",
        "!PinDigest nginx",
        "!PinDigestnginx:1",
        "!PinDigest Lock=x nginx:1",
        "nginx:1 !PinDigest",
        ["!PinDigest nginx:1"],
        {"a": "!PinDigest nginx:1"},
        {"Fn::Sub": "!PinDigest nginx:${Nope}"},
        {"Fn::PinDigest": {"Ref": "Marked"}},
        {"Fn::PinDigest": "nginx:1", "Other": 1},
        {"Fn::Transform": "ImagePinner"},
        "!PinDigest gone.example.com/app:1",
    ]
)


def _marked(reference: str, words: str) -> list[Any]:
    text = f"!PinDigest {words}{reference}"
    return [
        text,
        f" {text} ",
        {"Fn::Sub": text},
        {"Fn::Sub": [text.replace("1", "${N}", 1), {"N": "1"}]},
        {"Fn::Join": ["", [f"!PinDigest {words}", reference]]},
        {"Fn::PinDigest": reference},
        {"Fn::PinDigest": {"Image": reference, "Record": "None"}},
        {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": {"Fn::Sub": reference}}}},
    ]


_MARKED_IMAGES = st.builds(_marked, REFERENCES, WORDS).flatmap(st.sampled_from) | st.sampled_from(
    [
        {"Fn::Sub": "!PinDigest nginx:${Tag}"},
        {"Ref": "Marked"},
        {"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "Web"]},
        {"Fn::PinDigest": {"Ref": "Plain"}},
        "!PinDigest nginx:1@sha256:" + "0" * 64,
    ]
)
_OTHER_IMAGES = st.sampled_from(
    ["nginx:1", {"Ref": "Plain"}, "nginx@sha256:" + "1" * 64, {"Ref": "AWS::StackName"}, "", None, 5, NO_VALUE]
)
IMAGES = st.recursive(
    _MARKED_IMAGES | _OTHER_IMAGES,
    lambda images: st.builds(lambda condition, yes, no: {"Fn::If": [condition, yes, no]}, CONDITIONS, images, images),
    max_leaves=4,
)

_LABELS = st.sampled_from([None, {}, {"a": "b"}, {"Ref": "Plain"}, {"Fn::If": ["Open", {"x": "y"}, NO_VALUE]}])
_OTHERS = st.dictionaries(
    st.sampled_from(["Cpu", "Environment", "Odd.Key", "it's"]), st.sampled_from([1, "x", [], [{"Name": "A"}], None])
)


@st.composite
def _containers(draw: st.DrawFn) -> Any:
    image = draw(IMAGES)
    container = {"Name": draw(st.sampled_from("abc")), "Image": image, **draw(_OTHERS)}
    labels = draw(_LABELS)
    if labels is not None:
        container["DockerLabels"] = labels
    if draw(st.booleans()):
        return container
    return {
        "Fn::If": [draw(CONDITIONS), container, draw(st.sampled_from([NO_VALUE, {"Name": "z", "Image": "nginx:1"}]))]
    }


def _properties(kind: str, image: Any, containers: list[Any]) -> Any:
    match kind:
        case "AWS::ECS::TaskDefinition":
            return {"Family": "x", "ContainerDefinitions": containers}
        case "AWS::Lambda::Function":
            return {"Architectures": ["arm64"], "Code": {"ImageUri": image}}
        case "AWS::SageMaker::Model":
            return {"PrimaryContainer": {"Image": image}, "Containers": [{"Image": image}, NO_VALUE]}
        case _:
            return {"Anything": [{"Image": "nginx:1"}, None, {"Value": {"Ref": "Plain"}}]}


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Return a resource, with or without images."""
    kind = draw(
        st.sampled_from(
            ["AWS::ECS::TaskDefinition", "AWS::Lambda::Function", "AWS::SageMaker::Model", "AWS::SNS::Topic"]
        )
    )
    containers = draw(st.lists(_containers(), max_size=3)) if kind.endswith("TaskDefinition") else []
    resource: dict[str, Any] = {"Type": kind, "Properties": _properties(kind, draw(IMAGES), containers)}
    if draw(st.booleans()):
        resource["Condition"] = draw(CONDITIONS)
    metadata = draw(
        st.sampled_from(
            [None, {}, {"Note": "x"}, {"ImagePinner": {"Record": "Metadata"}}, {"ImagePinner": {"Pin": "Skip"}}]
        )
    )
    if metadata is not None:
        resource["Metadata"] = metadata
    return resource


@st.composite
def templates(draw: st.DrawFn) -> dict[str, Any]:
    """Return a template whose images can all be pinned."""
    found: dict[str, Any] = draw(
        st.dictionaries(st.sampled_from(["Web", "Db", "Job", "Fn", "Properties"]), resources(), max_size=4)
    )
    if draw(st.booleans()):
        found["Fn::ForEach::Loop"] = ["Id", ["a", "b"], {"Task${Id}": draw(resources())}]
    return {**SECTIONS, "Resources": found, "Outputs": {"Out": {"Value": {"Ref": "Plain"}}}}


def shuffled(value: Any, seed: int) -> Any:
    """Return a value with the keys of all its mappings in another order."""
    chance = random.Random(seed)

    def copy(part: Any) -> Any:
        if isinstance(part, dict):
            keys = list(part)
            chance.shuffle(keys)
            return {key: copy(part[key]) for key in keys}
        return [copy(element) for element in part] if isinstance(part, list) else part

    return copy(value)


_KEYS = st.sampled_from(
    [
        "Resources",
        "Type",
        "Properties",
        "Metadata",
        "ImagePinner",
        "Pin",
        "Image",
        "ImageUri",
        "ContainerDefinitions",
        "Name",
        "Ref",
        "Condition",
        "Fn::If",
        "Fn::Sub",
        "Fn::Join",
        "Fn::PinDigest",
        "Fn::Transform",
        "Fn::ForEach::X",
        "Parameters",
        "Fn::FindInMap",
        "Mappings",
        "Conditions",
        "DockerLabels",
        "Default",
        "NoEcho",
        "RuntimePlatform",
        "Architectures",
        "Code",
    ]
)
_SCALARS = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        "",
        "x",
        "All",
        "Skip",
        "web",
        "nginx:1",
        "!PinDigest nginx:1",
        "!PinDigest",
        "!PinDigest Pin=All x:1",
        "AWS::ECS::TaskDefinition",
        "AWS::Lambda::Function",
        "AWS::NoValue",
        "AWS::StackName",
        "ImagePinner",
        "{{resolve:ssm:/x}}",
        "${Image}",
        "!PinDigest ${Image}",
        "Image",
        "X",
        "\ud800",
        "\u2028",
    ]
)
JSON_LIKE = st.recursive(
    _SCALARS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=30,
)
FRAGMENTS = st.one_of(
    st.just({}),
    st.dictionaries(_KEYS, JSON_LIKE, max_size=5),
    st.builds(
        lambda resource, sections: {**sections, "Resources": {"X": resource}},
        st.builds(
            lambda kind, properties, others: {**others, "Type": kind, "Properties": properties},
            st.sampled_from(["AWS::ECS::TaskDefinition", "AWS::Lambda::Function", "AWS::Batch::JobDefinition"]),
            st.dictionaries(_KEYS, JSON_LIKE, max_size=4),
            st.dictionaries(_KEYS, JSON_LIKE, max_size=2),
        ),
        st.dictionaries(_KEYS, JSON_LIKE, max_size=3),
    ),
)
