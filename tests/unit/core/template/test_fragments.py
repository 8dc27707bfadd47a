from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.fragments import Shape, read_fragment
from image_pinner.core.template.options import Options, Pin
from image_pinner.core.template.sites import ScanSettings
from image_pinner.settings import Settings
from support.images import HEX
from support.templates import ABSENT, EveryDigest, image_in, pin, pinned, problems_of, statuses_of, task

WHOLE = "(the whole fragment)"


class TestShapes:
    def test_an_image_that_is_set_in_two_ways_is_refused(self) -> None:
        with pytest.raises(InvalidOptionError, match="Image is set in the Parameters and next to the snippet"):
            read_fragment({"Image": "nginx:1"}, {"Image": "nginx:1"})

    @pytest.mark.parametrize(
        ("fragment", "parameters", "shape"),
        [
            ({"Resources": {}}, {}, Shape.TEMPLATE),
            ({"Resources": {}}, {"Image": "x"}, Shape.TEMPLATE),
            ({"AWSTemplateFormatVersion": "2010-09-09"}, {}, Shape.TEMPLATE),
            ({"AWSTemplateFormatVersion": "2010-09-09", "Resources": []}, {}, Shape.TEMPLATE),
            ({}, {}, Shape.PROPERTIES),
            ({}, {"Image": "x"}, Shape.PROPERTIES),
            ({"Name": "web"}, {"Image": "x"}, Shape.PROPERTIES),
            ({"Name": "web", "Image": "x"}, {}, Shape.PROPERTIES),
            ({"Resources": []}, {}, Shape.PROPERTIES),
            ({"Type": "AWS::ECS::TaskDefinition", "Properties": {}}, {}, Shape.RESOURCE),
            ({"Type": "container", "Image": "x"}, {}, Shape.PROPERTIES),
            ({"Type": 5, "Properties": {}}, {}, Shape.PROPERTIES),
            ({"Type": "x", "Properties": []}, {}, Shape.PROPERTIES),
            ({"Web": {"Type": "AWS::ECS::TaskDefinition"}}, {}, Shape.RESOURCES),
            ({"Web": {"Type": "X"}, "Fn::ForEach::L": ["a", ["b"], {}]}, {}, Shape.RESOURCES),
            ({"Fn::ForEach::L": ["a", ["b"], {}]}, {}, Shape.PROPERTIES),
            ({"Web": {"Type": "X"}, "Name": "web"}, {}, Shape.PROPERTIES),
            ({"Web": {"Type": "X"}, 5: {}}, {}, Shape.PROPERTIES),
            ({"Web": None}, {}, Shape.PROPERTIES),
        ],
    )
    def test_the_shape_of_a_fragment_is_recognized(self, fragment: Any, parameters: Any, shape: Shape) -> None:
        assert read_fragment(fragment, parameters).shape is shape


class TestValue:
    def test_the_answer_for_a_whole_value_is_the_bare_text(self) -> None:
        assert pin({}, {"Image": "nginx:1"}).answer == pinned("nginx", "1")

    def test_options_are_read_next_to_the_image(self) -> None:
        assert pin({}, {"Image": "nginx:1", "Platform": "linux/arm64"}).answer == pinned("nginx", "1", "linux/arm64")

    def test_a_parameter_of_the_template_can_be_referred_to(self) -> None:
        settings = Settings(snippet_parameters=("Tag",))
        result = pin({}, {"Image": {"Fn::Sub": "nginx:${Tag}"}}, values={"Tag": "1"}, settings=settings)
        assert result.answer == pinned("nginx", "1")

    @pytest.mark.parametrize("platform", [["linux/arm64"], {"a": "b"}, {"Ref": "Nope"}, 5])
    def test_a_platform_of_another_kind_is_a_problem(self, platform: Any) -> None:
        ((path, cause),) = problems_of(pin({}, {"Image": "nginx:1", "Platform": platform}))
        assert path == "Image"
        assert "Platform" in cause

    def test_keep_tag_returns_the_image_as_written(self) -> None:
        digests = EveryDigest({"docker.io/library/nginx:1": ABSENT})
        result = pin({}, {"Image": "nginx:1", "WhenMissing": "KeepTag"}, digests=digests)
        assert result.answer == "nginx:1"

    @pytest.mark.parametrize(
        ("parameters", "path", "cause"),
        [
            ({}, WHOLE, "the snippet has no image to pin"),
            ({"Pin": "All"}, WHOLE, "the snippet has no image to pin"),
            ({"Pinn": "All"}, WHOLE, "unknown option 'Pinn' (did you mean 'Pin'?)"),
            ({"Image": "nginx:1", "Pin": "All"}, "Image", "option Pin cannot be set for a single image"),
            ({"Image": "nginx:1", "Plattform": "x"}, "Image", "unknown option 'Plattform' (did you mean 'Platform'?)"),
            ({"Image": None}, "Image", "image is empty, not a valid image reference"),
            ({"Image": ["nginx:1"]}, "Image", "image is a list, not a valid image reference"),
            ({"Image": "!PinDigest nginx:1"}, "Image", "duplicate marker on the image"),
            (
                {"Image": "Nginx:1"},
                "Image",
                "'Nginx:1' is not a valid image reference: a repository must be lower case (at character 1)",
            ),
            ({"Image": "nginx"}, "Image", "image 'nginx' has no tag or digest"),
        ],
    )
    def test_a_failure_returns_the_fragment_unchanged(self, parameters: Any, path: str, cause: str) -> None:
        result = pin({}, parameters)
        assert problems_of(result) == [(path, cause)]
        assert result.answer == {}


