from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import StackExport
from image_pinner.core.template.find import find_images
from image_pinner.core.template.locations import image_locations
from image_pinner.core.template.options import Options, Pin, Record, WhenMissing
from image_pinner.core.template.problems import ProblemKind
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import ScanSettings
from support.images import HEX
from support.templates import NO_VALUE, task, template_of

CONTAINERS = "Resources.Web.Properties.ContainerDefinitions"
IMAGE = f"{CONTAINERS}[0].Image"
ODD = [None, True, 5, 1.5, "", "text", [], {}, [[]], [None], {"a": None}, {5: None}, {"Fn::If": []}, {"Ref": []}]


def find(template: Any, parameters: Any = None, scan_settings: ScanSettings | None = None) -> ImageScan:
    scope = Scope.of_template(template, {}, region="us-east-1", account_id="111122223333")
    return find_images(template, parameters or {}, scope, scan_settings or ScanSettings())


def problem_texts(sites: ImageScan) -> list[tuple[str, str]]:
    assert all(problem.help for problem in sites.problems)
    return [(str(problem.path), problem.cause) for problem in sites.problems]


def pinned_paths(sites: ImageScan) -> list[str]:
    return [str(site.path) for site in sites.pinned]


def skipped_paths(sites: ImageScan) -> dict[str, str]:
    return {str(image.path): image.status for image in sites.skipped}


