"""Stacks with their processed templates, as CloudFormation describes them, and runs of `diff` with them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from image_pinner.cli.console import Dependencies
from image_pinner.cli.deployment.session import AwsEnvironment
from image_pinner.cli.image_details import ImageDetails
from image_pinner.core.images.lookups import Unavailable
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.images.registries import is_ecr
from image_pinner.pinning import Resolvers
from image_pinner.settings import Settings
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.command import Run, run_main
from support.deployment.fake_clients import ACCOUNT, Refusal, fake_client

REGION = "eu-central-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
NOW = datetime(2026, 11, 30, tzinfo=UTC)


class StackScene:
    """A CloudFormation with stacks, and a registry in memory with what runs. See `ClientFactory`."""

    def __init__(self) -> None:
        self.registry = InMemoryRegistry()
        self.stacks: dict[str, tuple[str, Any, list[dict[str, str]]]] = {}
        self.refusals: dict[str, Refusal] = {}
        self.requests: list[str] = []
        self._details: dict[tuple[str, Digest], ImageDetails] = {}

    def deploy(self, template: Any, name: str = "shop", status: str = "UPDATE_COMPLETE", **values: str) -> None:
        """Deploy a processed template, an object or a text."""
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        self.stacks[name] = (status, template, parameters)

    def push(self, reference: str, content: str, day: int = 1) -> Digest:
        """Push an image on a day of November 2026."""
        name, _, tag = reference.rpartition(":")
        digest = self.registry.push_digest(reference, str(Digest.of(content.encode())))
        tags = {tag, *self._details.get((name, digest), ImageDetails((), "")).tags}
        self._details[name, digest] = ImageDetails(tuple(sorted(tags)), f"2026-11-{day:02}T12:00:00Z")
        return digest

    def read_details(
        self,
        images: Collection[ImageReference],
        deadline: Deadline,  # noqa: ARG002 - see `ImageDetailsSource`
    ) -> Mapping[ImageReference, ImageDetails | Unavailable]:
        """See `ImageDetailsSource`."""
        found: dict[ImageReference, ImageDetails | Unavailable] = {}
        for image in images:
            name = f"{image.registry}/{image.repository}"
            absent = Unavailable(f"repository '{name}' has no image with the digest {image.digest}", "push it")
            known = self._details.get((name, image.digest), absent) if image.digest else absent
            found[image] = known if is_ecr(image.registry) else Unavailable("only ECR records it", "")
        return found

    def client(self, service: str, region: str) -> Any:
        assert (service, region) == ("cloudformation", REGION)
        return fake_client(service, region, self.answer)

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append(operation)
        if operation in self.refusals:
            raise self.refusals[operation]
        name = given["StackName"]
        if name not in self.stacks:
            raise Refusal("ValidationError", f"Stack with id {name} does not exist")
        status, template, parameters = self.stacks[name]
        if operation == "GetTemplate":
            assert given["TemplateStage"] == "Processed"
            return {"TemplateBody": template if isinstance(template, str) else json.dumps(template)}
        assert operation == "DescribeStacks"
        arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/1"
        stack = {"StackName": name, "StackId": arn, "StackStatus": status, "CreationTime": NOW}
        return {"Stacks": [stack | {"Parameters": parameters}]}

    def diff(
        self, template: Path | str, *options: str, env: Mapping[str, str] | None = None, stdin: bytes = b""
    ) -> Run:
        """Run `image-pinner diff` on NOW."""

        def resolver_factory(settings: Settings, region: str) -> Resolvers:  # noqa: ARG001 - see `ResolverFactory`
            return Resolvers(self.registry, self.registry, self.registry.deployments)

        environment = AwsEnvironment(self, REGION, now=NOW.timestamp)
        dependencies = Dependencies(resolver_factory, environment, image_details=self)
        return run_main(["diff", str(template), *options], dependencies, stdin, {"AWS_REGION": REGION, **(env or {})})


def task(*containers: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Return a task definition with containers, each a name and an image."""
    listed = [{"Name": name, "Image": image} for name, image in containers]
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": listed}, **more}


SERVICE = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "Web"}}}
"""A service that runs the task definition `Web`."""
