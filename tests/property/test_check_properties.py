"""`check` and `pin` agree on every template, and the fixes of `check` pass both."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.cli.documents import read_source
from property.template_strategies import BAD_IMAGES, FRAGMENTS, IMAGES, SECTIONS, templates
from support.agreement import assert_check_and_pin_agree, assert_fixes_pass, checked, errors_of, pinned_snippet
from support.corpus import values_of
from support.gate_cases import GATE_CASES
from support.gates import with_gates
from support.project import ROOT
from support.sampling import examples
from support.templates import task

TRANSFORMS = st.sampled_from(
    [
        {},
        {"Transform": "ImagePinner"},
        {"Transform": ["AWS::LanguageExtensions"]},
        {"Transform": ["Sidecars", "AWS::LanguageExtensions"]},
        {"Transform": [{"Name": "ImagePinner", "Parameters": {"Record": "Metadata"}}, "AWS::LanguageExtensions"]},
    ]
)
PINS = st.sampled_from(["", "Marked", "All"])
GATE_ENTRIES = st.sampled_from(
    [
        *(entry for case in GATE_CASES.values() for entry in (*case.entries, *case.looser)),
        "repositories.allow=docker.io/*",
        "repositories.mode=off",
        "tags.deny=1*",
        "tags.mode=warn",
        "marked.mode=warn",
        "marked.unknown=warn",
    ]
)
REQUESTED = st.lists(GATE_ENTRIES | st.just("ages.minimum=3d"), max_size=2)
PUBLISHED = sorted((ROOT / "templates").glob("*.*"))


@examples(150)
@given(templates(), TRANSFORMS, PINS)
def test_check_and_pin_agree_on_templates_that_can_be_pinned(
    template: dict[str, Any], transform: dict[str, Any], pin: str
) -> None:
    assert_check_and_pin_agree({**transform, **template}, {}, pin)


@examples(100)
@given(templates(), BAD_IMAGES, TRANSFORMS, PINS)
def test_check_and_pin_agree_on_images_that_cannot_be_pinned(
    template: dict[str, Any], bad: Any, transform: dict[str, Any], pin: str
) -> None:
    resources = {**template["Resources"], "Bad": task(bad)}
    assert_check_and_pin_agree({**transform, **template, "Resources": resources}, {}, pin)


@examples(200)
@given(FRAGMENTS, PINS)
def test_check_and_pin_agree_on_anything(fragment: dict[str, Any], pin: str) -> None:
    template = fragment if isinstance(fragment.get("Resources"), dict) else {"Resources": fragment}
    assert_check_and_pin_agree(template, {}, pin)


@examples(150)
@given(templates(), BAD_IMAGES, st.lists(GATE_ENTRIES, max_size=3), REQUESTED, PINS)
def test_check_and_pin_agree_on_gates(
    template: dict[str, Any], bad: Any, configured: list[str], requested: list[str], pin: str
) -> None:
    settings = with_gates(*{entry.partition("=")[0]: entry for entry in configured}.values())
    resources = {**template["Resources"], "Gated": task(bad)}
    metadata = {"ImagePinner": {"Gates": requested}} if requested else {}
    gated = {"Transform": "ImagePinner", **template, "Metadata": metadata, "Resources": resources}
    assert_check_and_pin_agree(gated, {}, pin, settings)


@examples(100)
@given(templates(), TRANSFORMS)
def test_fixes_pass_check_and_pin(template: dict[str, Any], transform: dict[str, Any]) -> None:
    assert_fixes_pass({**transform, **template}, {})


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_check_and_pin_agree_on_the_published_templates(path: Any) -> None:
    template = read_source(path.read_bytes(), path.name).tree
    values = values_of(template)
    for pin in ("", "All"):
        assert_check_and_pin_agree(template, values, pin)
    assert_fixes_pass(template, values)


@examples(200)
@given(IMAGES | BAD_IMAGES, st.sampled_from(["container", "properties", "resource", "resources"]), PINS)
def test_check_and_the_macro_agree_on_snippets(image: Any, level: str, pin: str) -> None:
    parameters = {"Pin": pin} if pin else {}
    owners, template = snippet_template(image)
    owner = owners[level]
    siblings = dict(owner)
    owner["Fn::Transform"] = {"Name": "ImagePinner", "Parameters": parameters}

    problems = pinned_snippet(siblings, parameters, SECTIONS["Parameters"])

    assert errors_of(checked(template, {})) or not problems, problems


def snippet_template(image: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return a template with an image, and the mappings around it by their names."""
    container = {"Name": "web", "Image": image}
    properties = {"ContainerDefinitions": [container]}
    resource = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    resources = {"Web": resource}
    owners = {"container": container, "properties": properties, "resource": resource, "resources": resources}
    return owners, {**SECTIONS, "Resources": resources}
