"""A host that keeps failing gets no further requests in a run; a single broken image does not cause that."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import Resolution, Resolved, Unavailable
from image_pinner.sources.http.endpoints import FAILURES_IN_A_ROW, CircuitBreaker
from image_pinner.sources.http.transport import PER_HOST
from image_pinner.sources.interface import Deadline
from support.certificates import certificate_for
from support.images import lookup, oci_image
from support.registries import (
    QUICK,
    Answer,
    Raw,
    ScriptedRegistry,
    Seen,
    Waits,
    local_request,
    open_transport,
    patient,
    resolve,
    sent,
)

IMAGES = 40
ATTEMPTS = 3
IMAGE = sent(oci_image())
NO_FURTHER = "no further requests to"


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedRegistry, ScriptedRegistry]]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(ScriptedRegistry(lambda _: IMAGE)) for _ in range(2))
        yield first, second


def resolve_images(
    *hosts: str, insecure: Sequence[str] | None = None, transport: Mapping[str, Any] | None = None, **more: Any
) -> list[Resolution]:
    """Resolve forty images of each host."""
    wanted = [lookup(f"{host}/team/app-{number}:1") for host in hosts for number in range(IMAGES)]
    listed = tuple(hosts if insecure is None else insecure)
    return resolve(*wanted, insecure=listed, transport=transport, **more)


def causes(answers: Sequence[Resolution]) -> list[str]:
    for answer in answers:
        assert isinstance(answer, Unavailable)
        assert answer.help
    return [answer.cause for answer in answers if isinstance(answer, Unavailable)]


def test_a_registry_that_is_down_gets_requests_for_the_first_images_only(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(503)
    messages = causes(resolve_images(registry.host, per_host=1))
    assert len(registry.seen) == FAILURES_IN_A_ROW * ATTEMPTS
    assert [NO_FURTHER in cause for cause in messages] == [False] * FAILURES_IN_A_ROW + [True] * (
        IMAGES - FAILURES_IN_A_ROW
    )


def test_the_error_of_the_other_images_has_the_first_cause_and_help(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(503)
    last = resolve_images(registry.host, per_host=1)[-1]
    requests = f"{registry.url}/v2/team/app-{FAILURES_IN_A_ROW - 1}/manifests/1"
    cause = f"no further requests to {registry.url}: {requests} returned 503 (3 attempts)"
    assert last == Unavailable(cause, "retry in a few minutes")


def test_the_number_of_workers_limits_the_failed_requests(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(503)
    causes(resolve_images(registry.host))
    assert len(registry.seen) <= (PER_HOST + FAILURES_IN_A_ROW - 1) * ATTEMPTS < IMAGES * ATTEMPTS


def test_a_registry_that_throttles_gets_no_request_after_the_first_image(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(429)
    messages = causes(resolve_images(registry.host, per_host=1))
    assert len(registry.seen) == ATTEMPTS
    assert all("returned 429 (3 attempts)" in cause for cause in messages)


def test_a_registry_that_never_responds_gets_one_request(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    registry.script = lambda _: Raw(lambda _, stopping: stopping.wait(30))
    begun = time.monotonic()
    messages = causes(resolve_images(registry.host, per_host=1, transport={"limits": QUICK}))
    assert time.monotonic() - begun < 5
    assert len(registry.seen) == 1
    assert all("stopped responding" in cause for cause in messages)


def test_a_registry_with_an_untrusted_certificate_gets_one_connection(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with ScriptedRegistry(lambda _: IMAGE, certificate=certificate.context) as registry:
        messages = causes(resolve_images(registry.host, insecure=(), per_host=1))
        assert registry.connections == 1
    assert all(f"the certificate of {registry.host} is not trusted" in cause for cause in messages)


def test_a_closed_port_gets_the_attempts_of_one_request() -> None:
    with ScriptedRegistry(lambda _: IMAGE) as gone:
        host = gone.host
    waits = Waits()
    messages = causes(resolve_images(host, per_host=1, transport={"retry": patient(waits)}))
    assert all(f"{host} cannot be reached" in cause for cause in messages)
    assert len(waits.seconds) == ATTEMPTS - 1


def test_a_registry_that_closes_connections_gets_the_attempts_of_one_request(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Raw(lambda _, __: None)
    messages = causes(resolve_images(registry.host, per_host=1))
    assert all(f"the connection to {registry.host} broke" in cause for cause in messages)
    assert len(registry.seen) == ATTEMPTS


def test_a_token_service_that_is_down_gets_no_request_for_each_repository(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, service = servers
    demand = {"WWW-Authenticate": f'Bearer realm="{service.url}/token",service="registry"'}
    registry.script = lambda _: Answer(401, demand)
    service.script = lambda _: Answer(503)
    messages = causes(resolve_images(registry.host, insecure=(registry.host, service.host), per_host=1))
    assert len(service.seen) == FAILURES_IN_A_ROW * ATTEMPTS
    assert f"no further requests to {service.url}: {service.url}/token returned 503" in messages[-1]


def test_broken_images_among_good_ones_do_not_stop_requests(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    broken = {f"/v2/team/app-{number}/manifests/1" for number in range(0, IMAGES, 4)}
    registry.script = lambda seen: Answer(500) if seen.path in broken else IMAGE
    answers = resolve_images(registry.host, per_host=1)
    messages = causes(answers[::4])
    assert not any(NO_FURTHER in cause for cause in messages)
    assert all(isinstance(answer, Resolved) for number, answer in enumerate(answers) if number % 4)


def test_missing_images_do_not_stop_requests(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    last = f"/v2/team/app-{IMAGES - 1}/manifests/1"
    registry.script = lambda seen: IMAGE if seen.path == last else Answer(404)
    assert isinstance(resolve_images(registry.host, per_host=1)[-1], Resolved)


def test_other_hosts_are_unaffected(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    down, up = servers
    down.script = lambda _: Answer(503)
    answers = resolve_images(down.host, up.host)
    causes(answers[:IMAGES])
    assert all(isinstance(answer, Resolved) for answer in answers[IMAGES:])
    assert len(up.seen) == IMAGES


def test_the_next_run_sends_requests_to_a_failed_host_again(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(429)
    with open_transport() as transport:
        sender, deadline = CircuitBreaker(transport), Deadline.after(10)
        assert sender.send(local_request(registry.url), deadline).status == 429
        registry.script = lambda _: IMAGE
        with pytest.raises(SourceError, match=NO_FURTHER):
            sender.send(local_request(registry.url), deadline)
        assert CircuitBreaker(transport).send(local_request(registry.url), deadline).status == 200


def test_two_ports_of_a_host_are_independent(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    down, up = servers
    requests: list[Seen] = []

    def script(seen: Seen) -> Answer:
        requests.append(seen)
        return Answer(429)

    down.script = script
    with open_transport() as transport:
        sender, deadline = CircuitBreaker(transport), Deadline.after(10)
        sender.send(local_request(down.url), deadline)
        assert sender.send(local_request(up.url), deadline).status == 200
    assert len(requests) == ATTEMPTS