class TestSiblings:
    def test_the_image_is_added_to_its_siblings(self) -> None:
        result = pin({"Name": "web", "Cpu": 1}, {"Image": "nginx:1"})
        assert result.answer == {"Name": "web", "Cpu": 1, "Image": pinned("nginx", "1")}

    def test_a_marker_in_a_sibling_of_the_snippet_is_pinned(self) -> None:
        result = pin({"Name": "web", "Image": "!PinDigest nginx:1"}, {})
        assert result.answer == {"Name": "web", "Image": pinned("nginx", "1")}

    def test_pin_all_pins_siblings_at_any_depth(self) -> None:
        fragment = {
            "ContainerDefinitions": [
                {"Name": "a", "Image": "nginx:1"},
                {"Name": "b", "Image": {"Fn::If": ["Open", "nginx:2", {"Ref": "AWS::NoValue"}]}},
            ]
        }
        result = pin(fragment, {"Pin": "All"})
        assert result.answer == {
            "ContainerDefinitions": [
                {"Name": "a", "Image": pinned("nginx", "1")},
                {"Name": "b", "Image": {"Fn::If": ["Open", pinned("nginx", "2"), {"Ref": "AWS::NoValue"}]}},
            ]
        }

    def test_names_select_containers_among_the_siblings(self) -> None:
        fragment = {"ContainerDefinitions": [{"Name": "a", "Image": "nginx:1"}, {"Name": "b", "Image": "redis:1"}]}
        result = pin(fragment, {"Pin": ["b"]})
        assert [container["Image"] for container in result.answer["ContainerDefinitions"]] == [
            "nginx:1",
            pinned("redis", "1"),
        ]
        assert problems_of(pin(fragment, {"Pin": ["c"]})) == [(WHOLE, "no container is named 'c'")]

    def test_all_images_of_a_container_are_selected_by_its_name(self) -> None:
        fragment = {"Name": "a", "Image": "nginx:1", "ImageUri": "redis:1"}
        answer = pin(fragment, {"Pin": ["a"]}).answer
        assert (answer["Image"], answer["ImageUri"]) == (pinned("nginx", "1"), pinned("redis", "1"))

    def test_the_strictest_location_of_a_name_applies(self) -> None:
        digests = EveryDigest()
        pin({"ImageUri": "!PinDigest Platform=linux/arm64 nginx:1"}, {}, digests=digests)
        assert digests.lookups == ["docker.io/library/nginx:1 for linux/arm64"]
        result = pin({"ImageUri": "!PinDigest Platform=linux/arm64 nginx:1"}, {})
        assert result.report.to_json()["images"][0]["media_type"].endswith("manifest.v1+json")

    def test_a_snippet_without_an_image_to_pin_is_a_problem(self) -> None:
        result = pin({"Name": "web", "Image": "nginx:1"}, {})
        assert problems_of(result) == [(WHOLE, "the snippet has no image to pin")]
        assert result.report.problems[0].help == "mark the image next to the snippet, or write Parameters: {Pin: All}"

    @pytest.mark.parametrize(
        ("fragment", "parameters", "status"),
        [
            ({"Image": f"nginx@sha256:{HEX}"}, {}, "already pinned"),
            ({"Image": "nginx:1"}, {"Pin": "Skip"}, "skipped"),
        ],
    )
    def test_pinned_and_skipped_images_are_not_problems(self, fragment: Any, parameters: Any, status: str) -> None:
        result = pin(fragment, parameters)
        assert result.answer == fragment
        assert statuses_of(result) == {"Image": status}

    def test_configured_options_cannot_be_loosened(self) -> None:
        settings = Settings(options=Options(pin=Pin.ALL))
        result = pin({"Image": "nginx:1"}, {"Pin": "Skip"}, settings=settings)
        assert problems_of(result) == [(WHOLE, "Pin selects fewer images than the configured Pin=All")]
        assert pin({"Image": "nginx:1"}, {}, settings=settings).answer == {"Image": pinned("nginx", "1")}

    def test_a_marker_in_a_sibling_that_does_not_hold_an_image_is_a_problem(self) -> None:
        result = pin({"Name": "!PinDigest nginx:1", "Description": "!PinDigest nginx:2"}, {"Image": "nginx:1"})
        assert [path for path, _ in problems_of(result)] == ["Description", "Name"]

    def test_deep_and_unexpected_siblings_do_not_raise(self) -> None:
        deep: Any = {"Image": "!PinDigest nginx:1"}
        for level in range(900):
            deep = {"k": deep} if level % 2 else [deep]
        result = pin({"deep": deep, "odd": [None, 5, {"Image": None}, {"Image": 5}, {5: 5}]}, {})
        assert result.report.succeeded
        assert len(result.edits) == 1


