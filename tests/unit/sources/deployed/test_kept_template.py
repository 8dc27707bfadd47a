"""Templates that keep what AWS reports: the pinned template is the one that is deployed, byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.deployed import ALL_STATE
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.fragments import read_fragment
from image_pinner.pinning import PinResult, Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.deployed.source import AwsDeployedImages
from image_pinner.sources.interface import Deadline
from support.deployed_images import REGION, REPOSITORY, SECOND, FakeAws, container, error, service_arn
from support.templates import EveryDigest, digest_of, image_in, problems_of, task

DEPLOYED = f"{REPOSITORY}@{digest_of(f'{REPOSITORY}:1')}"


def template(tag: str = "1") -> dict[str, Any]:
    service = {"Cluster": "main", "ServiceName": "web", "TaskDefinition": {"Ref": "Web"}}
    return {
        "Resources": {
            "Web": task(f"!PinDigest {REPOSITORY}:{tag}"),
            "Service": {"Type": "AWS::ECS::Service", "Properties": service},
        }
    }


def pin(aws: FakeAws, digests: EveryDigest, tag: str = "1", **options: str) -> PinResult:
    fragment = read_fragment(template(tag), {"StackName": "shop", **options})
    scope = Scope.of_template(template(tag), {}, region=REGION, account_id="")
    resolvers = Resolvers(digests, deployed=AwsDeployedImages(AwsClients(lambda: aws), REGION))
    settings = Settings(state_scope=ALL_STATE)
    return pin_template(fragment, scope, settings, lambda _: resolvers, Deadline.after(60))


def deploy(pinned: Any) -> FakeAws:
    """Return the state after the deployment of a pinned template."""
    aws = FakeAws()
    (declared,) = pinned["Resources"]["Web"]["Properties"]["ContainerDefinitions"]
    label = declared.get("DockerLabels", {}).get("image-pinner.source")
    aws.stack(
        Web=("AWS::ECS::TaskDefinition", aws.task_definition("shop:1", container(declared["Image"], label=label))),
        Service=("AWS::ECS::Service", service_arn("main", "web")),
    )
    aws.running("main/web", "shop:1")
    aws.templates["shop"] = pinned
    return aws


@pytest.fixture(params=["Label", "Metadata"])
def first(request: pytest.FixtureRequest) -> tuple[str, PinResult]:
    """Return where the reference is recorded, and the first pinned template."""
    return request.param, pin(FakeAws(), EveryDigest(), Record=request.param, Refresh="OnChange")


@pytest.mark.parametrize("refresh", ["OnChange", "Never"])
def test_denied_state_fails_without_a_request_to_a_registry(first: tuple[str, PinResult], refresh: str) -> None:
    aws, digests = deploy(first[1].answer), EveryDigest()
    aws.fails["ListStackResources"] = error("AccessDenied")
    result = pin(aws, digests, Refresh=refresh)
    assert [cause for _, cause in problems_of(result)] == [
        f"cloudformation:ListStackResources is denied in {REGION}",
    ]
    assert digests.calls == 0


def test_first_deployment_resolves_the_tag(first: tuple[str, PinResult]) -> None:
    assert image_in(first[1].answer) == DEPLOYED


@pytest.mark.parametrize("refresh", ["OnChange", "Never"])
def test_kept_image_changes_no_byte(first: tuple[str, PinResult], refresh: str) -> None:
    record, pinned = first
    digests = EveryDigest()
    again = pin(deploy(pinned.answer), digests, Record=record, Refresh=refresh)
    assert json.dumps(again.answer) == json.dumps(pinned.answer)
    # Only its existence is checked.
    assert digests.lookups == [DEPLOYED]


def test_changed_reference_is_resolved_on_change_and_not_with_never(first: tuple[str, PinResult]) -> None:
    record, pinned = first
    on_change, never = (
        pin(deploy(pinned.answer), EveryDigest(), "2", Record=record, Refresh=refresh)
        for refresh in ("OnChange", "Never")
    )
    assert image_in(on_change.answer) == f"{REPOSITORY}@{digest_of(f'{REPOSITORY}:2')}"
    assert json.dumps(never.answer) == json.dumps(pinned.answer)


def test_image_of_a_script_is_kept_with_never(first: tuple[str, PinResult]) -> None:
    record, pinned = first
    aws = deploy(pinned.answer)
    aws.task_definition("shop:2", container(f"{REPOSITORY}:hotfix"))
    aws.running("main/web", "shop:2", 2, web=SECOND)
    never, on_change = (
        pin(aws, EveryDigest(), Record=record, Refresh=refresh).answer for refresh in ("Never", "OnChange")
    )
    assert image_in(never) == f"{REPOSITORY}@{SECOND}"
    assert f"{REPOSITORY}:hotfix" in json.dumps(never)
    assert json.dumps(on_change) == json.dumps(pinned.answer)