class TestUnexpectedShapes:
    @pytest.mark.parametrize("odd", ODD)
    @pytest.mark.parametrize(
        "property_path",
        ["Resources", "resource", "Type", "Properties", "ContainerDefinitions", "container", "Metadata", "Condition"],
    )
    def test_unexpected_shapes_do_not_raise(self, property_path: str, odd: Any) -> None:
        web = task("nginx:1")
        template: Any = {"Resources": {"Web": web, "Other": task("!PinDigest redis:1")}}
        match property_path:
            case "Resources":
                template["Resources"] = odd
            case "resource":
                template["Resources"]["Web"] = odd
            case "ContainerDefinitions":
                web["Properties"]["ContainerDefinitions"] = odd
            case "container":
                web["Properties"]["ContainerDefinitions"] = [odd]
            case _:
                web[property_path] = odd
        sites = find(template)
        assert len(sites.pinned) == (0 if property_path == "Resources" else 1)
        assert sites.problems == []

    @pytest.mark.parametrize("odd", ODD)
    @pytest.mark.parametrize(
        "section", ["Metadata", "Parameters", "Mappings", "Conditions", "Outputs", "Transform", "Globals"]
    )
    def test_markers_in_other_sections_are_not_problems(self, section: str, odd: Any) -> None:
        assert len(find({**template_of("!PinDigest nginx:1"), section: odd}).pinned) == 1

    def test_a_condition_that_is_not_a_name_excludes_nothing(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Web"]["Condition"] = {"Fn::Equals": ["a", "b"]}
        assert pinned_paths(find(template)) == [IMAGE]


class TestOptionsOfTheTemplate:
    def test_an_unknown_option_is_a_problem_at_its_section(self) -> None:
        template = {**template_of("nginx:1"), "Metadata": {"ImagePinner": {"Pinn": "All"}}}
        sites = find(template, {"Platfrom": "Any"})
        assert problem_texts(sites) == [
            ("Transform", "unknown option 'Platfrom' (did you mean 'Platform'?)"),
            ("Metadata.ImagePinner", "unknown option 'Pinn' (did you mean 'Pin'?)"),
        ]

    def test_an_entry_that_is_not_a_mapping_is_refused(self) -> None:
        template = {**template_of("nginx:1"), "Metadata": {"ImagePinner": "All"}}
        assert problem_texts(find(template)) == [("Metadata.ImagePinner", "ImagePinner in Metadata is not a mapping")]

    @pytest.mark.parametrize("second", [{"Pin": "Marked"}, {}, {"Pin": "All", "Record": "None"}, {"Pinn": "All"}, None])
    def test_a_macro_that_is_named_twice_with_other_parameters_is_one_problem(self, second: Any) -> None:
        calls = [{"Name": "ImagePinner", "Parameters": {"Pin": "All"}}, {"Name": "ImagePinner", "Parameters": second}]
        for section in (calls, calls[::-1], [calls[0], "Other", "ImagePinner"]):
            sites = find({**template_of("nginx:1"), "Transform": section}, {"Pinn": "All"})
            assert problem_texts(sites) == [
                ("Transform", "Transform names ImagePinner twice, with different Parameters")
            ]

    def test_a_macro_that_is_named_twice_with_equal_parameters_is_accepted(self) -> None:
        call = {"Name": "ImagePinner", "Parameters": {"Pin": "All"}}
        for section in (
            [call, call],
            ["ImagePinner", {"Name": "ImagePinner"}],
            "ImagePinner",
            [call, {"Name": "Other"}],
        ):
            assert problem_texts(find({**template_of("nginx:1"), "Transform": section})) == []

    def test_an_image_among_the_parameters_of_a_whole_template_is_refused(self) -> None:
        assert problem_texts(find(template_of("nginx:1"), {"Image": "x"})) == [("Transform", "unknown option 'Image'")]

    def test_metadata_and_transform_that_contradict_each_other_are_refused(self) -> None:
        template = {**template_of("nginx:1"), "Metadata": {"ImagePinner": {"Pin": "Skip"}}}
        ((path, cause),) = problem_texts(find(template, {"Pin": "All"}))
        assert path == "Metadata.ImagePinner"
        assert "set different values" in cause

    @pytest.mark.parametrize(
        ("parameters", "metadata"),
        [
            ({}, {"Pin": "All", "Record": "None"}),
            ({"Pin": "All"}, {"Record": "None"}),
            ({"Pin": "All", "Record": "None"}, {"Pin": "All"}),
        ],
    )
    def test_metadata_and_transform_are_merged(self, parameters: Any, metadata: Any) -> None:
        sites = find({**template_of("nginx:1"), "Metadata": {"ImagePinner": metadata}}, parameters)
        assert [site.options for site in sites.pinned] == [Options(pin=Pin.ALL, record=Record.NONE)]

    @pytest.mark.parametrize(
        ("parameters", "metadata", "path"),
        [({"Pin": "Skip"}, None, "Transform"), ({}, {"Pin": "Skip"}, "Metadata.ImagePinner")],
    )
    def test_configured_options_cannot_be_loosened(self, parameters: Any, metadata: Any, path: str) -> None:
        template = template_of("nginx:1")
        if metadata:
            template["Metadata"] = {"ImagePinner": metadata}
        sites = find(template, parameters, ScanSettings(operator=Options(pin=Pin.ALL)))
        assert problem_texts(sites) == [(path, "Pin selects fewer images than the configured Pin=All")]
        assert sites.problems[0].kind is ProblemKind.POLICY

    @pytest.mark.parametrize(
        ("parameters", "metadata", "path"),
        [({"Pin": ["no"]}, None, "Transform"), ({}, {"Pin": ["no"]}, "Metadata.ImagePinner.Pin")],
    )
    def test_an_unknown_container_name_is_a_problem_at_its_path(
        self, parameters: Any, metadata: Any, path: str
    ) -> None:
        template = template_of("nginx:1")
        if metadata:
            template["Metadata"] = {"ImagePinner": metadata}
        sites = find(template, parameters)
        assert problem_texts(sites) == [(path, "no container is named 'no'")]
        assert sites.problems[0].help == "use one of web"

    def test_options_can_be_expressions(self) -> None:
        template = {**template_of("nginx:1"), "Parameters": {"Pin": {"Type": "String", "Default": "All"}}}
        assert pinned_paths(find(template, {"Pin": {"Ref": "Pin"}})) == [IMAGE]


class TestOptionsOfAResource:
    def with_metadata(self, content: Any, kind: str = "AWS::ECS::TaskDefinition") -> dict[str, Any]:
        template = template_of("nginx:1")
        template["Resources"]["Web"] |= {"Type": kind, "Metadata": {"ImagePinner": content}}
        return template

    @pytest.mark.parametrize(
        ("content", "cause"),
        [
            ("All", "ImagePinner in Metadata is not a mapping"),
            ({"Pinn": "All"}, "unknown option 'Pinn' (did you mean 'Pin'?)"),
            ({"Pin": "Everything"}, "invalid value 'Everything' for option Pin"),
            ({"Family": "x:1"}, "invalid value 'x:1' for option Family"),
            ({"Lock": "ssm:/lock"}, "option Lock cannot be set for a single resource"),
            ({"StackName": "shop"}, "option StackName cannot be set for a single resource"),
        ],
    )
    def test_an_invalid_entry_is_a_problem(self, content: Any, cause: str) -> None:
        assert problem_texts(find(self.with_metadata(content))) == [("Resources.Web.Metadata.ImagePinner", cause)]

    def test_an_invalid_entry_is_a_problem_for_a_resource_of_any_type(self) -> None:
        assert len(problem_texts(find(self.with_metadata("All", "AWS::SNS::Topic")))) == 1

    @pytest.mark.parametrize("content", [{"Pin": "All"}, {"Pin": ["web"]}])
    @pytest.mark.parametrize(
        ("kind", "shown"),
        [
            ("AWS::SNS::Topic", "of type AWS::SNS::Topic"),
            ("Custom::App", "of type Custom::App"),
            (None, "without a type"),
        ],
    )
    def test_pin_without_a_known_image_property_is_refused(self, content: Any, kind: Any, shown: str) -> None:
        sites = find(self.with_metadata(content, kind))
        assert problem_texts(sites) == [
            ("Resources.Web.Metadata.ImagePinner", f"no image property is known for a resource {shown}")
        ]

    @pytest.mark.parametrize("content", [{"Pin": "Skip"}, {"Pin": "Marked"}, {"Record": "None"}, {}])
    def test_other_options_there_select_nothing(self, content: Any) -> None:
        assert problem_texts(find(self.with_metadata(content, "AWS::SNS::Topic"))) == []

    def test_the_most_specific_level_takes_precedence(self) -> None:
        template = self.with_metadata({"Pin": "Skip"})
        template["Resources"]["Other"] = task("redis:1")
        sites = find(template, {"Pin": "All"})
        assert pinned_paths(sites) == ["Resources.Other.Properties.ContainerDefinitions[0].Image"]
        assert skipped_paths(sites) == {IMAGE: "skipped"}

    def test_names_are_those_of_the_resource(self) -> None:
        template = self.with_metadata({"Pin": ["web", "db"]})
        template["Resources"]["Other"] = {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"ContainerDefinitions": [{"Name": "db", "Image": "redis:1"}]},
        }
        sites = find(template)
        assert problem_texts(sites) == [("Resources.Web.Metadata.ImagePinner.Pin", "no container is named 'db'")]
        assert pinned_paths(sites) == [IMAGE]

    def test_containers_are_counted_by_name_where_a_more_specific_option_applies(self) -> None:
        template = self.with_metadata({"Pin": "All"})
        assert problem_texts(find(template, {"Pin": ["web"]})) == []

    def test_a_loosened_option_is_a_problem_at_the_resource(self) -> None:
        scan_settings = ScanSettings(operator=Options(when_missing=WhenMissing.FAIL))
        sites = find(self.with_metadata({"WhenMissing": "KeepTag"}), scan_settings=scan_settings)
        assert [path for path, _ in problem_texts(sites)] == ["Resources.Web.Metadata.ImagePinner"]


