"""A fake AWS account, a console that records, and a clock that advances when a caller waits."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from image_pinner.cli.deployment.aws import AwsApi
from image_pinner.cli.deployment.code import Code
from image_pinner.cli.deployment.parameters import Template, macro_template, organization_template
from image_pinner.cli.deployment.plan import InstallRequest
from image_pinner.cli.deployment.session import AwsEnvironment, DeploymentSession
from image_pinner.cli.deployment.uninstall import UninstallRequest
from support.deployment.fake_clients import ACCOUNT, Answer, fake_client
from support.deployment.fake_cloudformation import FakeCloudFormation
from support.deployment.fake_s3 import FakeS3

REGION = "eu-central-1"
BUCKET = f"image-pinner-{ACCOUNT}-{REGION}"
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/Dev/me"
STACK = "image-pinner"


class FakeConsole:
    """Records lines and prompts; `confirms` is the answer to every prompt."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.prompts: list[str] = []
        self.confirms = True

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def print(self, text: str, style: str = "") -> None:  # noqa: ARG002 - the signature of a Console
        self.lines.append(text)

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:  # noqa: ARG002 - the same
        yield lambda _: None

    def confirm(self, prompt: str) -> bool:
        self.prompts.append(prompt)
        return self.confirms


class Scene:
    """An AWS account; `answers` are the fakes of other services, for all regions."""

    def __init__(self) -> None:
        self.console = FakeConsole()
        self.seconds = 1_790_000_000.0
        self.s3 = FakeS3()
        self.answers: dict[str, Answer] = {"sts": identify}
        self.regions: dict[str, FakeCloudFormation] = {}

    @property
    def cloud(self) -> FakeCloudFormation:
        return self.cloud_in(REGION)

    def cloud_in(self, region: str) -> FakeCloudFormation:
        return self.regions.setdefault(region, FakeCloudFormation(region))

    def client(self, service: str, region: str) -> Any:
        return fake_client(service, region, self._answer(service, region))

    def _answer(self, service: str, region: str) -> Answer:
        if service in self.answers:
            return self.answers[service]
        if service == "lambda":
            return self._describe_function
        return self.s3.in_region(region) if service == "s3" else self.cloud_in(region).answer

    def _describe_function(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Respond as Lambda: a version has the code that its stack loads."""
        assert (operation, given["Qualifier"]) == ("GetFunctionConfiguration", "1")
        (stack,) = [
            one
            for one in self.cloud.stacks
            if given["FunctionName"] == f"{one.name}-Function-1" and one.status != "DELETE_COMPLETE"
        ]
        bucket, key = (stack.parameters[name] for name in ("CodeBucket", "CodeKey"))
        wanted = stack.parameters["CodeObjectVersion"]
        versions = [data for version, data, _ in self.s3.buckets[bucket].objects[key] if wanted in {"", version}]
        return {"CodeSha256": base64.b64encode(hashlib.sha256(versions[-1]).digest()).decode()}

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        for cloud in self.regions.values():
            cloud.advance()

    def now(self) -> float:
        return self.seconds

    @property
    def session(self) -> DeploymentSession:
        return DeploymentSession(AwsApi(self), self.console, self.now, self.sleep)

    def environment(self, region: str = REGION) -> AwsEnvironment:
        return AwsEnvironment(self, region, self.now, self.sleep)


def identify(operation: str, _: Mapping[str, Any]) -> dict[str, Any]:
    """Respond as STS."""
    assert operation == "GetCallerIdentity"
    return {"Account": ACCOUNT, "Arn": CALLER, "UserId": "AROA:me"}


def code(data: bytes = b"zip", version: str = "1.2.3") -> Code:
    return Code(data, hashlib.sha256(data).hexdigest(), version)


@cache
def template() -> Template:
    return macro_template()


@cache
def for_organization() -> Template:
    return organization_template()


def request(**more: Any) -> InstallRequest:
    return InstallRequest(more.pop("code", code()), template(), more.pop("stack_name", STACK), **more)


def removal(**more: Any) -> UninstallRequest:
    return UninstallRequest(more.pop("stack_name", STACK), **more)
