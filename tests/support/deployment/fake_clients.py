"""Real clients of AWS services that call a fake in this process.

botocore validates every request against the service model before the fake sees it, and every response is validated
here, so a fake cannot accept or return what the service would not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.validate import validate_parameters

ACCOUNT = "111122223333"
Answer = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class Refusal(Exception):  # noqa: N818 - a response, not a failure of the test
    """An error response of a service."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.answer = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": 0},
        }
        self.status = status


def denied(action: str, because: str = "because no identity-based policy allows the action") -> Refusal:
    """Return an access denial in the words of IAM."""
    who = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/Dev/me"
    return Refusal(
        "AccessDenied", f"{who} is not authorized to perform: {action} on resource: arn:aws:x:::y {because}", 403
    )


@cache
def _client(service: str, region: str) -> tuple[Any, list[Answer]]:
    session = boto3.Session("AKIA", "secret", region_name=region)
    client = session.client(service, config=Config(retries={"total_max_attempts": 1}))
    requested = threading.local()
    answers: list[Answer] = []

    def remember(params: Mapping[str, Any], **_: Any) -> None:
        requested.params = dict(params)

    def reply(model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        try:
            given = answers[0](model.name, requested.params)
        except Refusal as refusal:
            return AWSResponse("", refusal.status, {}, None), refusal.answer
        if model.output_shape is not None:
            validate_parameters(given, model.output_shape)
        return AWSResponse("", 200, {}, None), given | {"ResponseMetadata": {"HTTPStatusCode": 200}}

    client.meta.events.register("before-parameter-build.*.*", remember)
    client.meta.events.register("before-call.*.*", reply)
    return client, answers


def fake_client(service: str, region: str, answer: Answer) -> Any:
    """Return the client of a service in a region, which calls the fake `answer` from now on.

    Creating a client takes a tenth of a second or more, so the tests of a process share it.
    """
    client, answers = _client(service, region)
    answers[:] = [answer]
    return client
