"""The rules of `check` beyond their examples: what they report, and what they do not report."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.check import check_template
from image_pinner.core.gates.configuration import GateRules, parse_gates
from image_pinner.core.template.edits import Replace
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.core.template.options import Options, Pin
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.sites import ScanSettings
from support.images import HEX
from support.templates import NO_VALUE, task

ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com/app"
DIGEST = f"{ECR}@sha256:{HEX}"
MARKED = f"!PinDigest {ECR}:1"
ALLOWED = parse_gates(
    [f"repositories.allow={name}/*" for name in ("docker.io", "quay.io", "*.amazonaws.com", "public.ecr.aws")]
)
CONDITIONS = {"C": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "a"]}, "D": {"Fn::Equals": [{"Ref": "AWS::Region"}, "a"]}}


def found(
    resources: dict[str, Any],
    *,
    gates: GateRules | None = None,
    scan_settings: ScanSettings | None = None,
    **sections: Any,
) -> list[tuple[str, str]]:
    """Return the slugs and the paths of the findings."""
    scan_settings = scan_settings or ScanSettings()
    template = {"Transform": "ImagePinner", **sections, "Resources": resources}
    fragment = Fragment(Shape.TEMPLATE, template, {}, template)
    findings = check_template(
        fragment,
        {},
        scan_settings._replace(operator=scan_settings.operator._replace(gates=gates)),
        names_macro="ImagePinner" in str(template["Transform"]),
    )
    return [(finding.rule.slug, str(finding.path)) for finding in findings]


IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"


@pytest.mark.parametrize("image", ["denied.example/a", "!PinDigest denied.example/a", {"Fn::Sub": "denied.example/a"}])
def test_an_image_without_a_tag_is_not_reported_as_denied_or_unpinned(image: Any) -> None:
    assert found({"Web": task(image)}, gates=ALLOWED) == [("missing-tag", IMAGE)]


@pytest.mark.parametrize("image", ["denied.example/a:1", "!PinDigest denied.example/a:1"])
def test_a_denied_image_is_reported_with_or_without_a_marker(image: str) -> None:
    assert found({"Web": task(image)}, gates=ALLOWED) == [("denied-image", IMAGE)]


class TestDuplicateNames:
    def names(self, containers: Any, kind: str = "AWS::ECS::TaskDefinition") -> list[str]:
        web = {"Type": kind, "Properties": {"ContainerDefinitions": containers}}
        findings = found({"Web": web}, Conditions=CONDITIONS)
        return [path for slug, path in findings if slug == "duplicate-container-name"]

    def container(self, name: Any = "a") -> dict[str, Any]:
        return {"Name": name, "Image": MARKED}

    def test_each_further_container_is_reported(self) -> None:
        assert self.names([self.container() for _ in range(3)]) == [
            f"Resources.Web.Properties.ContainerDefinitions[{number}].Name" for number in (1, 2)
        ]

    def test_evaluated_names_count(self) -> None:
        assert len(self.names([self.container(), self.container({"Fn::Sub": "a"})])) == 1

    @pytest.mark.parametrize(
        "containers",
        [
            [{"Fn::If": ["C", {"Name": "a", "Image": MARKED}, {"Name": "a", "Image": MARKED}]}],
            [{"Fn::If": ["C", {"Name": "a"}, NO_VALUE]}, {"Fn::If": ["C", NO_VALUE, {"Name": "a"}]}],
            {"Fn::If": ["C", [{"Name": "a"}], [{"Name": "a"}]]},
            [{"Name": "a"}, {"Name": {"Ref": "Unknown"}}, {"Name": {"Ref": "Unknown"}}, {}, {"Name": ""}, {"Name": ""}],
        ],
    )
    def test_containers_that_exclude_each_other_or_have_unknown_names_are_not_duplicates(self, containers: Any) -> None:
        assert self.names(containers) == []

    def test_containers_under_different_conditions_are_duplicates(self) -> None:
        containers = [{"Fn::If": ["C", {"Name": "a"}, NO_VALUE]}, {"Fn::If": ["D", {"Name": "a"}, NO_VALUE]}]
        assert len(self.names(containers)) == 1

    def test_lists_of_different_resources_and_properties_are_separate(self) -> None:
        pods = {"Containers": [{"Name": "a", "Image": MARKED}], "InitContainers": [{"Name": "a", "Image": MARKED}]}
        job = {"Type": "AWS::Batch::JobDefinition", "Properties": {"EksProperties": {"PodProperties": pods}}}
        assert found({"Web": task(MARKED), "Api": task(MARKED), "Job": job}) == []


class TestUnrecordedTags:
    @pytest.mark.parametrize("image", [DIGEST, f"!PinDigest {DIGEST}"])
    def test_a_digest_without_a_tag_is_reported(self, image: str) -> None:
        assert ("unrecorded-tag", IMAGE) in found({"Web": task(image)})

    def test_a_tag_in_a_label_is_a_record(self) -> None:
        labels = {"image-pinner.source": f"{ECR}:1"}
        assert ("unrecorded-tag", IMAGE) not in found({"Web": task(DIGEST, DockerLabels=labels)})

    def test_a_tag_in_metadata_is_a_record(self) -> None:
        code = {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": DIGEST}}}
        metadata = {"image-pinner.source": {"Properties.Code.ImageUri": f"{ECR}:1"}}
        path = "Resources.Web.Properties.Code.ImageUri"

        assert ("unrecorded-tag", path) in found({"Web": code})
        assert ("unrecorded-tag", path) not in found({"Web": {**code, "Metadata": metadata}})

    def test_a_record_of_another_repository_does_not_count(self) -> None:
        labels = {"image-pinner.source": "nginx:1"}
        assert ("unrecorded-tag", IMAGE) in found({"Web": task(DIGEST, DockerLabels=labels)})


class TestPublicImages:
    @pytest.mark.parametrize("image", ["nginx:1", "index.docker.io/a/b:1", "public.ecr.aws/a/b:1", "ghcr.io/a/b:1"])
    @pytest.mark.parametrize("marker", ["", "!PinDigest "])
    def test_a_tag_in_a_public_registry_is_reported(self, image: str, marker: str) -> None:
        assert ("mutable-public-image", IMAGE) in found({"Web": task(marker + image)})

    @pytest.mark.parametrize(
        "image", [f"{ECR}:1", "registry.example/a:1", f"nginx@sha256:{HEX}", f"nginx:1@sha256:{HEX}"]
    )
    def test_other_registries_and_digests_are_not_reported(self, image: str) -> None:
        assert ("mutable-public-image", IMAGE) not in found({"Web": task(image)})


class TestTransforms:
    @pytest.mark.parametrize(
        "transform",
        [
            ["ImagePinner", "Sidecars"],
            ["AWS::LanguageExtensions", {"Name": "ImagePinner"}, {"Name": "Sidecars"}],
            ["ImagePinner", {"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}],
        ],
    )
    def test_a_later_transform_that_can_add_images_is_reported(self, transform: list[Any]) -> None:
        assert found({"Web": task(MARKED)}, Transform=transform) == [("transform-order", "Transform")]

    @pytest.mark.parametrize(
        "transform",
        ["ImagePinner", ["Sidecars", "ImagePinner"], ["ImagePinner", "AWS::Serverless-2016-10-31", "AWS::X"]],
    )
    def test_other_orders_are_not_reported(self, transform: Any) -> None:
        assert found({"Web": task(MARKED)}, Transform=transform) == []

    @pytest.mark.parametrize(
        ("web", "path"),
        [
            (task(MARKED), IMAGE),
            (task({"Fn::Sub": MARKED}), f"{IMAGE}.Fn::Sub"),
            (task({"Fn::If": ["Never", MARKED, DIGEST]}), f"{IMAGE}.Fn::If[1]"),
            (
                {**task(f"{ECR}:1"), "Metadata": {"ImagePinner": {"Pin": "All"}}},
                "Resources.Web.Metadata.ImagePinner",
            ),
        ],
        ids=["text", "Sub", "If", "Metadata"],
    )
    def test_the_macro_is_missing_for_a_request_in_a_branch_that_conditions_exclude(
        self, web: dict[str, Any], path: str
    ) -> None:
        conditions = {"Never": {"Fn::Equals": ["dev", "prod"]}}
        resources = {"Web": {**web, "Condition": "Never"}}

        assert ("missing-transform", path) in found(resources, Conditions=conditions, Transform="")

    @pytest.mark.parametrize(
        ("transform", "expected"),
        [
            ("Sidecars", ["Sidecars", "ImagePinner"]),
            ({"Name": "AWS::Include"}, [{"Name": "AWS::Include"}, "ImagePinner"]),
            ("AWS::Serverless-2016-10-31", ["ImagePinner", "AWS::Serverless-2016-10-31"]),
            (["Sidecars", "AWS::Serverless-2016-10-31"], ["Sidecars", "ImagePinner", "AWS::Serverless-2016-10-31"]),
            (["AWS::LanguageExtensions", "Sidecars"], ["AWS::LanguageExtensions", "Sidecars", "ImagePinner"]),
            ([], "ImagePinner"),
            (None, "ImagePinner"),
        ],
    )
    def test_the_macro_is_added_after_the_transforms_that_can_add_images(self, transform: Any, expected: Any) -> None:
        template = {"Transform": transform, "Resources": {"Web": task(MARKED)}}
        fragment = Fragment(Shape.TEMPLATE, template, {}, template)
        findings = check_template(fragment, {}, ScanSettings(), names_macro=False)

        assert [each.fix for each in findings if each.fix] == [Replace(TemplatePath(("Transform",)), expected)]

    def test_an_include_before_the_macro_hides_images_from_check_only(self) -> None:
        transform = [{"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}, "ImagePinner"]
        assert found({"Web": task(MARKED)}, Transform=transform) == [("included-image", "Transform")]

    def test_a_call_inside_a_resource_hides_images(self) -> None:
        call = {"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}
        web = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Fn::Transform": call}}
        skipped = {**web, "Metadata": {"ImagePinner": {"Pin": "Skip"}}}
        pinned = {**web, "Metadata": {"ImagePinner": {"Pin": "All"}}}

        assert found({"Web": web}) == [("included-image", "Resources.Web.Properties")]
        assert found({"Web": skipped, "Api": task(MARKED)}) == []
        assert found({"Web": pinned}) == [("unresolved-image", "Resources.Web.Properties")]

    def test_a_snippet_of_the_macro_hides_nothing(self) -> None:
        properties = {**SNIPPET, "ContainerDefinitions": [{"Name": "a", "Image": f"{ECR}:1"}]}
        assert found({"Web": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}) == []


SNIPPET = {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Pin": "All"}}}


class TestSnippets:
    """What the macro refuses when CloudFormation calls it for a part of the template."""

    PROPERTIES = "Resources.Web.Properties"

    def properties(
        self, *, kind: str = "AWS::ECS::TaskDefinition", gates: GateRules | None = None, **properties: Any
    ) -> list[tuple[str, str]]:
        parameters = {
            "Image": {"Type": "String"},
            "Tag": {"Type": "String", "Default": "1"},
            "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"},
        }
        return found(
            {"Web": {"Type": kind, "Properties": {**SNIPPET, **properties}}}, gates=gates, Parameters=parameters
        )

    def containers(self, image: Any) -> list[tuple[str, str]]:
        gates = ALLOWED if image == "denied.example/a:1" else None
        return self.properties(gates=gates, ContainerDefinitions=[{"Name": "a", "Image": image}])

    def test_a_snippet_without_an_image_is_refused(self) -> None:
        assert self.properties() == [("invalid-marker", f"{self.PROPERTIES}.Fn::Transform")]

    @pytest.mark.parametrize(
        ("image", "rule"),
        [
            ("nginx", "missing-tag"),
            ("Nginx:1", "invalid-reference"),
            ("denied.example/a:1", "denied-image"),
            ({"Fn::Sub": "shop/${Tag}"}, "missing-tag"),
            ({"Fn::ImportValue": {"Fn::GetAtt": ["A", "B"]}}, "unresolved-image"),
        ],
    )
    def test_an_image_next_to_a_snippet_is_checked(self, image: Any, rule: str) -> None:
        path = f"{self.PROPERTIES}.ContainerDefinitions[0].Image"
        assert (rule, path) in self.containers(image)

    @pytest.mark.parametrize(
        "image", [f"{ECR}:1", {"Ref": "Image"}, {"Ref": "Stored"}, {"Fn::Sub": f"{ECR}:${{Tag}}"}, DIGEST]
    )
    def test_an_image_that_is_valid_or_unknown_is_accepted(self, image: Any) -> None:
        assert [slug for slug, _ in self.containers(image) if slug != "unrecorded-tag"] == []

    @pytest.mark.parametrize("image", [f"{ECR}:1", {"Ref": "Image"}])
    def test_the_image_of_a_snippet_in_an_unknown_property_is_checked(self, image: Any) -> None:
        call = {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": image}}}
        assert (
            found(
                {"Job": {"Type": "Custom::Job", "Properties": {"Url": call}}}, Parameters={"Image": {"Type": "String"}}
            )
            == []
        )

        call = {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "Nginx:1"}}}
        assert found({"Job": {"Type": "Custom::Job", "Properties": {"Url": call}}}) == [
            ("invalid-reference", "Resources.Job.Properties.Url.Fn::Transform")
        ]

    def test_a_snippet_in_a_resource_and_in_the_resources_is_checked(self) -> None:
        resource = {**task("nginx"), **SNIPPET}
        assert ("missing-tag", IMAGE) in found({"Web": resource})
        assert ("missing-tag", IMAGE) in found({"Web": task("nginx"), **SNIPPET})


class TestUnusedTransform:
    TOPIC = {"Topic": {"Type": "AWS::SNS::Topic"}}  # noqa: RUF012 - read only

    @pytest.mark.parametrize("resources", [TOPIC, {"Web": task(f"{ECR}:1@sha256:{HEX}")}])
    def test_a_template_without_a_request_is_reported(self, resources: dict[str, Any]) -> None:
        assert found(resources) == [("unused-transform", "Transform")]

    def test_skipped_images_are_not_a_request(self) -> None:
        web = {**task("nginx:1"), "Metadata": {"ImagePinner": {"Pin": "Skip"}}}
        assert found({"Web": web}) == [("unused-transform", "Transform")]

    @pytest.mark.parametrize(
        "sections",
        [
            {"Metadata": {"ImagePinner": {"Pin": "All"}}},
            {"Parameters": {"Image": {"Type": "String", "Default": "!PinDigest nginx:1"}}},
            {"Transform": ["Sidecars", "ImagePinner"]},
        ],
    )
    def test_a_template_that_can_request_a_pin_is_not_reported(self, sections: dict[str, Any]) -> None:
        assert found(self.TOPIC, **sections) == []

    def test_the_configuration_can_request_all_pins(self) -> None:
        assert found(self.TOPIC, scan_settings=ScanSettings(operator=Options(pin=Pin.ALL))) == []

    def test_an_image_without_a_marker_is_reported_instead(self) -> None:
        assert found({"Web": task(f"{ECR}:1")}) == [("unpinned-image", IMAGE)]

    def test_a_marked_image_under_a_false_condition_is_a_request(self) -> None:
        web = {**task(MARKED), "Condition": "No"}
        assert found({"Web": web}, Conditions={"No": {"Fn::Equals": ["a", "b"]}}) == []


@pytest.mark.parametrize(
    ("transform", "help"),
    [
        (["ImagePinner", "AWS::LanguageExtensions"], "put ImagePinner after AWS::LanguageExtensions in Transform, or"),
        (["AWS::LanguageExtensions", "ImagePinner"], "check the processed template with image-pinner expand, and"),
    ],
)
def test_the_help_about_a_loop_depends_on_the_order_of_transforms(transform: list[str], help: str) -> None:
    loop = ["Name", ["a", "b"], {"Task${Name}": task({"Fn::Sub": f"!PinDigest {ECR}/${{Name}}:1"})}]
    template = {"Transform": transform, "Resources": {"Fn::ForEach::Tasks": loop}}
    fragment = Fragment(Shape.TEMPLATE, template, {}, template)

    (finding,) = check_template(fragment, {}, ScanSettings(), names_macro=True)

    assert finding.rule.slug == "unresolved-image"
    assert finding.help.startswith(help)
