"""Which subcommands put keep-tags: only `invoke`, which runs the macro."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from image_pinner.cli.console import Dependencies
from image_pinner.core.gates.interface import Subject, UnknownFact
from image_pinner.core.gates.lifecycle import LIFECYCLE, ImageLifecycle
from image_pinner.pinning import Resolvers
from image_pinner.settings import Settings
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.command import run_main
from support.gates import fact_of
from support.macro import event_for
from support.templates import ECR, template_of

TEMPLATE = template_of(f"!PinDigest {ECR}/web:1")


class CountingWriter:
    """Counts the images that get tags."""

    def __init__(self) -> None:
        self.count = 0

    def put_keep_tags(
        self,
        images: Collection[Subject],
        deadline: Deadline,  # noqa: ARG002 - see `KeepTagWriter`
    ) -> Mapping[Subject, UnknownFact]:
        self.count += len(images)
        return {}


def tags_after(*arguments: str) -> int:
    """Return how many tags a run of the command puts."""
    writer, registry = CountingWriter(), InMemoryRegistry(has_every_image=True)
    registry.facts["*"] = {LIFECYCLE: fact_of(ImageLifecycle())}

    def resolvers(_settings: Settings, _region: str) -> Resolvers:
        return Resolvers(registry, registry, registry.deployments, registry, keep_tags=writer)

    env = {"AWS_REGION": "us-east-1", "IMAGE_PINNER_GATES": "lifecycle.keep-tag=true"}
    run = run_main(arguments, Dependencies(resolvers), env=env)
    assert run.code == 0, run.err
    return writer.count


@pytest.mark.parametrize("subcommand", ["gate", "pin"])
def test_subcommands_that_read_templates_put_no_tags(subcommand: str, tmp_path: Path) -> None:
    (tmp_path / "shop.json").write_text(json.dumps(TEMPLATE))
    assert tags_after(subcommand, str(tmp_path / "shop.json")) == 0


def test_invoke_puts_tags_as_the_macro_does(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps(event_for(TEMPLATE)))
    assert tags_after("invoke", str(tmp_path / "event.json")) == 1
