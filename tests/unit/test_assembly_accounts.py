"""All calls of AWS resolvers are counted together, those of the event publisher included."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from image_pinner.assembly import AwsResolvers
from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import Unavailable
from image_pinner.core.intrinsics.values import SsmParameter
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.interface import Deadline
from support.images import lookup
from support.registries import Answer, ScriptedRegistry, Seen


@pytest.fixture
def server() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(refuse) as running:
        yield running


def refuse(seen: Seen) -> Answer:
    body = b'{"__type": "AccessDeniedException"}' if seen.method == "POST" else b""
    return Answer(400 if body else 404, {"Content-Type": "application/x-amz-json-1.1"}, body)


@pytest.fixture
def _aws(server: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ENDPOINT_URL", server.url), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_aws")
def test_calls_to_aws_and_to_registries_are_counted_together(server: ScriptedRegistry) -> None:
    resolver_factory = AwsResolvers()
    before = resolver_factory.call_stats.snapshot()
    resolvers = resolver_factory(Settings(insecure_registries=(server.host,)), "eu-west-1")

    resolvers.values.resolve_values([SsmParameter("/tag")], Deadline.after(30))
    lookups = [
        lookup(f"{server.host}/shop/web:1"),
        lookup("111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1"),
    ]
    answers = resolvers.digests.resolve_all(lookups, Deadline.after(30))

    attempts = resolver_factory.call_stats.since(before).attempts
    assert isinstance(answers[lookups[1]], Unavailable)
    assert {"ssm:GetParameters", f"GET {server.host}"} < set(attempts)
    assert any(call.startswith("ecr:") for call in attempts)
    assert sum(attempts.values()) == len(server.seen)


@pytest.mark.usefixtures("_aws")
def test_calls_of_the_event_publisher_are_counted() -> None:
    resolver_factory = AwsResolvers()
    resolver_factory.clients.client("events", "eu-west-1")

    with pytest.raises(SourceError, match="events:PutEvents is denied on deployments"):
        resolver_factory.event_publisher("deployments", "eu-west-1").put(["{}"], Deadline.after(30))

    assert resolver_factory.call_stats.snapshot().attempts == {"events:PutEvents": 1}


def test_event_publisher_uses_the_given_clients() -> None:
    wanted = threading.Event()

    class Clients(AwsClients):
        def client(self, *_: Any, **__: Any) -> Any:
            wanted.set()
            raise ValueError("there is no such endpoint")

    with pytest.raises(SourceError, match="no endpoint for EventBridge"):
        AwsResolvers(clients=Clients()).event_publisher("deployments", "eu-west-1").put(["{}"], Deadline.after(30))
    assert wanted.is_set()
