"""Templates of at most a megabyte that would cost a macro without limits gigabytes or minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Template = dict[str, Any]

_TEXT = {"Fn::FindInMap": ["M", "a", "t"]}
"""Ten kilobytes."""
_MAPPINGS = {"M": {"a": {"t": "a," * 5_000, "list": ["x"] * 20_000}}}
_LARGE = {"Fn::Sub": ["${a}" * 95, {"a": _TEXT}]}
"""Just under a megabyte, from 10 KB."""


def _containers(images: Iterable[Any]) -> list[Template]:
    return [{"Name": f"c{number}", "Image": image} for number, image in enumerate(images)]


def _template(images: Iterable[Any], **sections: Any) -> Template:
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": _containers(images)}}
    return {"Mappings": _MAPPINGS, **sections, "Resources": {"Task": task}}


def _split_in_select() -> Template:
    parts = {"Fn::Join": ["", {"Fn::Split": [",", _LARGE]}]}
    return _template([{"Fn::Sub": ["!PinDigest x/${v}:1", {"v": {"Fn::Select": [0, [parts] * 80]}}]}])


def _condition_of_many_images() -> Template:
    condition = {"Fn::Equals": [{"Fn::Join": ["", [{"Fn::Sub": ["${a}", {"a": _TEXT}]}] * 90]}, "x"]}
    images = [{"Fn::If": ["C", f"!PinDigest a/b{number}:1", "!PinDigest c/d:1"]} for number in range(5_000)]
    return _template(images, Conditions={"C": condition})


def _inline_conditions() -> Template:
    return _template(
        {"Fn::If": [{"Fn::Equals": [_LARGE, "x"]}, f"!PinDigest a/b{number}:1", "!PinDigest c/d:1"]}
        for number in range(1_000)
    )


def _chained_conditions() -> Template:
    conditions: Template = {"C0": {"Fn::Equals": [{"Ref": "AWS::Region"}, "x"]}}
    for number in range(1, 3_000):
        conditions[f"C{number}"] = {"Fn::Or": [{"Condition": f"C{max(0, number - back)}"} for back in range(1, 11)]}
    images = [{"Fn::If": [f"C{number}", "!PinDigest a/b:1", "!PinDigest c/d:1"]} for number in range(3_000)]
    return _template(images, Conditions=conditions)


def _loop_variable() -> Template:
    image = "!PinDigest x/" + "&{V}" * 10_000
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": _containers([image] * 20)}}
    return {"Mappings": _MAPPINGS, "Resources": {"Fn::ForEach::L": ["V", [_TEXT], {"T${V}": task}]}}


def _large_images() -> Template:
    return _template([_LARGE] * 2_000)


def _lists() -> Template:
    found = {"Fn::FindInMap": ["M", "a", "list"]}
    return _template({"Fn::Join": ["", ["!PinDigest ", {"Fn::Select": [0, found]}]]} for _ in range(8_000))


def _nested_branches() -> Template:
    image: Any = "!PinDigest a/b:1"
    for number in range(60):
        image = {"Fn::If": [f"C{number}", image, f"!PinDigest a/b{number}:1"]}
    conditions = {f"C{number}": {"Fn::Equals": [{"Ref": "Open"}, str(number)]} for number in range(60)}
    return _template([image] * 200, Conditions=conditions, Parameters={"Open": {"Type": "String"}})


def _dynamic_references() -> Template:
    return _template(f"!PinDigest a/b:{'{{resolve:ssm:/x}}' * 45}" for _ in range(1_000))


def _dense_images() -> Template:
    return _template({"Fn::Sub": f"!PinDigest ${{AWS::AccountId}}/{number}:1"} for number in range(12_000))


def _loop_texts_in_a_list() -> Template:
    texts = {"Fn::Select": ["0", ["&{V}" * 100] * 2_000]}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": _containers([texts])}}
    return {"Mappings": _MAPPINGS, "Resources": {"Fn::ForEach::L": ["V", [_TEXT], {"T${V}": task}]}}


def _long_name() -> Template:
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": _containers(["a:1"] * 15_000)}}
    return {"Resources": {"K" * 300_000: task}}


WORST_TEMPLATES: Mapping[str, Callable[[], Template]] = {
    "a text that is multiplied, split and joined in a list": _split_in_select,
    "a condition of 900 KB for 5,000 images": _condition_of_many_images,
    "1,000 conditions of 900 KB each": _inline_conditions,
    "3,000 conditions that refer to ten others each": _chained_conditions,
    "an image that repeats a loop variable of 10 KB": _loop_variable,
    "2,000 images of 900 KB each": _large_images,
    "8,000 selections from a list of 20,000": _lists,
    "200 images in 60 nested branches": _nested_branches,
    "45,000 dynamic references": _dynamic_references,
    "12,000 images": _dense_images,
    "a list of texts that repeat a loop variable": _loop_texts_in_a_list,
    "15,000 images in a resource with a name of 300 KB": _long_name,
}
"""Templates, by what is large in them."""