class TestResources:
    def test_a_resource_is_pinned_with_its_own_metadata_and_platform(self) -> None:
        resource = task("!PinDigest nginx:1")
        resource["Properties"]["RuntimePlatform"] = {"CpuArchitecture": "ARM64"}
        result = pin(resource, {})
        assert result.answer["Properties"]["ContainerDefinitions"][0] == {
            "Name": "web",
            "Image": pinned("nginx", "1", "linux/arm64"),
            "DockerLabels": {"image-pinner.source": "nginx:1"},
        }

    def test_resources_are_pinned_by_their_parameters(self) -> None:
        result = pin(
            {"Web": task("nginx:1"), "Fn::ForEach::L": ["a", ["b"], {"X${a}": task("redis:1")}]}, {"Pin": "All"}
        )
        assert image_in({"Resources": result.answer}) == pinned("nginx", "1")
        assert image_in({"Resources": result.answer["Fn::ForEach::L"][2]}, "X${a}") == pinned("redis", "1")

    def test_a_problem_has_the_path_in_the_resource(self) -> None:
        result = pin(task("!PinDigest Nginx:1"), {})
        assert problems_of(result)[0][0] == "Resources['(this resource)'].Properties.ContainerDefinitions[0].Image"
        assert result.answer == task("!PinDigest Nginx:1")


def test_the_received_fragment_is_never_changed() -> None:
    fragment = {"Name": "web", "Image": "!PinDigest nginx:1"}
    read = read_fragment(fragment, {})
    assert read.original is fragment
    pin(fragment, {})
    assert fragment == {"Name": "web", "Image": "!PinDigest nginx:1"}
    assert ScanSettings().macro == "ImagePinner"


class TestPlatformOfAValue:
    """A snippet that is a whole value does not know its property; Lambda accepts no index."""

    @pytest.mark.parametrize(("options", "allowed"), [({}, True), ({"Platform": "Any"}, True)])
    def test_without_a_platform_an_index_is_an_answer(self, options: dict[str, str], *, allowed: bool) -> None:
        assert _index_allowed({}, {"Image": "nginx:1", **options}) is allowed

    def test_with_a_platform_it_is_the_platforms_own_manifest(self) -> None:
        assert not _index_allowed({}, {"Image": "nginx:1", "Platform": "linux/arm64"})

    def test_with_siblings_the_location_is_a_container_that_accepts_an_index(self) -> None:
        assert _index_allowed({"Name": "web"}, {"Image": "nginx:1", "Platform": "linux/arm64"})


def _index_allowed(fragment: dict[str, str], parameters: dict[str, str]) -> bool:
    (site,) = read_fragment(fragment, parameters).find_images(Scope(), ScanSettings()).pinned
    return site.location.index_allowed
