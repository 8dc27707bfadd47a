"""The formats of `diff`: without changes, with changes of every kind, and with a template that cannot be pinned."""

from __future__ import annotations

import pytest

from golden.golden_cases import COMPARISON_FORMATS, COMPARISONS, expected_comparison
from golden.golden_files import compare
from support.deployed_stacks import HOST, SERVICE, StackScene, task

WEB, PROXY = f"{HOST}/shop/web", f"{HOST}/shop/proxy"
TEMPLATE = f"""\
Transform: ImagePinner
Parameters:
  Tag: {{Type: String, Default: "1.0"}}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: !Sub "!PinDigest {WEB}:${{Tag}}"
        - Name: proxy
          Image: "!PinDigest {PROXY}:2"
        - Name: log|router
          Image: "!PinDigest fluent/fluent-bit:3"
        - Name: agent
          Image: !ImportValue agent
  Service:
    Type: AWS::ECS::Service
    Properties:
      TaskDefinition: !Ref Web
"""


@pytest.fixture
def scene() -> StackScene:
    """Return a stack that was deployed with other images, and of which a script deployed one again."""
    scene = StackScene()
    old, hotfix = scene.push(f"{WEB}:0.9", "old", 1), scene.push(f"{WEB}:hotfix", "hotfix", 29)
    scene.push(f"{WEB}:1.0", "new", 28)
    scene.push(f"{WEB}:stable", "new", 28)
    proxy = scene.push(f"{PROXY}:2", "proxy", 20)
    scene.push("fluent/fluent-bit:3", "fluent-bit")
    containers = [
        ("proxy", f"{PROXY}:2@{proxy}"),
        ("web", f"{WEB}@{old}"),
        ("x-ray", "amazon/aws-xray-daemon:3"),
        ("agent", "example/agent:1"),
    ]
    job = task(("job", f"{WEB}@{old}"))
    scene.deploy({"Resources": {"Web": task(*containers), "Service": SERVICE, "Job": job}})
    scene.registry.deployments.deploy("Web", "web", f"{WEB}@{hotfix}")
    return scene


@pytest.mark.parametrize("form", COMPARISON_FORMATS)
@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_is_as_reviewed(name: str, form: str, scene: StackScene) -> None:
    tag = {"missing-tag": "1.1", "invalid-image": "a|b`c"}.get(name, "1.0")
    text = TEMPLATE.replace("!PinDigest", "") if name == "no-changes" else TEMPLATE
    base = () if name == "no-changes" else ("--stack", "shop")

    run = scene.diff("-", *base, "--parameter", f"Tag={tag}", "--format", form, stdin=text.encode())

    assert run.code == COMPARISONS[name], run.err
    compare(expected_comparison(name, form), run.out)
