"""The Renovate configuration in the documentation finds the images of templates that `pin --keep-tag` writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from docs.documents import blocks
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner

ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web"
TEMPLATE = f"""\
Transform: ImagePinner
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - {{Name: web, Image: "!PinDigest {ECR}:1.27-slim"}}
        - Name: proxy
          Image: "!PinDigest localhost:5000/proxy:v2"
        - Name: log
          Image: '!PinDigest fluent_bit:latest'
        - {{Name: plain, Image: "nginx:1"}}
"""


def manager() -> dict[str, Any]:
    (block,) = [block for block in blocks("json") if block.comment == "tested: renovate"]
    (found,) = json.loads(block.text)["customManagers"]
    assert isinstance(found, dict)
    return found


def expression() -> re.Pattern[str]:
    """Return the expression as one of Python, which writes named groups in another way than RE2 and JavaScript."""
    (text,) = manager()["matchStrings"]
    assert not re.search(r"\(\?<?[=!]|\\[1-9]", text), "RE2 has no lookarounds and back references"
    return re.compile(text.replace("(?<", "(?P<"), re.ASCII)


@pytest.mark.parametrize(
    "text", ["nginx:1", f"nginx@sha256:{'0' * 64}", f"nginx:1@sha256:{'0' * 63}", "image-pinner.source: nginx:1"]
)
def test_other_references_are_not_found(text: str) -> None:
    assert not expression().search(text)


def test_the_manager_has_what_renovate_needs() -> None:
    assert manager()["customType"] == "regex"
    assert manager()["datasourceTemplate"] == "docker"
    (pattern,) = manager()["managerFilePatterns"]
    assert (pattern[0], pattern[-1]) == ("/", "/")
    assert re.search(pattern[1:-1], "infra/templates/web.yaml")
    assert not re.search(pattern[1:-1], "infra/templates/web.py")


@pytest.mark.parametrize("output_format", ["yaml", "json"])
def test_images_with_kept_tags_are_found(output_format: str, tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE, "utf-8")
    registry = InMemoryRegistry(has_every_image=True)

    run = image_pinner("pin", "--keep-tag", "--output-format", output_format, str(path), resolvers=registry)

    assert run.code == 0
    found = [match.groupdict() for match in expression().finditer(run.text)]
    assert [(each["depName"], each["currentValue"]) for each in found] == [
        (ECR, "1.27-slim"),
        ("localhost:5000/proxy", "v2"),
        ("fluent_bit", "latest"),
    ]
    written = [f"{each['depName']}:{each['currentValue']}@{each['currentDigest']}" for each in found]
    assert all(reference in run.text for reference in written)