class TestLocations:
    @pytest.mark.parametrize("resource_type", sorted(image_locations()))
    def test_every_location_of_the_table_is_searched(self, resource_type: str) -> None:
        for location in image_locations()[resource_type]:
            properties: Any = "team/app:1"
            for step in reversed(location.path.removeprefix("$.").replace("[*]", ".[]").split(".")):
                properties = [properties] if step == "[]" else {("Worker" if step == "*" else step): properties}
            sites = find({"Resources": {"R": {"Type": resource_type, "Properties": properties}}}, {"Pin": "All"})
            assert len(sites.pinned) + len(sites.skipped) == 1, location.path
            assert bool(sites.skipped) is bool(location.refused)

    def test_images_in_loops_and_branches_are_read(self) -> None:
        template = {
            "Resources": {
                "Fn::ForEach::Services": ["Id", ["A", "B"], {"Task${Id}": task("!PinDigest nginx:1")}],
                "Fn::ForEach::One": ["Id", ["app"], {"One${Id}": task({"Fn::Sub": "!PinDigest team/${Id}:1"})}],
                "Web": task({"Fn::If": ["C", "!PinDigest nginx:2", NO_VALUE]}),
            },
            "Conditions": {"C": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
        }
        sites = find(template)
        assert set(pinned_paths(sites)) == {
            "Resources.Fn::ForEach::Services[2]['Task${Id}'].Properties.ContainerDefinitions[0].Image",
            "Resources.Fn::ForEach::One[2]['One${Id}'].Properties.ContainerDefinitions[0].Image",
            f"{IMAGE}.Fn::If[1]",
        }
        assert {site.reference.written for site in sites.pinned} == {"nginx:1", "team/app:1", "nginx:2"}

    def test_an_image_that_depends_on_a_loop_is_a_problem_with_help(self) -> None:
        template = {"Resources": {"Fn::ForEach::S": ["Id", ["a", "b"], {"T${Id}": task("!PinDigest team/${Id}:1")}]}}
        sites = find(template)
        assert "has several values" in sites.problems[0].cause
        assert "AWS::LanguageExtensions" in sites.problems[0].help

    def test_500_levels_of_nesting_do_not_raise(self) -> None:
        deep: Any = "!PinDigest nginx:1"
        for level in range(3_000):
            deep = {"k": deep} if level % 2 else [deep]
        template = template_of("!PinDigest nginx:1", Outputs={"Deep": {"Value": deep}})
        template["Resources"]["Deep"] = {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": deep,
            "Metadata": {"x": deep},
        }
        assert pinned_paths(find(template)) == [IMAGE]
        template["Resources"]["Type"] = {"Type": deep, "Metadata": {"ImagePinner": {"Pin": "All"}}}
        assert len(find(template).problems) == 1
        cause = "cannot resolve image, which has a marker: the expression is nested deeper than 100 levels"
        assert problem_texts(find(template_of(deep))) == [(IMAGE, cause)]

    def test_lookups_are_returned_and_the_other_images_are_read(self) -> None:
        template = {
            "Resources": {"A": task({"Fn::PinDigest": {"Fn::ImportValue": "x"}}), "Web": task("!PinDigest a:1")}
        }
        sites = find(template)
        assert sites.external_values == {StackExport("x")}
        assert pinned_paths(sites) == [IMAGE]

    def test_the_platform_of_a_resource_applies_to_its_images(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Web"]["Properties"]["RuntimePlatform"] = {"CpuArchitecture": "ARM64"}
        template["Resources"]["Other"] = task("!PinDigest nginx:1")
        assert [site.platform for site in find(template).pinned] == [Platform("linux", "arm64"), None]


class TestOpaqueNodes:
    def hidden(self) -> dict[str, Any]:
        template = template_of("nginx:1")
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"] = {"Ref": "Containers"}
        return template

    def test_an_opaque_node_is_skipped_where_pin_does_not_select_it(self) -> None:
        sites = find(self.hidden())
        assert skipped_paths(sites) == {CONTAINERS: "hidden"}

    @pytest.mark.parametrize("pin", ["All", ["web"]])
    def test_an_opaque_node_is_a_problem_where_pin_may_select_it(self, pin: Any) -> None:
        path, cause = problem_texts(find(self.hidden(), {"Pin": pin}))[0]
        assert path == CONTAINERS
        assert cause == "cannot find the images in this value: it is the result of Ref"

    def test_a_property_that_hides_several_kinds_of_images_is_reported_once(self) -> None:
        template = {"Resources": {"Job": {"Type": "AWS::Batch::JobDefinition", "Properties": {"Ref": "X"}}}}
        assert len(find(template).skipped) == 1
        assert len(find(template, {"Pin": "All"}).problems) == 1

    def test_an_opaque_node_that_is_not_deployed_is_not_a_problem(self) -> None:
        template = self.hidden()
        template["Conditions"] = {"No": {"Fn::Equals": ["a", "b"]}}
        template["Resources"]["Web"]["Condition"] = "No"
        sites = find(template, {"Pin": "All"})
        assert sites.problems == []
        assert [image.status for image in sites.skipped] == ["not deployed"]


class TestSnippets:
    SNIPPET = {"Name": "ImagePinner", "Parameters": {"Image": "nginx:1"}}  # noqa: RUF012 - read only

    @pytest.mark.parametrize("transform", [SNIPPET, [SNIPPET], "ImagePinner"])
    @pytest.mark.parametrize("pin", ["Marked", "All"])
    def test_a_snippet_with_siblings_is_skipped_and_reported(self, transform: Any, pin: str) -> None:
        template = template_of("nginx@sha256:" + HEX)
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"].append(
            {"Name": "db", "Fn::Transform": transform}
        )
        sites = find(template, {"Pin": pin})
        assert sites.problems == []
        assert skipped_paths(sites) == {IMAGE: "pinned", f"{CONTAINERS}[1].Fn::Transform": "snippet"}
        assert "CloudFormation calls the macro for it" in sites.skipped[-1].reason

    def test_a_snippet_outside_of_images_is_reported_too(self) -> None:
        template = template_of("nginx:1")
        template["Resources"]["Web"]["Fn::Transform"] = "ImagePinner"
        template["Resources"]["Fn::Transform"] = {"Name": "ImagePinner", "Parameters": {"Pin": "All"}}
        template["Outputs"] = {"Image": {"Value": {"Fn::Transform": self.SNIPPET}}}
        assert set(skipped_paths(find(template))) == {
            IMAGE,
            "Resources.Web.Fn::Transform",
            "Resources.Fn::Transform",
            "Outputs.Image.Value.Fn::Transform",
        }

    def test_a_snippet_that_is_an_image_is_a_site_and_reported_once(self) -> None:
        sites = find(template_of({"Fn::Transform": self.SNIPPET}))
        assert pinned_paths(sites) == [IMAGE]
        assert sites.skipped == []

    def test_the_macro_is_recognized_by_its_installed_name(self) -> None:
        template = template_of({"Fn::Transform": {**self.SNIPPET, "Name": "Pins"}})
        assert pinned_paths(find(template, scan_settings=ScanSettings("Pins"))) == [IMAGE]
        assert pinned_paths(find(template)) == []


class TestCustomPaths:
    def scan_settings(self, *paths: str) -> ScanSettings:
        return ScanSettings(image_paths=paths)

    def custom(self, image: Any = "!PinDigest nginx:1", **others: Any) -> dict[str, Any]:
        return {"Resources": {"App": {"Type": "Custom::App", "Properties": {"Image": image}, **others}}}

    def test_a_path_that_cannot_be_followed_is_a_problem(self) -> None:
        ((_, cause),) = problem_texts(find(self.custom("nginx:1"), scan_settings=self.scan_settings("$.[")))
        assert "is not a valid JSONPath expression" in cause

    @pytest.mark.parametrize(
        "path",
        ["$.Resources.App.Properties.Image", "$.Resources[?(@.Type=='Custom::App')].Properties.Image", "$..Image"],
    )
    def test_an_image_at_a_custom_path_is_read(self, path: str) -> None:
        sites = find(self.custom(), scan_settings=self.scan_settings(path))
        assert pinned_paths(sites) == ["Resources.App.Properties.Image"]
        assert sites.pinned[0].resource_path.steps == ("Resources", "App")

    def test_an_image_of_the_table_is_not_read_twice(self) -> None:
        snippet = {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "nginx:1"}}}
        template = template_of({"Fn::If": ["C", snippet, "!PinDigest redis:1"]})
        sites = find(
            template,
            scan_settings=self.scan_settings("$..Image", "$.Resources.Web.Properties.ContainerDefinitions[0].Image"),
        )
        assert sorted(pinned_paths(sites)) == [f"{IMAGE}.Fn::If[1]", f"{IMAGE}.Fn::If[2]"]
        assert sites.skipped == []

    def test_an_image_at_two_paths_is_read_once(self) -> None:
        sites = find(
            self.custom(),
            scan_settings=self.scan_settings("$..Image", "$.Resources.App.Properties.Image", "$.Resources..Image"),
        )
        assert len(sites.pinned) == 1

    @pytest.mark.parametrize("value", [None, 5, ["!PinDigest nginx:1"], {"Repository": "x"}])
    def test_a_value_that_cannot_be_an_image_is_skipped(self, value: Any) -> None:
        sites = find(self.custom(value), {"Pin": "All"}, self.scan_settings("$..Image"))
        assert sites.pinned == sites.skipped == sites.problems == []

    def test_the_options_and_the_condition_of_the_resource_apply(self) -> None:
        template = self.custom("nginx:1", Metadata={"ImagePinner": {"Pin": "All", "Record": "None"}}, Condition="No")
        scan_settings = self.scan_settings("$..Image")
        assert find(template, scan_settings=scan_settings).pinned[0].options.record is Record.NONE
        template["Conditions"] = {"No": {"Fn::Equals": ["a", "b"]}}
        assert skipped_paths(find(template, scan_settings=scan_settings)) == {
            "Resources.App.Properties.Image": "not deployed"
        }

    def test_an_image_outside_of_resources_is_read_with_the_options_of_the_template(self) -> None:
        template = {
            "Resources": {},
            "Mappings": {"Images": {"prod": {"Web": "nginx:1"}}},
            "Metadata": {"ImagePinner": {"Pin": "All"}},
        }
        sites = find(template, scan_settings=self.scan_settings("$.Mappings.Images.*.Web"))
        assert pinned_paths(sites) == ["Mappings.Images.prod.Web"]
        assert sites.pinned[0].resource_path.steps == ()

    def test_parameters_are_never_touched(self) -> None:
        template = {**self.custom(), "Parameters": {"Image": {"Type": "String", "Default": "!PinDigest nginx:1"}}}
        sites = find(template, {"Pin": "All"}, self.scan_settings("$.Parameters.Image.Default"))
        assert pinned_paths(sites) == []
        assert skipped_paths(sites) == {"Parameters.Image.Default": "parameter"}

    @pytest.mark.parametrize("name", ["Properties", "Resources", "Image"])
    def test_a_resource_of_any_name_is_found_around_its_image(self, name: str) -> None:
        template = {"Resources": {name: {"Type": "Custom::App", "Properties": {"Picture": "!PinDigest nginx:1"}}}}
        template["Resources"]["Fn::ForEach::L"] = ["Id", ["a", "b"], {"Properties": task("nginx:1")}]  # type: ignore[assignment]
        sites = find(template, scan_settings=self.scan_settings("$..Picture"))
        assert sites.pinned[0].resource_path.steps == ("Resources", name)

    def test_a_resource_in_a_loop_is_found_around_its_image(self) -> None:
        body = {"App${Id}": {"Type": "Custom::App", "Properties": {"Image": "!PinDigest nginx:1"}}}
        sites = find(
            {"Resources": {"Fn::ForEach::L": ["Id", ["a", "b"], body]}},
            scan_settings=self.scan_settings("$.Resources.*.Properties.Image"),
        )
        assert sites.pinned[0].resource_path.steps == ("Resources", "Fn::ForEach::L", 2, "App${Id}")

    def test_pin_all_on_a_custom_resource_type_is_accepted(self) -> None:
        template = self.custom("nginx:1", Metadata={"ImagePinner": {"Pin": "All"}})
        assert problem_texts(find(template, scan_settings=self.scan_settings("$..Image"))) == []


