"""The requests of the transport are counted by method and host, those that it repeats too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.messages import Request
from image_pinner.sources.interface import Deadline
from support.registries import QUICK, Answer, Raw, ScriptedRegistry, local_request, open_transport

GOOD = Answer(200, {}, b"good")


@pytest.fixture
def server() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: GOOD) as running:
        yield running


def sent(call_stats: CallStats, *requests: Request, seconds: float = 20.0) -> None:
    with open_transport(QUICK, call_stats=call_stats) as transport:
        for request in requests:
            transport.send(request, Deadline.after(seconds))


def lose(_wire: BinaryIO, _stopping: threading.Event) -> None:
    """Close the connection without an answer."""


def test_a_request_that_is_never_sent_is_none(server: ScriptedRegistry) -> None:
    call_stats = CallStats()

    with pytest.raises(SourceError):
        sent(call_stats, Request(server.url, allowed_scope=AddressScope.GLOBAL))
    with pytest.raises(SourceError):
        sent(call_stats, local_request(server.url), seconds=0)

    assert call_stats.snapshot().attempts == {}


@pytest.mark.parametrize("first", [Answer(500), Answer(429), Raw(lose)], ids=["500", "429", "connection lost"])
def test_a_try_that_is_repeated_counts_again(first: Answer | Raw, server: ScriptedRegistry) -> None:
    call_stats = CallStats()
    server.script = lambda _: first if len(server.seen) == 1 else GOOD

    sent(call_stats, local_request(server.url))

    assert call_stats.snapshot().attempts == {f"GET {server.host}": 2}


def test_a_host_that_cannot_be_reached_counts_with_every_try() -> None:
    with ScriptedRegistry(lambda _: GOOD) as gone:
        url, host = gone.url, gone.host
    call_stats = CallStats()

    with pytest.raises(SourceError, match=r"\(3 attempts\)"):
        sent(call_stats, local_request(url))

    assert call_stats.snapshot().attempts[f"GET {host}"] > 1


def test_counts_are_by_method_and_host_without_path_or_query(server: ScriptedRegistry) -> None:
    call_stats = CallStats()
    url = f"{server.url}/v2/private/manifests/1?token=secret"

    sent(call_stats, local_request(url, method="HEAD"), local_request(url), local_request(url))

    calls = call_stats.snapshot()
    assert calls.attempts == {f"GET {server.host}": 2, f"HEAD {server.host}": 1}
    assert set(calls.seconds) == set(calls.attempts)


def test_the_time_is_that_until_the_answer_was_read(server: ScriptedRegistry) -> None:
    call_stats = CallStats()
    server.script = lambda _: Raw(slow)

    def slow(wire: BinaryIO, stopping: threading.Event) -> None:
        wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        stopping.wait(0.2)
        wire.write(b"b")

    sent(call_stats, local_request(server.url))

    assert call_stats.snapshot().seconds[f"GET {server.host}"] > 0.15


def test_requests_on_many_threads_are_all_counted(server: ScriptedRegistry) -> None:
    call_stats = CallStats()
    with open_transport(QUICK, call_stats=call_stats) as transport, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: transport.send(local_request(server.url), Deadline.after(30)), range(40)))

    assert call_stats.snapshot().attempts == {f"GET {server.host}": 40}
