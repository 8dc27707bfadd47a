"""Which deployed images are looked up, and which a template may not look up."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.deployed import (
    ALL_STATE,
    DeployedLookup,
    NotKnown,
    StatePattern,
    find_denied,
    needs_deployed,
    plan_deployed_lookups,
)
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.find import find_images
from image_pinner.core.template.options import Refresh
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.sites import PinSite, ScanSettings, SiteIdentity
from support.images import HEX
from support.templates import ECR, task, template_of

IMAGE = "Properties.ContainerDefinitions[0].Image"
NEVER = {"Refresh": "Never"}
OPEN = {"Open": {"Fn::Equals": [{"Ref": "AWS::StackId"}, "x"]}}


def sites_of(template: dict[str, Any], params: dict[str, Any] | None = None) -> list[PinSite]:
    scope = Scope.of_template(template, {}, region="us-east-1", account_id="111122223333")
    scan = find_images(template, params or {}, scope, ScanSettings())
    assert not scan.problems
    return scan.pinned


def lookups_of(
    template: dict[str, Any], params: dict[str, Any] | None = None, stack_name: str = "shop"
) -> list[DeployedLookup]:
    return list(plan_deployed_lookups(sites_of(template, params), template, Scope(stack_name=stack_name)).values())


def service(task_definition: Any) -> dict[str, Any]:
    return {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": task_definition}}


def lookup(resource: str = "Web", **fields: Any) -> DeployedLookup:
    identity = SiteIdentity(resource, "web", TemplatePath(("Properties", "Image")))
    refresh = fields.pop("refresh", Refresh.NEVER)
    return DeployedLookup(identity, "AWS::ECS::TaskDefinition", refresh, "Properties.Image", **fields)


def denial(*allowed: str, resource: str = "Web", **fields: Any) -> NotKnown:
    found = find_denied(lookup(resource, **fields), [StatePattern.parse(text) for text in allowed])
    assert found is not None
    return found


class TestStatePattern:
    @pytest.mark.parametrize("text", ["", "*", "shop", "stack", "stack:", "stack:  ", ":shop", "Stack:shop", "task:x"])
    def test_another_form_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"^write stack:NAME, service:CLUSTER/SERVICE or family:NAME, with "):
            StatePattern.parse(text)

    @pytest.mark.parametrize(
        ("pattern", "kind", "name"),
        [
            ("stack:shop", "stack", "shop-prod"),
            ("stack:shop", "stack", "my-shop"),
            ("stack:shop", "stack", "Shop"),
            ("stack:shop", "family", "shop"),
            ("stack:*", "service", "shop/web"),
            ("family:web.api", "family", "web-api"),
            ("service:shop/*", "service", "other/shop/"),
            ("stack:shop", "stack", "shop\n"),
            ("stack:*-prod", "stack", "shop-prod-2"),
            ("stack:(shop|web)", "stack", "shop"),
        ],
    )
    def test_another_kind_or_name_does_not_match(self, pattern: str, kind: str, name: str) -> None:
        assert not StatePattern.parse(pattern).matches(kind, name)

    @pytest.mark.parametrize(
        ("pattern", "kind", "name"),
        [
            ("stack:shop", "stack", "shop"),
            ("stack: shop ", "stack", "shop"),
            ("stack:*", "stack", "shop"),
            ("stack:shop-*", "stack", "shop-prod"),
            ("stack:shop-**", "stack", "shop-"),
            ("service:*/web", "service", "shop/web"),
            ("family:*web*", "family", "my-web-1"),
        ],
    )
    def test_a_name_matches(self, pattern: str, kind: str, name: str) -> None:
        assert StatePattern.parse(pattern).matches(kind, name)


class TestDenied:
    def test_an_unknown_stack_is_not_known_with_the_line_that_sets_it(self) -> None:
        found = denial("stack:*", "service:*", "family:*")
        assert found.cause == "Refresh is Never, and the stack is not known"
        assert found.help == "set StackName: !Ref AWS::StackName in the Parameters of the Transform"

    @pytest.mark.parametrize("allowed", [(), ("stack:other",), ("service:*", "family:*"), ("stack:sho",)])
    def test_a_stack_that_is_not_allowed_is_not_known(self, allowed: tuple[str, ...]) -> None:
        found = denial(*allowed, stack_name="shop")
        assert found.cause == "the configuration does not allow templates to look up what stack 'shop' runs"
        assert "IMAGE_PINNER_STATE_SCOPE" in found.help

    @pytest.mark.parametrize("allowed", [(), ("stack:*", "family:*"), ("service:shop/api",)])
    def test_a_service_that_is_not_allowed_is_not_known(self, allowed: tuple[str, ...]) -> None:
        found = denial(*allowed, stack_name="shop", named_services=("shop/api", "shop/web"))
        assert "look up what service 'shop/" in found.cause

    def test_every_named_service_must_be_allowed(self) -> None:
        found = denial("service:shop/api", named_services=("shop/api", "shop/web"))
        assert "what service 'shop/web' runs" in found.cause

    @pytest.mark.parametrize("allowed", [(), ("stack:*", "service:*"), ("family:other",)])
    def test_a_family_that_is_not_allowed_is_not_known(self, allowed: tuple[str, ...]) -> None:
        assert "what family 'web' runs" in denial(*allowed, stack_name="shop", family="web").cause

    def test_a_family_is_denied_also_where_its_service_is_allowed(self) -> None:
        assert "what family 'web' runs" in denial("service:*", named_services=("shop/web",), family="web").cause

    def test_an_image_of_a_snippet_is_not_known(self) -> None:
        found = denial("stack:*", resource="", stack_name="shop", refresh=Refresh.ON_CHANGE)
        assert found.cause == "Refresh is OnChange, and a snippet does not contain the resource of its image"

    @pytest.mark.parametrize(
        ("resource", "services"),
        [("Web${Id}", ()), ("Web&{Id}", ()), ("Web", ("Api", "Web${Id}")), ("Web", ("Api", "Web&{Id}"))],
    )
    def test_a_resource_or_service_in_a_loop_is_not_known(self, resource: str, services: tuple[str, ...]) -> None:
        found = denial("stack:*", resource=resource, stack_name="shop", services=services)
        assert found.cause.endswith("{Id}' is in an Fn::ForEach")
        assert "AWS::LanguageExtensions" in found.help

    @pytest.mark.parametrize(
        "fields",
        [
            {"stack_name": "shop", "services": ("Service",)},
            {"named_services": ("shop/web",)},
            {"named_services": ("shop/web",), "services": ("Service${Id}",)},
            {"family": "web"},
            {"stack_name": "shop", "services": ("Service",), "alternative": "Other"},
        ],
    )
    def test_an_allowed_lookup_is_not_denied(self, fields: dict[str, Any]) -> None:
        assert find_denied(lookup(**fields), ALL_STATE) is None

    def test_a_service_that_is_allowed_does_not_allow_the_stack_next_to_it(self) -> None:
        denied = denial("service:*", stack_name="billing", named_services=("shop/web",))
        assert "stack 'billing'" in denied.cause


class TestPlan:
    @pytest.mark.parametrize(
        "image",
        ["!PinDigest nginx:1", "!PinDigest Refresh=Always nginx:1", f"!PinDigest Refresh=Never nginx:1@sha256:{HEX}"],
    )
    def test_an_image_that_is_resolved_or_has_a_digest_needs_no_lookup(self, image: str) -> None:
        (site,) = sites_of(template_of(image))
        assert not needs_deployed(site)
        assert lookups_of(template_of(image)) == []

    def test_the_more_specific_option_decides(self) -> None:
        template = {"Resources": {"A": task("!PinDigest Refresh=Always nginx:1"), "B": task("!PinDigest nginx:1")}}
        assert [found.identity.resource for found in lookups_of(template, NEVER)] == ["B"]

    def test_a_lookup_has_what_the_template_sets(self) -> None:
        template = template_of("!PinDigest Refresh=OnChange nginx:1")
        template["Resources"]["Web"]["Metadata"] = {"ImagePinner": {"Service": ["a/b", "a/c"], "Family": "web"}}
        assert lookups_of(template) == [
            DeployedLookup(
                SiteIdentity("Web", "web", TemplatePath(("Properties", "ContainerDefinitions", 0, "Image"))),
                "AWS::ECS::TaskDefinition",
                Refresh.ON_CHANGE,
                IMAGE,
                "shop",
                (),
                ("a/b", "a/c"),
                "web",
                "",
                frozenset({"Web"}),
                frozenset(),
                "nginx:1",
            )
        ]

    def test_a_lookup_of_a_function_has_its_type_and_path(self) -> None:
        properties = {"Code": {"ImageUri": f"!PinDigest {ECR}/app:1"}}
        template = {"Resources": {"Web": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
        (found,) = lookups_of(template, NEVER)
        assert (found.resource_type, found.record_path) == ("AWS::Lambda::Function", "Properties.Code.ImageUri")

    def test_the_branches_of_an_image_have_the_path_of_their_property(self) -> None:
        image = {"Fn::If": ["Open", "!PinDigest a:1", {"Fn::If": ["Open", "!PinDigest b:1", "!PinDigest c:1"]}]}
        found = lookups_of(template_of(image, Conditions=OPEN), NEVER)
        assert [entry.record_path for entry in found] == [IMAGE] * 3
        assert len({entry.identity for entry in found}) == 3

    def test_a_container_in_a_branch_has_the_path_that_is_recorded(self) -> None:
        template = template_of("x", Conditions=OPEN)
        container = {"Name": "web", "Image": "!PinDigest nginx:1"}
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"] = [
            {"Fn::If": ["Open", container, {"Ref": "AWS::NoValue"}]}
        ]
        (found,) = lookups_of(template, NEVER)
        assert found.record_path == "Properties.ContainerDefinitions[0].Fn::If[1].Image"

    @pytest.mark.parametrize(
        "target",
        [
            {"Ref": "Web"},
            {"Fn::GetAtt": ["Web", "TaskDefinitionArn"]},
            {"Fn::GetAtt": "Web.TaskDefinitionArn"},
            {"Fn::Sub": "${Web}"},
            {"Fn::Sub": "${ Web }"},
            {"Fn::Sub": "${ Web.TaskDefinitionArn }"},
            {"Fn::Sub": "${Web.TaskDefinitionArn}"},
            {"Fn::Sub": ["${Arn}", {"Arn": {"Ref": "Web"}}]},
            {"Fn::If": ["Open", {"Ref": "Web"}, {"Ref": "Other"}]},
            {"Fn::If": ["Open", {"Ref": "AWS::NoValue"}, {"Ref": "Web"}]},
        ],
    )
    def test_services_are_found_by_their_references(self, target: Any) -> None:
        template = template_of("!PinDigest nginx:1", Conditions=OPEN)
        template["Resources"] |= {"Api": service({"Ref": "Web"}), "Shop": service(target)}
        assert [found.services for found in lookups_of(template, NEVER)] == [("Api", "Shop")]

    @pytest.mark.parametrize(
        "other",
        [
            service({"Ref": "Other"}),
            service("Web"),
            service({"Fn::Sub": "Web ${!Web}"}),
            {"Type": "AWS::ECS::Service"},
            {"Type": "AWS::ECS::Service", "Properties": [{"Ref": "Web"}]},
            {"Type": "AWS::ECS::Service", "Properties": {"Cluster": {"Ref": "Web"}}},
            {"Type": ["AWS::ECS::Service"], "Properties": {"TaskDefinition": {"Ref": "Web"}}},
            {"Type": "AWS::Events::Rule", "Properties": {"TaskDefinition": {"Ref": "Web"}}},
            None,
        ],
    )
    def test_other_resources_are_not_services_of_a_task_definition(self, other: Any) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Other"] = other
        assert [found.services for found in lookups_of(template, NEVER)] == [()]

    def test_a_service_is_found_once(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Api"] = service({"Fn::If": ["Open", {"Ref": "Web"}, {"Ref": "Web"}]})
        assert [found.services for found in lookups_of(template, NEVER)] == [("Api",)]

    def test_a_service_in_a_loop_is_found_with_the_variable_in_its_name(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Fn::ForEach::Services"] = ["Id", ["a", "b"], {"Api${Id}": service({"Ref": "Web"})}]
        assert [found.services for found in lookups_of(template, NEVER)] == [("Api${Id}",)]

    @pytest.mark.parametrize(
        "target",
        [{"Ref": "W${Id}b"}, {"Ref": "We&{Id}"}, {"Ref": "Id"}, {"Fn::Sub": "${Id}"}, {"Fn::GetAtt": "W${Id}.Arn"}],
    )
    def test_a_service_in_a_loop_may_run_what_its_variable_can_name(self, target: Any) -> None:
        template = template_of("!PinDigest nginx:1")
        loop = {"Fn::ForEach::Inner": ["No", ["1"], {"Api${Id}${No}": service(target)}]}
        template["Resources"]["Fn::ForEach::Services"] = ["Id", ["e"], loop]
        assert [found.services for found in lookups_of(template, NEVER)] == [("Api${Id}${No}",)]

    @pytest.mark.parametrize("target", [{"Ref": "Job${Id}"}, {"Ref": "W${Id}er"}, {"Ref": "((("}])
    def test_a_service_in_a_loop_does_not_run_other_task_definitions(self, target: Any) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Fn::ForEach::Services"] = ["Id", ["a"], {"Api${Id}": service(target)}]
        assert [found.services for found in lookups_of(template, NEVER)] == [()]

    def test_all_task_definitions_of_a_service_are_alternatives(self) -> None:
        template = template_of("!PinDigest nginx:1", Conditions=OPEN | {"No": {"Fn::Equals": ["a", "b"]}})
        template["Resources"]["Unmarked"] = task("nginx:1")
        template["Resources"]["Absent"] = task("!PinDigest nginx:1") | {"Condition": "No"}
        branches = {"Fn::If": ["Open", {"Ref": "Web"}, {"Fn::If": ["No", {"Ref": "Absent"}, {"Ref": "Unmarked"}]}]}
        template["Resources"]["Api"] = service(branches)
        (found,) = lookups_of(template, NEVER)
        assert (found.alternative, found.declared) == ("Absent", {"Web", "Absent", "Unmarked"})

    def test_services_that_refer_to_any_task_definition_are_known(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"] |= {"Jobs": task("nginx:1"), "Worker": service({"Ref": "Jobs"})}
        template["Resources"] |= {"Imported": service({"Fn::ImportValue": "x"}), "Web2": service({"Ref": "Web"})}
        (found,) = lookups_of(template, NEVER)
        assert (found.services, found.referring) == (("Web2",), {"Worker", "Web2"})

    def test_a_task_definition_in_a_loop_is_declared_with_the_variable_in_its_name(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Fn::ForEach::Tasks"] = ["Id", ["a"], {"Job${Id}": task("nginx:1")}]
        (found,) = lookups_of(template, NEVER)
        assert found.declared == {"Web", "Job${Id}"}
        assert [found.may_declare(name) for name in ("Web", "Joba", "Web2", "jobs")] == [True, True, False, False]