@pytest.mark.parametrize(
    ("key", "collection", "is_made"),
    [
        ("Is${Name}", ["A"], True),
        ("Is&{Name}", ["B", "A"], True),
        ("Is${Name}", {"Ref": "Unknown"}, True),
        ("Is${Name}", ["B"], False),
        ("Is${Name}", [], False),
        ("Was${Name}", {"Ref": "Unknown"}, False),
    ],
)
def test_a_condition_that_a_loop_makes_too_is_unknown(key: str, collection: Any, is_made: bool) -> None:  # noqa: FBT001
    web = {**task("!PinDigest nginx:1"), "Condition": "IsA"}
    loop = {"Fn::ForEach::Names": ["Name", collection, {key: {"Fn::Equals": ["a", "a"]}}]}
    written = {"IsA": {"Fn::Equals": ["a", "b"]}, 5: None}
    for conditions in ({**written, **loop}, {**written, "Fn::ForEach::Outer": ["Other", ["x"], loop]}):
        sites = find({"Resources": {"Web": web}, "Conditions": conditions})
        assert pinned_paths(sites) == ([IMAGE] if is_made else [])
        assert skipped_paths(sites) == ({} if is_made else {IMAGE: "not deployed"})


@pytest.mark.parametrize(
    ("loop", "is_made"),
    [
        (["Name", ["Repo"], {"${Name}": {"Type": "AWS::ECR::Repository"}}], True),
        (["Name", {"Ref": "Unknown"}, {"${Name}": {"Type": "AWS::ECR::Repository"}}], True),
        (["Name", ["Other"], {"${Name}": {"Type": "AWS::ECR::Repository"}}], False),
    ],
)
def test_a_repository_that_a_loop_makes_too_is_unknown(loop: list[Any], is_made: bool) -> None:  # noqa: FBT001
    repository = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "app"}}
    web = task({"Fn::Sub": "!PinDigest ${Repo.RepositoryUri}:1"})
    sites = find({"Resources": {"Repo": repository, "Fn::ForEach::Names": loop, "Web": web}})
    assert pinned_paths(sites) == ([] if is_made else [IMAGE])
    assert [str(path) for path, *_ in sites.problems] == ([IMAGE] if is_made else [])


def test_a_variable_of_two_loops_with_two_values_is_unknown() -> None:
    def nested(inner: str) -> ImageScan:
        body = {"Fn::ForEach::Inner": ["Name", [inner], {"Web": task("!PinDigest ${Name}/app:1")}]}
        return find({"Resources": {"Fn::ForEach::Outer": ["Name", ["outer"], body]}})

    assert len(nested("outer").pinned) == 1
    ((_, cause),) = problem_texts(nested("inner"))
    assert cause == "cannot resolve image: 'Name' is the variable of two loops around it"
