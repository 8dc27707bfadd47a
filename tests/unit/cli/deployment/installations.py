"""A scene to install in: an account whose services are fakes, and time that passes when somebody waits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from image_pinner.cli.deployment.aws_access import Asker
from image_pinner.cli.deployment.code import Code
from image_pinner.cli.deployment.macro_template import MacroTemplate, read_macro_template
from image_pinner.cli.deployment.requests import Request
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.cli.packaging.project_files import template_text
from unit.cli.deployment.answering_clients import ACCOUNT, Answer, answering_client
from unit.cli.deployment.fake_cloudformation import FakeCloudFormation
from unit.cli.deployment.fake_s3 import FakeS3

REGION = "eu-central-1"
BUCKET = f"image-pinner-{ACCOUNT}-{REGION}"
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/Dev/me"


class Told:
    """Remembers what it is told, and answers questions as it was made to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.questions: list[str] = []
        self.agreeing = True

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line(self, text: str, style: str = "") -> None:  # noqa: ARG002 - the signature of a Teller
        self.lines.append(text)

    @contextmanager
    def live(self, text: str) -> Iterator[Callable[[str], None]]:  # noqa: ARG002 - the same
        yield lambda _: None

    def agrees(self, question: str) -> bool:
        self.questions.append(question)
        return self.agreeing


class Scene:
    """An AWS account; `answers` are the fakes of further services, for all regions."""

    def __init__(self) -> None:
        self.told = Told()
        self.seconds = 1_790_000_000.0
        self.s3 = FakeS3()
        self.answers: dict[str, Answer] = {"sts": who}
        self.regions: dict[str, FakeCloudFormation] = {}

    @property
    def cloud(self) -> FakeCloudFormation:
        return self.cloud_in(REGION)

    def cloud_in(self, region: str) -> FakeCloudFormation:
        return self.regions.setdefault(region, FakeCloudFormation(region))

    def client(self, service: str, region: str) -> Any:
        return answering_client(service, region, self._answer(service, region))

    def _answer(self, service: str, region: str) -> Answer:
        if service in self.answers:
            return self.answers[service]
        return self.s3.in_region(region) if service == "s3" else self.cloud_in(region).answer

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        for cloud in self.regions.values():
            cloud.advance()

    def now(self) -> float:
        return self.seconds

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(Asker(self), self.told, self.now, self.sleep)


def who(operation: str, _: Mapping[str, Any]) -> dict[str, Any]:
    """Answer as STS."""
    assert operation == "GetCallerIdentity"
    return {"Account": ACCOUNT, "Arn": CALLER, "UserId": "AROA:me"}


def code(data: bytes = b"zip", version: str = "1.2.3") -> Code:
    return Code(data, hashlib.sha256(data).hexdigest(), version)


@cache
def template() -> MacroTemplate:
    return read_macro_template(template_text())


def request(**more: Any) -> Request:
    return Request(more.pop("code", code()), template(), **more)
