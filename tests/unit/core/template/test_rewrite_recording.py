from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.template.records import RECORD_KEY
from support.images import HEX
from support.templates import ECR, NO_VALUE, image_in, pin, pinned, task, template_of

OPEN = {"Conditions": {"Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}}}


def container(template: dict[str, Any], params: Any = None) -> dict[str, Any]:
    answer = pin(template, params).answer
    found: dict[str, Any] = answer["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]
    return found


def resource(template: dict[str, Any], params: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = pin(template, params).answer["Resources"]["Web"]
    return found


def function(image: str = f"!PinDigest {ECR}/app:1", **others: Any) -> dict[str, Any]:
    return {
        "Resources": {"Web": {"Type": "AWS::Lambda::Function", **others, "Properties": {"Code": {"ImageUri": image}}}}
    }


class TestNothing:
    def test_record_none_records_nothing(self) -> None:
        for template, params in (
            (template_of("!PinDigest Record=None nginx:1"), {}),
            (template_of("!PinDigest nginx:1"), {"Record": "None"}),
        ):
            assert RECORD_KEY not in json.dumps(pin(template, params).answer)

    def test_a_digest_without_a_tag_is_not_recorded(self) -> None:
        assert RECORD_KEY not in json.dumps(pin(template_of(f"!PinDigest nginx@sha256:{HEX}")).answer)

    def test_an_image_outside_of_resources_is_not_recorded(self) -> None:
        assert pin({"Name": "web"}, {"Image": "nginx:1"}).answer == {"Name": "web", "Image": pinned("nginx", "1")}


class TestLabel:
    def test_the_written_reference_becomes_a_label_behind_the_image(self) -> None:
        template = template_of("!PinDigest Platform=Any nginx:1")
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Cpu"] = 1
        found = container(template)
        assert list(found) == ["Name", "Image", "DockerLabels", "Cpu"]
        assert found["DockerLabels"] == {"image-pinner.source": "nginx:1"}

    def test_a_tag_with_a_digest_is_recorded(self) -> None:
        found = container(template_of(f"!PinDigest nginx:1@sha256:{HEX}"))
        assert found["Image"] == f"nginx@sha256:{HEX}"
        assert found["DockerLabels"] == {"image-pinner.source": f"nginx:1@sha256:{HEX}"}

    def test_other_labels_stay_before_it(self) -> None:
        template = {"Resources": {"Web": task("!PinDigest nginx:1", DockerLabels={"b": "1", "a": "2"})}}
        assert list(container(template)["DockerLabels"].items()) == [("b", "1"), ("a", "2"), (RECORD_KEY, "nginx:1")]

    def test_an_old_label_is_replaced(self) -> None:
        template = {"Resources": {"Web": task("!PinDigest nginx:2", DockerLabels={RECORD_KEY: "nginx:1", "a": "2"})}}
        assert list(container(template)["DockerLabels"].items()) == [(RECORD_KEY, "nginx:2"), ("a", "2")]

    @pytest.mark.parametrize("empty", [{}, None, "", []])
    def test_empty_labels_are_replaced(self, empty: Any) -> None:
        template = {"Resources": {"Web": task("!PinDigest nginx:1", DockerLabels=empty)}}
        assert container(template)["DockerLabels"] == {RECORD_KEY: "nginx:1"}

    @pytest.mark.parametrize(
        "labels",
        [
            {"Ref": "Labels"},
            {"Fn::If": ["Open", {"a": "b"}, NO_VALUE]},
            {"Fn::Transform": {"Name": "Other"}, "a": "b"},
            {"Fn::ForEach::L": ["x", ["y"], {"a${x}": "b"}]},
            ["a"],
            "text",
        ],
    )
    def test_labels_that_are_an_expression_stay_and_the_metadata_takes_it(self, labels: Any) -> None:
        template = {"Resources": {"Web": task("!PinDigest nginx:1", DockerLabels=labels)}, **OPEN}
        found = resource(template)
        assert found["Properties"]["ContainerDefinitions"][0]["DockerLabels"] == labels
        assert found["Metadata"] == {RECORD_KEY: {"Properties.ContainerDefinitions[0].Image": "nginx:1"}}

    def test_branches_are_recorded_under_the_same_condition(self) -> None:
        image = {"Fn::If": ["Open", "!PinDigest nginx:1", {"Fn::If": ["Open", NO_VALUE, "!PinDigest nginx:3"]}]}
        labels = container(template_of(image, **OPEN))["DockerLabels"]
        assert labels == {RECORD_KEY: {"Fn::If": ["Open", "nginx:1", {"Fn::If": ["Open", NO_VALUE, "nginx:3"]}]}}

    def test_a_branch_that_is_not_pinned_has_no_record(self) -> None:
        image = {"Fn::If": ["Open", "!PinDigest nginx:1", f"nginx@sha256:{HEX}"]}
        assert container(template_of(image, **OPEN))["DockerLabels"] == {
            RECORD_KEY: {"Fn::If": ["Open", "nginx:1", NO_VALUE]}
        }

    def test_a_container_in_a_branch_has_its_own_label(self) -> None:
        template = template_of("x", **OPEN)
        containers = [
            {"Fn::If": ["Open", {"Name": "a", "Image": "!PinDigest nginx:1"}, {"Name": "b", "Image": "redis:1"}]}
        ]
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"] = containers
        one, other = pin(template).answer["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Fn::If"][1:]
        assert one["DockerLabels"] == {RECORD_KEY: "nginx:1"}
        assert "DockerLabels" not in other


class TestMetadata:
    def test_metadata_can_be_requested(self) -> None:
        found = resource(template_of("!PinDigest Record=Metadata nginx:1"))
        assert found["Metadata"] == {RECORD_KEY: {"Properties.ContainerDefinitions[0].Image": "nginx:1"}}
        assert "DockerLabels" not in found["Properties"]["ContainerDefinitions"][0]
        assert list(found) == ["Type", "Metadata", "Properties"]

    @pytest.mark.parametrize("record", ["Label", "Metadata"])
    def test_without_a_label_property_the_metadata_is_used(self, record: str) -> None:
        found = resource(function(), {"Record": record})
        assert found["Metadata"] == {RECORD_KEY: {"Properties.Code.ImageUri": f"{ECR}/app:1"}}

    @pytest.mark.parametrize("empty", [None, {}, "", []])
    def test_empty_metadata_is_replaced(self, empty: Any) -> None:
        found = resource(function(Metadata=empty))
        assert found["Metadata"] == {RECORD_KEY: {"Properties.Code.ImageUri": f"{ECR}/app:1"}}

    def test_other_metadata_stays_before_it(self) -> None:
        found = resource(function(Metadata={"Dockerfile": "x", "ImagePinner": {"Platform": "linux/arm64"}}))
        assert list(found["Metadata"]) == ["Dockerfile", "ImagePinner", RECORD_KEY]

    def test_earlier_records_are_kept_and_updated(self) -> None:
        before = {RECORD_KEY: {"Properties.Other": "a:1", "Properties.Code.ImageUri": "old:1"}}
        found = resource(function(Metadata=before))
        assert found["Metadata"][RECORD_KEY] == {"Properties.Other": "a:1", "Properties.Code.ImageUri": f"{ECR}/app:1"}
        assert resource(function(Metadata={RECORD_KEY: "text", "a": 1}))["Metadata"]["a"] == 1

    @pytest.mark.parametrize(
        "metadata", ["text", ["x"], {"Fn::If": ["Open", {}, {}]}, {"Ref": "x"}, {"Fn::Transform": {}, "a": 1}]
    )
    def test_metadata_that_is_an_expression_is_not_changed(self, metadata: Any) -> None:
        found = resource(function(Metadata=metadata))
        assert found["Metadata"] == metadata
        assert "@sha256:" in found["Properties"]["Code"]["ImageUri"]

    def test_several_images_of_a_resource_are_recorded_by_path_in_any_order(self) -> None:
        template = template_of("x")
        properties = template["Resources"]["Web"]["Properties"]
        properties["ContainerDefinitions"] = [{"Name": name, "Image": f"!PinDigest {name}:1"} for name in "ba"]
        found = resource(template, {"Record": "Metadata"})["Metadata"][RECORD_KEY]
        assert list(found.items()) == [
            ("Properties.ContainerDefinitions[0].Image", "b:1"),
            ("Properties.ContainerDefinitions[1].Image", "a:1"),
        ]

    def test_the_order_of_keys_does_not_change_it(self) -> None:
        images = {"PrimaryContainer": {"Image": "!PinDigest a:1"}, "Containers": [{"Image": "!PinDigest b:1"}]}
        results = []
        for properties in (images, dict(reversed(images.items()))):
            template = {"Resources": {"Web": {"Type": "AWS::SageMaker::Model", "Properties": properties}}}
            results.append(json.dumps(resource(template)["Metadata"]))
        assert results[0] == results[1]

    def test_a_resource_in_a_loop_is_recorded_in_its_body(self) -> None:
        template = {"Resources": {"Fn::ForEach::L": ["Id", ["a", "b"], {"F${Id}": function()["Resources"]["Web"]}]}}
        body = pin(template).answer["Resources"]["Fn::ForEach::L"][2]["F${Id}"]
        assert body["Metadata"] == {RECORD_KEY: {"Properties.Code.ImageUri": f"{ECR}/app:1"}}


def test_a_record_holds_no_time_and_does_not_change_with_the_digest() -> None:
    template = template_of("!PinDigest nginx:1")
    assert container(template)["DockerLabels"] == container(template)["DockerLabels"] == {RECORD_KEY: "nginx:1"}
    assert image_in(pin(template).answer) == pinned("nginx", "1")
