"""Registries that fail, stall or lie about time, and many images at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from image_pinner.core.images.lookups import OCI_MANIFEST, Resolved, Unavailable
from image_pinner.sources.credentials.interface import AnonymousCredentials
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.resolver import OciRegistryResolver
from support.images import lookup, oci_image
from support.registries import (
    Answer,
    Raw,
    ScriptedRegistry,
    Seen,
    drip_body,
    drip_headers,
    hang,
    open_transport,
    patient,
    resolve,
)

MANIFEST = Answer(200, {"Content-Type": OCI_MANIFEST}, oci_image())


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedRegistry, ScriptedRegistry]]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(ScriptedRegistry(lambda _: MANIFEST)) for _ in range(2))
        yield first, second


@pytest.mark.parametrize("stall", [hang, drip_headers, drip_body])
def test_a_registry_that_stalls_is_unavailable_by_the_deadline_and_leaves_no_thread(
    servers: tuple[ScriptedRegistry, ScriptedRegistry], stall: object
) -> None:
    registry, _ = servers
    registry.script = lambda _: Raw(stall)  # type: ignore[arg-type]
    before = set(threading.enumerate())
    with open_transport(retry=patient(attempts=1)) as transport:
        resolver = OciRegistryResolver(transport, AnonymousCredentials(), RegistryHosts([registry.host]))
        begun = time.monotonic()
        wanted = lookup(f"{registry.host}/app:1")
        answer = resolver.resolve_all([wanted], Deadline.after(0.4))[wanted]
        took = time.monotonic() - begun
        assert isinstance(answer, Unavailable)
        assert "timed out" in answer.cause
        assert took < 1.0
        workers = [thread for thread in set(threading.enumerate()) - before if thread.daemon]
        for worker in workers:
            worker.join(2)
            assert not worker.is_alive()


def test_a_registry_that_stalls_delays_no_other(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    slow, quick = servers
    slow.script = lambda _: Raw(hang)
    lookups = [lookup(f"{server.host}/app:{tag}") for server in servers for tag in range(40)]
    begun = time.monotonic()
    answers = resolve(*lookups, insecure=(slow.host, quick.host), seconds=2.0)
    assert time.monotonic() - begun < 4.0
    assert all(isinstance(answer, Unavailable) for answer in answers[:40])
    assert all(isinstance(answer, Resolved) for answer in answers[40:])


def test_after_a_stall_the_same_resolver_answers_again(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    registry.script = lambda _: Raw(drip_headers)
    wanted = [lookup(f"{registry.host}/app:{tag}") for tag in range(4)]
    with open_transport(per_host=2, retry=patient(attempts=1)) as transport:
        resolver = OciRegistryResolver(transport, AnonymousCredentials(), RegistryHosts([registry.host]))
        stalled = resolver.resolve_all(wanted, Deadline.after(0.3))
        registry.script = lambda _: MANIFEST
        answered = resolver.resolve_all(wanted, Deadline.after(5.0))
    assert {type(answer) for answer in stalled.values()} == {Unavailable}
    assert {type(answer) for answer in answered.values()} == {Resolved}


def test_after_the_deadline_no_request_is_sent(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    (answer,) = resolve(lookup(f"{registry.host}/app:1"), insecure=(registry.host,), seconds=0.0)
    assert isinstance(answer, Unavailable)
    assert registry.seen == []


def test_a_registry_without_tls_gets_no_request_unless_it_is_insecure(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, other = servers
    (answer,) = resolve(lookup(f"{registry.host}/app:1"), insecure=(other.host,))
    assert isinstance(answer, Unavailable)
    assert "no TLS connection" in answer.cause
    assert registry.seen == []


def test_a_registry_that_does_not_exist_is_unavailable() -> None:
    (answer,) = resolve(lookup("registry.nowhere.invalid/app:1"))
    assert isinstance(answer, Unavailable)
    assert "registry.nowhere.invalid cannot be resolved" in answer.cause


def test_an_invalid_port_is_unavailable() -> None:
    (answer,) = resolve(lookup("registry.example:99999/app:1"))
    assert isinstance(answer, Unavailable)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 429])
def test_one_temporary_fault_is_retried(servers: tuple[ScriptedRegistry, ScriptedRegistry], status: int) -> None:
    registry, _ = servers
    registry.script = lambda _: MANIFEST if len(registry.seen) > 1 else Answer(status, {"Retry-After": "1"})
    (answer,) = resolve(lookup(f"{registry.host}/app:1"), insecure=(registry.host,))
    assert isinstance(answer, Resolved)


def test_one_lost_connection_is_retried(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    registry, _ = servers
    registry.script = lambda _: MANIFEST if len(registry.seen) > 1 else Raw(lambda *_: None)
    (answer,) = resolve(lookup(f"{registry.host}/app:1"), insecure=(registry.host,))
    assert isinstance(answer, Resolved)


def test_a_persistent_fault_is_reported_with_the_number_of_attempts(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers
    registry.script = lambda _: Answer(503, {"Content-Type": "text/plain"}, b"maintenance")
    (answer,) = resolve(lookup(f"{registry.host}/app:1"), insecure=(registry.host,))
    assert isinstance(answer, Unavailable)
    assert answer.cause == f"{registry.url}/v2/app/manifests/1 returned 503 (3 attempts), 'maintenance'"


def test_requests_to_one_registry_are_limited_with_one_per_image(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    registry, _ = servers

    def slow(_: Seen) -> Answer:
        time.sleep(0.01)
        return MANIFEST

    registry.script = slow
    wanted = [lookup(f"{registry.host}/app-{app}:{tag}") for app in range(10) for tag in range(10)]
    answers = resolve(*wanted, insecure=(registry.host,), per_host=5)
    assert all(isinstance(answer, Resolved) for answer in answers)
    assert sorted(registry.paths()) == sorted(f"/v2/app-{a}/manifests/{t}" for a in range(10) for t in range(10))
    assert 2 <= registry.most_at_once <= 5
    assert registry.connections <= 5


def test_requests_in_all_are_limited(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    busy = threading.Semaphore(2)
    exceeded: list[Seen] = []

    def script(seen: Seen) -> Answer:
        if not busy.acquire(blocking=False):
            exceeded.append(seen)
            return Answer(500)
        time.sleep(0.01)
        busy.release()
        return MANIFEST

    for server in servers:
        server.script = script
    wanted = [lookup(f"{server.host}/app:{tag}") for server in servers for tag in range(10)]
    resolve(*wanted, insecure=tuple(server.host for server in servers), workers=2)
    assert exceeded == []
