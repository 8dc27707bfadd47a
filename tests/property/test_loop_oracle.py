"""Pinning a template with loops is the same as pinning what cfn-lint makes of them, or it is refused.

cfn-lint expands loops as `AWS::LanguageExtensions` does, except that it takes a parameter's default for its value,
raises for an empty collection or value, and replaces variables in keys and functions only. The templates here keep to
that.
"""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.template.options import Options, Pin, Record
from image_pinner.pinning import PinResult
from image_pinner.settings import Settings
from support.sampling import examples
from support.templates import REGION, pin

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lint_template = pytest.importorskip("cfnlint.template")
    lint_loops = pytest.importorskip("cfnlint.template.transforms._language_extensions")

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs: it uses what will be removed from Python
SETTINGS = Settings(options=Options(pin=Pin.ALL, record=Record.NONE))
TASK = "AWS::ECS::TaskDefinition"
SECTIONS = {
    "Parameters": {
        "Keys": {"Type": "CommaDelimitedList", "Default": "Image"},
        "Two": {"Type": "CommaDelimitedList", "Default": "Image,Hostname"},
    },
    "Mappings": {"M": {"a": {"t": ["Image"], "u": ["age", "Im"]}, "b": {"t": ["ContainerDefinitions"]}}},
    "Conditions": {"Open": {"Fn::Equals": ["a", "b"]}},
}
PARAMETERS: dict[str, list[Any]] = {
    "Image": [{"Ref": "Keys"}, {"Ref": "Two"}, {"Fn::FindInMap": ["M", "a", "t"]}],
    "age": [{"Fn::FindInMap": ["M", "a", "u"]}],
    "ContainerDefinitions": [{"Fn::FindInMap": ["M", "b", "t"]}],
}
VALUES = {"Keys": "Image", "Two": "Image,Hostname"}


def expand(template: dict[str, Any]) -> dict[str, Any] | None:
    """Return a template with its loops expanded, or `None` if that makes a key twice."""
    matches, expanded = lint_loops.language_extension(lint_template.Template("", template, [REGION]))
    assert all("Duplicate" in match.message for match in matches), matches
    return None if matches else expanded


def find_images(template: dict[str, Any]) -> list[Any]:
    """Return the images of the containers of an expanded template."""
    found = []
    for resource in template["Resources"].values():
        if resource.get("Type") == TASK:
            definitions = resource.get("Properties", {}).get("ContainerDefinitions", [])
            found += [container["Image"] for container in definitions if "Image" in container]
    return found


IMAGES = st.sampled_from(
    [
        "evil.example/x:1",
        {"Fn::Sub": "evil.example/x:${V}"},
        {"Fn::If": ["Open", "evil.example/x:1", "evil.example/y:2"]},
        f"evil.example/x@sha256:{'1' * 64}",
    ]
)
OTHERS = st.sampled_from([["a"], ["Image"], ["a", "b"]])


@st.composite
def entries(draw: st.DrawFn, key: str, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Return an entry that is `key`, at least for one value of the loops around it."""
    value, loops = draw(values), draw(st.sampled_from([0, 0, 0, 1, 1, 2]))
    if not loops:
        return {key: value}
    start = draw(st.integers(0, len(key) - 1))
    end = draw(st.one_of(st.just(len(key)), st.integers(start + 1, len(key))))
    part, sign = key[start:end], draw(st.sampled_from("$&"))
    word = f"{part[:1]}-{part[1:]}" if sign == "&" else part
    chosen = draw(st.sampled_from([[word], [word], [word, draw(st.sampled_from(["Hostname", "Image", "a"]))]]))
    collection = draw(st.sampled_from([chosen, chosen, *PARAMETERS.get(word, ())]))
    found = {f"Fn::ForEach::{key}": ["V", collection, {f"{key[:start]}{sign}{{V}}{key[end:]}": value}]}
    return {"Fn::ForEach::Other": ["W", draw(OTHERS), found]} if loops > 1 else found


CONTAINERS = st.builds(lambda image: {"Name": "web", **image}, entries("Image", IMAGES))
PROPERTIES = entries("ContainerDefinitions", st.lists(CONTAINERS, min_size=1, max_size=2))
RESOURCES = st.builds(
    lambda kind, properties: {**kind, **properties},
    st.one_of(st.just({"Type": TASK}), entries("Type", st.sampled_from([TASK, TASK, {"Fn::Sub": "AWS::ECS::${V}"}]))),
    entries("Properties", PROPERTIES),
)
TEMPLATES = st.builds(lambda made: {**SECTIONS, "Resources": made}, entries("Web", RESOURCES))


def pin_all(template: dict[str, Any]) -> PinResult:
    return pin(template, settings=SETTINGS, values=VALUES)


def test_loops_are_pinned_as_cfn_lint_expands_them() -> None:
    seen = Counter[str]()

    @examples(2000)
    @given(TEMPLATES)
    def compare(template: dict[str, Any]) -> None:
        expanded, result = expand(template), pin_all(template)
        if expanded is None or not result.report.succeeded:
            seen["refused" if expanded else "invalid"] += 1
            return
        after = expand(result.answer)
        assert after is not None
        assert after == pin_all(expanded).answer
        images = find_images(after)
        for image in images:
            branches = image["Fn::If"][1:] if isinstance(image, dict) else [image]
            assert all("@sha256:" in branch for branch in branches)
        seen["pinned" if images else "without images"] += 1

    compare()
    assert seen["pinned"] > seen.total() / 4, seen
