"""ECR as a boto3 client without a network; requests and responses are checked against botocore's model of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.validate import ParamValidator

from image_pinner.core.gates.interface import Need, Subject
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.facts.source import EcrFacts
from image_pinner.sources.interface import Deadline

ACCOUNT = "111122223333"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
"""What the clock of the source shows."""

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Returns the response of an operation to the parameters of a request, or raises `ApiError`."""


class ApiError(Exception):
    """An error response."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.parsed = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": 0},
        }
        self.status = status


def denied(action: str, repository: str = "team/app") -> ApiError:
    """Return the error of a request that no policy allows."""
    resource = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}"
    return ApiError(
        "AccessDeniedException",
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/macro/session is not authorized to perform: {action} on resource: "
        f"{resource} because no identity-based policy allows the {action} action",
    )


@cache
def _session() -> boto3.Session:
    """Return one session for all tests: it loads the model of ECR once."""
    return boto3.Session(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")


@dataclass
class EcrApi:
    """Responds to operations by their names, such as `DescribeImages`, and records the requests."""

    answers: dict[str, Answer | ApiError]
    requests: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, **options: Any) -> Any:
        """Create a client. See `boto3.Session.client`."""
        assert service == "ecr"
        self.regions.append(options["region_name"])
        client = _session().client(service, region_name=options["region_name"])
        client.meta.events.register("before-call.ecr", self._respond)
        return client

    def _respond(self, model: Any, params: Mapping[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        request = json.loads(params["body"])
        with self._lock:
            self.requests.append((model.name, request))
        answer = self.answers.get(model.name)
        assert answer is not None, f"unexpected request {model.name}"
        try:
            if isinstance(answer, ApiError):
                raise answer
            response = dict(answer(request))
        except ApiError as error:
            return AWSResponse("https://ecr.invalid", error.status, {}, None), error.parsed
        report = ParamValidator().validate(response, model.output_shape)
        assert not report.has_errors(), report.generate_report()
        return AWSResponse("https://ecr.invalid", 200, {}, None), response | {
            "ResponseMetadata": {"HTTPStatusCode": 200}
        }

    def operations(self) -> list[str]:
        """Return the names of the operations that were called, in order."""
        return [name for name, _ in self.requests]

    def facts(self, *, roles: tuple[RegistryRole, ...] = (), workers: int = 8) -> EcrFacts:
        """Return a source of facts that sends its requests here."""
        clients = AwsClients(lambda: self, role_session_factory=lambda _: self)
        return EcrFacts(clients, workers=workers, roles=roles, clock=NOW.timestamp)

    def gather(self, *subjects: Subject, needs: Mapping[str, frozenset[str]], seconds: float = 60) -> Any:
        """Return the facts about images."""
        wanted = frozenset(Need(name, how) for name, how in needs.items())
        return self.facts().gather(subjects, wanted, Deadline.after(seconds))


def digest(number: int) -> str:
    """Return a digest."""
    return str(Digest.of(str(number).encode()))


def subject(number: int = 1, repository: str = "team/app", host: str = HOST, platform: str = "") -> Subject:
    """Return an image of a repository."""
    reference = ImageReference.parse(f"{host}/{repository}@{digest(number)}").canonical()
    return Subject(reference, Platform.parse(platform) if platform else None)
