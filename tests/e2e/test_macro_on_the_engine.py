"""A stack with `Transform: ImagePinner` gets digests, on an engine that runs macros like CloudFormation."""

from __future__ import annotations

import json

import pytest

from e2e.engine.access import HOST
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.stacks import StackFailedError, Stacks

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("macro")]

TEMPLATE = (ROOT / "templates" / "ecs-pin-all.yaml").read_text("utf-8")


@pytest.fixture
def stacks(engine: Engine) -> Stacks:
    return Stacks(engine)


def _image(template: dict, resource: str) -> str:
    return template["Resources"][resource]["Properties"]["ContainerDefinitions"][0]["Image"]


def test_a_missing_tag_fails_with_our_message_in_the_events(stacks: Stacks, ministack: Ministack) -> None:
    ministack.push("shop/web", "another", "missing")
    with pytest.raises(StackFailedError):
        stacks.create("missing-tag", TEMPLATE, {"Tag": "never-pushed"})
    reasons = " ".join(stacks.reasons("missing-tag"))
    assert "Transform 000000000000::ImagePinner failed with: " in reasons
    assert "never-pushed" in reasons
    assert "Resources.Web.Properties.ContainerDefinitions[0].Image" in reasons


@pytest.mark.parametrize("values", [{}, {"Tag": "never-pushed"}], ids=["the tag is gone", "another tag"])
def test_an_update_whose_tag_is_missing_fails_and_leaves_what_is_deployed(
    stacks: Stacks, ministack: Ministack, values: dict[str, str]
) -> None:
    name = f"failing-{len(values)}"
    template = TEMPLATE.replace("shop/", f"{name}/")
    deployed = ministack.push(f"{name}/web", "1.4.2", "deployed")
    ministack.push(f"{name}/migration", "1.4.2", "deployed")
    stacks.create(name, template)
    ministack.client("ecr").batch_delete_image(repositoryName=f"{name}/web", imageIds=[{"imageTag": "1.4.2"}])
    with pytest.raises(StackFailedError, match="UPDATE_FAILED"):
        stacks.update(name, template, values)
    assert "Transform 000000000000::ImagePinner failed with: " in " ".join(stacks.reasons(name))
    assert _image(stacks.processed(name), "Web") == f"{HOST}/{name}/web@{deployed}"


def test_the_processed_template_holds_digests_and_a_moved_tag_shows_in_a_change_set(
    stacks: Stacks, ministack: Ministack, engine: Engine
) -> None:
    old = ministack.push("shop/web", "1.4.2", "old")
    migration = ministack.push("shop/migration", "1.4.2", "migration")
    stacks.create("app", TEMPLATE)
    processed = stacks.processed("app")
    assert _image(processed, "Web") == f"{HOST}/shop/web@{old}"
    assert _image(processed, "Migration") == f"{HOST}/shop/migration@{migration}"
    assert _image(processed, "Experiment") == "shop/experiment:nightly"
    assert "Transform" not in processed
    assert engine.calls.actions() >= {"ecr:DescribeImages"}

    new = ministack.push("shop/web", "1.4.2", "new")
    assert new != old
    shown = json.dumps(stacks.change_set("app", TEMPLATE)["Changes"])
    assert old in shown
    assert new in shown
    assert migration not in shown
    assert _image(stacks.processed("app", "shown"), "Web") == f"{HOST}/shop/web@{new}"
    assert _image(stacks.processed("app"), "Web") == f"{HOST}/shop/web@{old}"

    runs = len(engine.invocations())
    stacks.execute("app")
    assert _image(stacks.processed("app"), "Web") == f"{HOST}/shop/web@{new}"
    assert len(engine.invocations()) == runs


def test_an_identical_template_picks_up_a_moved_tag_in_an_update(stacks: Stacks, ministack: Ministack) -> None:
    template = TEMPLATE.replace("shop/", "updated/")
    for repository in ("web", "migration"):
        ministack.push(f"updated/{repository}", "1.4.2", "old")
    stacks.create("updated", template)
    for content in ("new", "newer"):
        moved = ministack.push("updated/web", "1.4.2", content)
        stacks.update("updated", template)
        assert _image(stacks.processed("updated"), "Web") == f"{HOST}/updated/web@{moved}"
    stacks.delete("updated")


def test_the_platform_of_a_single_image_is_read_from_its_config_and_lists_of_parameters_arrive(
    stacks: Stacks, ministack: Ministack, engine: Engine
) -> None:
    template = (ROOT / "templates" / "ecs-fargate-service.yaml").read_text("utf-8")
    digest = ministack.push("my_app", "7", "arm", architectures=("arm64",))
    stacks.create("fargate", template, {"Tag": "7", "Subnets": "subnet-1,subnet-2", "TargetGroup": "arn"})
    assert _image(stacks.processed("fargate"), "Web") == f"{HOST}/my_app@{digest}"
    repository = "arn:aws:ecr:eu-central-1:000000000000:repository/my_app"
    assert {(call.action, call.resources) for call in engine.calls.all()} == {
        ("ecr:DescribeImages", (repository,)),
        ("ecr:BatchGetImage", (repository,)),
        ("ecr:GetDownloadUrlForLayer", (repository,)),
    }
    assert [path.rpartition("/")[0] for path in engine.calls.downloads()] == ["/v2/my_app/blobs"]


def test_a_snippet_becomes_the_pinned_reference_of_its_platform(stacks: Stacks, ministack: Ministack) -> None:
    template = (ROOT / "templates" / "ecs-snippet.yaml").read_text("utf-8")
    ministack.push("cache", "7.4", "same", architectures=("amd64", "arm64"))
    manifest = ministack.push("cache", "arm64-alone", "same", architectures=("arm64",))
    stacks.create("snippet", template, {"Image": f"{HOST}/cache:7.4"})
    assert _image(stacks.processed("snippet"), "Cache") == f"{HOST}/cache@{manifest}"
