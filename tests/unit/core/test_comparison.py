"""Which images of two templates differ, and what that does to resources."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.comparison import (
    ChangeKind,
    Effect,
    ImageChange,
    ImageList,
    ResourceEffect,
    TemplateImage,
    compare_images,
    find_effects,
    list_images,
    plan_running_lookups,
)
from image_pinner.core.deployed import Deployed, NotDeployed
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.options import Refresh
from support.images import HEX, digest_of

OLD, NEW = f"shop/web@{digest_of('a')}", f"shop/web@{digest_of('b')}"
RECORD = "image-pinner.source"


def task(*containers: dict[str, Any] | tuple[str, Any], **more: Any) -> dict[str, Any]:
    listed = [each if isinstance(each, dict) else {"Name": each[0], "Image": each[1]} for each in containers]
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": listed}, **more}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def listed(tree: dict[str, Any], *image_paths: str) -> ImageList:
    scope = Scope.of_template(tree, {}, region="us-east-1", account_id="111122223333")
    return list_images(tree, scope, image_paths)


def compared(old: dict[str, Any], new: dict[str, Any], *image_paths: str) -> list[tuple[str, str, str]]:
    """Return what happens to each image, by resource and container."""
    changes = compare_images(listed(old, *image_paths), listed(new, *image_paths))
    return [(change.kind.value, change.image.identity.resource, change.image.identity.container) for change in changes]


def effects(old: dict[str, Any], new: dict[str, Any], *image_paths: str) -> list[ResourceEffect]:
    changes = compare_images(listed(old, *image_paths), listed(new, *image_paths))
    return list(find_effects(changes, old, new, Budget()))


class TestListing:
    def test_what_cannot_be_seen_is_hidden_with_its_reason(self) -> None:
        tree = template(
            Web={"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": {"Fn::Transform": {}}}}
        )
        found = listed(tree)
        ((path, reason),) = found.hidden.items()
        assert found.images == ()
        assert (str(path), reason) == (
            "Resources.Web.Properties.ContainerDefinitions",
            "it is the result of Fn::Transform",
        )

    @pytest.mark.parametrize("image", [{"Ref": "Missing"}, {"Fn::ImportValue": "x"}, 7, None])
    def test_an_image_that_cannot_be_resolved_has_a_reason(self, image: Any) -> None:
        (found,) = listed(template(Web=task(("web", image)))).images
        assert (found.text, found.reference, found.by_digest, found.described) == ("", None, None, None)
        assert found.unknown

    def test_a_text_that_is_not_a_reference_has_no_digest(self) -> None:
        (found,) = listed(template(Web=task(("web", "Shop/Web:1")))).images
        assert (found.text, found.reference, found.by_digest) == ("Shop/Web:1", None, None)

    def test_resources_that_are_not_mappings_have_no_images(self) -> None:
        for tree in ({}, {"Resources": []}, template(Web=[], Db={"Type": ["x"]}, Topic={"Type": "AWS::SNS::Topic"})):
            assert listed(tree) == ImageList((), {})

    def test_a_loop_is_hidden_even_where_its_values_are_known(self) -> None:
        loop = ["Name", ["A", "B"], {"Web${Name}": task(("web", OLD))}]
        found = listed({"Resources": {"Fn::ForEach::Each": loop, "Fn::ForEach::Bad": "x"}})
        assert found.images == ()
        assert sorted(map(str, found.hidden)) == [
            "Resources.Fn::ForEach::Bad",
            "Resources.Fn::ForEach::Each[2]['Web${Name}'].Properties.ContainerDefinitions[0].Image",
        ]

    def test_an_image_that_a_condition_excludes_is_not_listed(self) -> None:
        tree = template(Web=task(("web", {"Fn::If": ["Prod", OLD, NEW]})), Old=task(("old", OLD), Condition="Prod")) | {
            "Conditions": {"Prod": {"Fn::Equals": ["a", "b"]}}
        }
        assert [(image.identity.resource, image.text) for image in listed(tree).images] == [("Web", NEW)]

    def test_a_custom_path_is_listed_in_the_template_and_in_its_resource(self) -> None:
        tree = template(X={"Type": "Custom::X", "Properties": {"Image": OLD, "Count": 1}})
        tree |= {"Metadata": {"Image": NEW}, "Parameters": {"Image": {"Default": NEW}}}
        found = listed(tree, "$..Image", "$..Count").images
        assert [(image.identity.resource, image.text) for image in found] == [("X", OLD), ("", NEW)]

    @pytest.mark.parametrize(
        ("image", "labels", "metadata", "written"),
        [
            (OLD, {RECORD: "shop/web:1"}, {}, "shop/web:1"),
            (OLD, {}, {RECORD: {"Properties.ContainerDefinitions[0].Image": "shop/web:2"}}, "shop/web:2"),
            (OLD, {RECORD: "other/web:1"}, {}, ""),
            (OLD, {RECORD: {"Ref": "Missing"}}, {RECORD: []}, ""),
            (f"shop/web:3@sha256:{HEX}", {RECORD: "shop/web:1"}, {}, "shop/web:3"),
            ("shop/web:4", {RECORD: "shop/web:1"}, {}, "shop/web:4"),
        ],
    )
    def test_the_reference_that_a_digest_comes_from_is_recorded(
        self, image: str, labels: Any, metadata: Any, written: str
    ) -> None:
        tree = template(Web=task({"Name": "web", "Image": image, "DockerLabels": labels}, Metadata=metadata))
        assert [found.written for found in listed(tree).images] == [written]

    def test_tags_point_at_the_index_of_a_platform(self) -> None:
        (image,) = listed(template(F={"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": OLD}}}))[0]
        described = image._replace(index_digest=digest_of("c")).described
        assert str(described) == f"docker.io/shop/web@{digest_of('c')}"

    @pytest.mark.parametrize("running", [NotDeployed("x"), None])
    def test_a_tag_has_the_digest_that_runs_if_that_is_known(self, running: Any) -> None:
        (image,) = listed(template(Web=task(("web", "shop/web:1")))).images
        known = Deployed(ImageReference.parse(OLD), "shop/web:1", "service shop/web")
        assert image._replace(running=running).by_digest is None
        assert image._replace(running=known).by_digest == ImageReference.parse(OLD).canonical()


class TestImages:
    def test_the_same_template_changes_nothing(self) -> None:
        tree = template(Web=task(("web", OLD), ("proxy", {"Ref": "Missing"})))
        assert compared(tree, tree) == [("unchanged", "Web", "web"), ("unchanged", "Web", "proxy")]
        assert effects(tree, tree) == []

    def test_another_digest_is_a_change(self) -> None:
        assert compared(template(Web=task(("web", OLD))), template(Web=task(("web", NEW)))) == [
            ("changed", "Web", "web")
        ]

    def test_the_same_digest_in_another_form_is_rewritten(self) -> None:
        tagged = OLD.replace("@", ":1@")
        assert compared(template(Web=task(("web", tagged))), template(Web=task(("web", OLD)))) == [
            ("rewritten", "Web", "web")
        ]

    @pytest.mark.parametrize(
        ("image", "kind"), [(OLD, "rewritten"), ("shop/web:1", "changed"), ({"Ref": "Missing"}, "not compared")]
    )
    @pytest.mark.parametrize("labels", [{}, {RECORD: "shop/web:1"}, {"Fn::If": []}])
    def test_another_label_changes_the_resource(self, labels: Any, image: Any, kind: str) -> None:
        container = {"Name": "web", "Image": image}
        old = template(Web=task(container | {"DockerLabels": labels}))
        new = template(Web=task(container | {"DockerLabels": {RECORD: "shop/web:2"}}))
        assert compared(old, new) == [(kind, "Web", "web")]

    def test_another_record_in_the_metadata_does_not_change_the_resource(self) -> None:
        old, new = (
            template(Web=task(("web", OLD), Metadata={RECORD: {"Properties.ContainerDefinitions[0].Image": record}}))
            for record in ("shop/web:1", "shop/web:2")
        )
        assert compared(old, new) == [("unchanged", "Web", "web")]

    def test_the_same_digest_in_another_repository_is_a_change(self) -> None:
        assert compared(template(Web=task(("web", f"old/{OLD}"))), template(Web=task(("web", OLD)))) == [
            ("changed", "Web", "web")
        ]

    def test_an_image_that_cannot_be_resolved_is_not_compared(self) -> None:
        unknown = template(Web=task(("web", {"Ref": "Missing"})))
        for old, new in ((unknown, template(Web=task(("web", NEW)))), (template(Web=task(("web", OLD))), unknown)):
            assert compared(old, new) == [("not compared", "Web", "web")]
            assert effects(old, new) == []

    def test_containers_match_by_name_in_any_order(self) -> None:
        old, new = task(("web", OLD), ("proxy", OLD)), task(("proxy", OLD), ("web", NEW), ("new", NEW))
        assert compared(template(Web=old), template(Web=new)) == [
            ("unchanged", "Web", "proxy"),
            ("changed", "Web", "web"),
            ("added", "Web", "new"),
        ]
        assert compared(template(Web=new), template(Web=old))[-1] == ("removed", "Web", "new")

    def test_containers_without_names_match_by_position(self) -> None:
        old = template(Web=task({"Image": OLD}, {"Image": OLD}))
        new = template(Web=task({"Image": OLD}, {"Image": NEW}, {"Image": NEW}))
        assert [kind for kind, *_ in compared(old, new)] == ["unchanged", "changed", "added"]

    def test_two_containers_of_one_name_do_not_match_another_two(self) -> None:
        old = template(Web=task(("web", OLD), ("web", OLD)))
        new = template(Web=task({"Image": "x:1"}, {"Image": "x:1"}, ("web", NEW), ("web", NEW)))
        assert [kind for kind, *_ in compared(old, new)] == ["added"] * 4 + ["removed"] * 2

    def test_a_function_of_sam_matches_what_it_becomes(self) -> None:
        old = template(F={"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": OLD}}})
        new = template(F={"Type": "AWS::Serverless::Function", "Properties": {"ImageUri": NEW}})
        assert compared(old, new) == [("changed", "F", "")]
        assert effects(old, new) == [ResourceEffect("F", "AWS::Serverless::Function", Effect.UPDATED)]

    def test_an_image_that_a_loop_may_create_is_not_removed(self) -> None:
        old = template(WebA=task(("web", OLD)), WebB=task(("web", OLD)), Job=task(("job", OLD)))
        new = {"Resources": {"Fn::ForEach::Each": ["N", ["A", "B"], {"Web${N}": task(("web", NEW))}]}}
        assert compared(old, new) == [("removed", "Job", "job")]
        assert compared(new, old) == [("added", "Job", "job")]
        assert compared(old, {"Resources": {"Fn::ForEach::Each": "x"}}) == []

    def test_a_change_without_an_image_is_an_internal_error(self) -> None:
        with pytest.raises(AssertionError):
            _ = ImageChange(None, None).image


class TestEffects:
    def test_only_replaced_or_new_task_definitions_redeploy_services_and_only_those_that_exist(self) -> None:
        service = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "Web"}}}
        old = template(Web=task(("web", OLD)), Service=service, Other={**service, "Properties": {}})
        new = template(Web=task(("web", NEW)), Service=service, Second=service)
        assert effects(old, new) == [ResourceEffect("Web", "AWS::ECS::TaskDefinition", Effect.REPLACED, ("Service",))]
        assert effects(new, old)[0].services == ("Service",)

    @pytest.mark.parametrize(
        ("resource", "effect"),
        [
            (lambda image: {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": image}}}, "updated"),
            (
                lambda image: {
                    "Type": "AWS::EMRServerless::Application",
                    "Properties": {"ImageConfiguration": {"ImageUri": image}},
                },
                "may be replaced",
            ),
            (lambda image: {"Type": "Custom::X", "Properties": {"Image": image}}, "may be replaced"),
        ],
    )
    def test_the_resource_type_decides(self, resource: Any, effect: str) -> None:
        (found,) = effects(template(X=resource(OLD)), template(X=resource(NEW)), "$..Image")
        assert found.effect == effect

    def test_resources_are_created_and_deleted(self) -> None:
        old, new = template(A=task(("a", OLD))), template(B=task(("b", OLD)))
        assert [(found.resource, found.effect.value) for found in effects(old, new)] == [
            ("A", "deleted"),
            ("B", "created"),
        ]

    def test_the_most_severe_effect_counts(self) -> None:
        def package(image: str) -> dict[str, Any]:
            containers = {"Containers": [{"Image": image}]}
            properties = {"AdditionalInferenceSpecifications": [containers], "InferenceSpecification": containers}
            return template(P={"Type": "AWS::SageMaker::ModelPackage", "Properties": properties})

        assert [found.effect for found in effects(package(OLD), package(NEW))] == [Effect.REPLACED]

    def test_an_image_outside_of_resources_has_no_effect(self) -> None:
        old, new = {"Metadata": {"Image": OLD}}, {"Metadata": {"Image": NEW}}
        assert compared(old, new, "$.Metadata.Image") == [("changed", "", "")]
        assert effects(old, new, "$.Metadata.Image") == []

    def test_only_changes_are_changes(self) -> None:
        assert {kind for kind in ChangeKind if not kind.is_change} == {ChangeKind.UNCHANGED, ChangeKind.NOT_COMPARED}


class TestRunning:
    def test_what_runs_is_looked_up_by_stack_and_service(self) -> None:
        service = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "Web"}}}
        tree = template(Web=task(("web", OLD)), Service=service, X={"Type": "Custom::X", "Properties": {"Image": OLD}})
        images: tuple[TemplateImage, ...] = listed(tree, "$..Image").images
        ((path, lookup),) = plan_running_lookups(images, tree, "shop", Budget()).items()
        assert str(path) == "Resources.Web.Properties.ContainerDefinitions[0].Image"
        assert (lookup.refresh, lookup.stack_name, lookup.services) == (Refresh.NEVER, "shop", ("Service",))
        assert lookup.record_path == "Properties.ContainerDefinitions[0].Image"
