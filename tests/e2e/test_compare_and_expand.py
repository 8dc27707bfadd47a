"""`expand` and `diff` with a CloudFormation engine, which runs the macro."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from e2e.engine.access import HOST
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.programs import image_pinner
from e2e.stacks import Stacks

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("macro")]

TEMPLATE = (ROOT / "templates" / "ecs-pin-all.yaml").read_text("utf-8")


@pytest.fixture
def app(request: pytest.FixtureRequest, tmp_path: Path, ministack: Ministack) -> Path:
    """Return a template with images that exist, in repositories with the name of the test."""
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE.replace("shop/", f"{_name(request)}/"), "utf-8")
    for repository in ("web", "migration"):
        ministack.push(f"{_name(request)}/{repository}", "1.4.2", "first")
    return path


def _name(request: pytest.FixtureRequest) -> str:
    return str(request.node.originalname).removeprefix("test_").replace("_", "-")


def _left(engine: Engine, stack: str) -> list[str]:
    """Return what is left of a stack that should not exist."""
    cloudformation: Any = engine.client("cloudformation")
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError:
        return []
    return [one["StackStatus"] for one in found]


def test_a_missing_image_leaves_nothing(engine: Engine, app: Path) -> None:
    ran = image_pinner(engine, "expand", app, "--stack", "expanded-missing", "--parameter", "Tag=never-pushed")
    assert (ran.code, ran.out) == (3, "")
    assert "Transform 000000000000::ImagePinner failed with: " in ran.err
    assert "never-pushed" in ran.err
    assert _left(engine, "expanded-missing") == []


def test_a_new_stack(engine: Engine, app: Path, ministack: Ministack) -> None:
    digest = ministack.push("a-new-stack/web", "1.4.2", "second")
    ran = image_pinner(engine, "expand", app, "--stack", "expanded-new")
    assert ran.code == 0, ran.err
    processed = json.loads(ran.out)
    container = processed["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]
    assert container["Image"] == f"{HOST}/a-new-stack/web@{digest}"
    assert "Transform" not in processed
    assert _left(engine, "expanded-new") == []


def test_a_live_stack(engine: Engine, app: Path, ministack: Ministack) -> None:
    registries = {"AWS_ENDPOINT_URL_ECR": ministack.url, "AWS_ENDPOINT_URL_ECS": ministack.url}
    stacks = Stacks(engine)
    stacks.create("live", app.read_text("utf-8"))
    same = image_pinner(engine, "diff", app, "--stack", "live", variables=registries)
    assert same.code == 0, same.out + same.err

    digest = ministack.push("a-live-stack/web", "1.4.2", "second")
    changed = image_pinner(engine, "diff", app, "--stack", "live", "--format", "json", variables=registries)
    assert changed.code == 1, changed.err
    (image,) = [one for one in json.loads(changed.out)["images"] if one["change"] == "changed"]
    assert image["new"]["digest"] == digest
    assert image["new"]["tags"] == ["1.4.2"]
    assert image["new"]["pushed_at"]

    ran = image_pinner(engine, "expand", app, "--stack", "live")
    assert ran.code == 0, ran.err
    assert digest in ran.out
    assert digest not in stacks.processed_text("live")
    assert engine.client("cloudformation").list_change_sets(StackName="live")["Summaries"] == []
    stacks.delete("live")
