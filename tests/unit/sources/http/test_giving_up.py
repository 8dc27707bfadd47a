"""A host that keeps failing is given up once in a run, not once per image; a single broken image gives up nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import Resolution, Resolved, Unavailable
from image_pinner.sources.http.circuit_breaker import FAILURES_IN_A_ROW, CircuitBreaker
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
    ask,
    local_request,
    open_transport,
    patient,
    sent,
)

IMAGES = 40
TRIES = 3
IMAGE = sent(oci_image())
GIVEN_UP = "no further requests to"


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedRegistry, ScriptedRegistry]]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(ScriptedRegistry(lambda _: IMAGE)) for _ in range(2))
        yield first, second


def ask_for_all(
    *hosts: str, insecure: Sequence[str] | None = None, transport: Mapping[str, Any] | None = None, **more: Any
) -> list[Resolution]:
    """Ask for forty images of each host."""
    wanted = [lookup(f"{host}/team/app-{number}:1") for host in hosts for number in range(IMAGES)]
    listed = tuple(hosts if insecure is None else insecure)
    return ask(*wanted, insecure=listed, transport=transport, **more)


def causes(answers: Sequence[Resolution]) -> list[str]:
    for answer in answers:
        assert isinstance(answer, Unavailable)
        assert answer.help
    return [answer.cause for answer in answers if isinstance(answer, Unavailable)]


def test_a_registry_that_is_down_is_asked_for_the_first_images_only(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(503)
    told = causes(ask_for_all(registry.host, per_host=1))
    assert len(registry.seen) == FAILURES_IN_A_ROW * TRIES
    assert [GIVEN_UP in cause for cause in told] == [False] * FAILURES_IN_A_ROW + [True] * (IMAGES - FAILURES_IN_A_ROW)


def test_the_refusal_of_the_others_names_the_first_cause_and_what_to_do(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(503)
    last = ask_for_all(registry.host, per_host=1)[-1]
    asked = f"{registry.url}/v2/team/app-{FAILURES_IN_A_ROW - 1}/manifests/1"
    cause = f"no further requests to {registry.url}: {asked} returned 503 after 3 attempts"
    assert last == Unavailable(cause, "retry in a few minutes")


def test_workers_that_are_under_way_at_once_are_the_bound(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(503)
    causes(ask_for_all(registry.host))
    assert len(registry.seen) <= (PER_HOST + FAILURES_IN_A_ROW - 1) * TRIES < IMAGES * TRIES


def test_a_registry_that_throttles_is_given_up_with_the_first_image(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(429)
    told = causes(ask_for_all(registry.host, per_host=1))
    assert len(registry.seen) == TRIES
    assert all("returned 429 after 3 attempts" in cause for cause in told)


def test_a_registry_that_never_answers_is_waited_for_once(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    registry.script = lambda _: Raw(lambda _, stopping: stopping.wait(30))
    begun = time.monotonic()
    told = causes(ask_for_all(registry.host, per_host=1, transport={"limits": QUICK}))
    assert time.monotonic() - begun < 5
    assert len(registry.seen) == 1
    assert all("stopped responding" in cause for cause in told)


def test_a_registry_that_is_not_trusted_is_connected_to_once(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with ScriptedRegistry(lambda _: IMAGE, certificate=certificate.context) as registry:
        told = causes(ask_for_all(registry.host, insecure=(), per_host=1))
        assert registry.connections == 1
    assert all(f"the certificate of {registry.host} is not trusted" in cause for cause in told)


def test_a_port_where_nobody_is_gets_one_round_of_tries() -> None:
    with ScriptedRegistry(lambda _: IMAGE) as gone:
        host = gone.host
    waits = Waits()
    told = causes(ask_for_all(host, per_host=1, transport={"retry": patient(waits)}))
    assert all(f"{host} cannot be reached" in cause for cause in told)
    assert len(waits.seconds) == TRIES - 1


def test_a_registry_that_only_closes_gets_one_round_of_tries(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Raw(lambda _, __: None)
    told = causes(ask_for_all(registry.host, per_host=1))
    assert all(f"the connection to {registry.host} broke" in cause for cause in told)
    assert len(registry.seen) == TRIES


def test_a_token_service_that_is_down_is_given_up_and_not_asked_for_every_repository(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, service = servers
    demand = {"WWW-Authenticate": f'Bearer realm="{service.url}/token",service="registry"'}
    registry.script = lambda _: Answer(401, demand)
    service.script = lambda _: Answer(503)
    told = causes(ask_for_all(registry.host, insecure=(registry.host, service.host), per_host=1))
    assert len(service.seen) == FAILURES_IN_A_ROW * TRIES
    assert f"no further requests to {service.url}: {service.url}/token returned 503" in told[-1]


def test_images_that_are_broken_one_here_and_one_there_give_up_nothing(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    broken = {f"/v2/team/app-{number}/manifests/1" for number in range(0, IMAGES, 4)}
    registry.script = lambda seen: Answer(500) if seen.path in broken else IMAGE
    answers = ask_for_all(registry.host, per_host=1)
    told = causes(answers[::4])
    assert not any(GIVEN_UP in cause for cause in told)
    assert all(isinstance(answer, Resolved) for number, answer in enumerate(answers) if number % 4)


def test_images_that_are_missing_give_up_nothing(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    last = f"/v2/team/app-{IMAGES - 1}/manifests/1"
    registry.script = lambda seen: IMAGE if seen.path == last else Answer(404)
    assert isinstance(ask_for_all(registry.host, per_host=1)[-1], Resolved)


def test_another_host_is_unaffected(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    down, up = servers
    down.script = lambda _: Answer(503)
    answers = ask_for_all(down.host, up.host)
    causes(answers[:IMAGES])
    assert all(isinstance(answer, Resolved) for answer in answers[IMAGES:])
    assert len(up.seen) == IMAGES


def test_what_was_given_up_is_asked_again_in_the_next_run(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(429)
    with open_transport() as transport:
        sender, deadline = CircuitBreaker(transport), Deadline.after(10)
        assert sender.send(local_request(registry.url), deadline).status == 429
        registry.script = lambda _: IMAGE
        with pytest.raises(SourceError, match=GIVEN_UP):
            sender.send(local_request(registry.url), deadline)
        assert CircuitBreaker(transport).send(local_request(registry.url), deadline).status == 200


def test_hosts_that_share_a_name_and_not_a_port_are_two(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    down, up = servers
    asked: list[Seen] = []

    def script(seen: Seen) -> Answer:
        asked.append(seen)
        return Answer(429)

    down.script = script
    with open_transport() as transport:
        sender, deadline = CircuitBreaker(transport), Deadline.after(10)
        sender.send(local_request(down.url), deadline)
        assert sender.send(local_request(up.url), deadline).status == 200
    assert len(asked) == TRIES
