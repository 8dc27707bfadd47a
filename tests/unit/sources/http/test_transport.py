"""Limits of time, size and number."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.redaction import MAX_ERROR_BYTES
from image_pinner.sources.interface import Deadline
from support.registries import QUICK, Answer, Raw, ScriptedRegistry, Waits, hang, local_request, open_transport, patient

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def server() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: Answer(200, {}, b"good")) as running:
        yield running


def drip(wire: BinaryIO, stopping: threading.Event, first: bytes, each: bytes) -> None:
    wire.write(first)
    while not stopping.wait(0.05):
        wire.write(each)


def fault(server: ScriptedRegistry, script: Answer | Raw, seconds: float = 10.0) -> SourceError:
    server.script = lambda _: script
    with open_transport(QUICK) as transport, pytest.raises(SourceError) as found:
        transport.send(local_request(server.url), Deadline.after(seconds))
    return found.value


def test_a_server_that_never_responds_fails_after_the_read_timeout(server: ScriptedRegistry) -> None:
    begun = time.monotonic()
    assert "stopped responding" in fault(server, Raw(hang)).cause
    assert 0.4 < time.monotonic() - begun < 3
    assert len(server.seen) == 1


def test_an_earlier_deadline_takes_precedence_over_the_read_timeout(server: ScriptedRegistry) -> None:
    begun = time.monotonic()
    assert "timed out" in fault(server, Raw(hang), 0.1).cause
    assert time.monotonic() - begun < 0.4


def test_a_body_sent_byte_by_byte_fails_at_the_deadline(server: ScriptedRegistry) -> None:
    begun = time.monotonic()
    found = fault(server, Raw(lambda wire, stop: drip(wire, stop, HEAD, b"x")), 0.6)
    assert "timed out" in found.cause
    assert time.monotonic() - begun < 1.5


def test_headers_sent_byte_by_byte_end_when_the_transport_is_cut(server: ScriptedRegistry) -> None:
    server.script = lambda _: Raw(lambda wire, stop: drip(wire, stop, b"HTTP/1.1 200 OK\r\nA: ", b"x"))
    with open_transport(retry=patient(attempts=1)) as transport, ThreadPoolExecutor() as threads:
        in_progress = threads.submit(transport.send, local_request(server.url), Deadline.after(10.0))
        time.sleep(0.3)
        assert not in_progress.done()
        transport.cut()
        assert in_progress.exception(timeout=2) or not in_progress.result().body


def test_no_request_is_sent_after_the_deadline(server: ScriptedRegistry) -> None:
    with open_transport() as transport, pytest.raises(SourceError, match="timed out"):
        transport.send(local_request(server.url), Deadline.after(0))
    assert server.seen == []


def test_a_body_beyond_the_limit_is_refused_without_being_read(server: ScriptedRegistry) -> None:
    def endless(wire: BinaryIO, stopping: threading.Event) -> None:
        wire.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stopping.is_set():
            wire.write(b"x" * 65536)

    assert f"sent more than {MAX_ERROR_BYTES} bytes" in fault(server, Raw(endless)).cause


def test_of_an_error_only_the_beginning_is_read(server: ScriptedRegistry) -> None:
    server.script = lambda _: Answer(400, {}, b"e" * 1_000_000)
    with open_transport() as transport:
        assert len(transport.send(local_request(server.url, limit=10), Deadline.after(10.0)).body) == MAX_ERROR_BYTES


@pytest.mark.parametrize(
    "write",
    [
        lambda wire, _: wire.write(HEAD + b"too short"),
        lambda wire, _: wire.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        lambda wire, _: wire.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"),
        lambda wire, _: wire.write(b"SSH-2.0-OpenSSH_9.2\r\n"),
        lambda wire, _: wire.write(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"),
        lambda *_: None,
    ],
    ids=["short body", "short chunk", "broken chunk", "other protocol", "many headers", "nothing"],
)
def test_an_incomplete_response_is_retried_and_then_fails(
    server: ScriptedRegistry, write: Callable[[BinaryIO, threading.Event], object]
) -> None:
    found = fault(server, Raw(write))
    assert "broke before" in found.cause
    assert "(3 attempts)" in found.cause
    assert len(server.seen) == 3


def test_a_closed_port_gets_three_attempts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with open_transport() as transport, pytest.raises(SourceError) as found:
            transport.send(local_request(f"http://127.0.0.1:{port}"), Deadline.after(10.0))
    assert found.value.cause == f"127.0.0.1:{port} cannot be reached: Connection refused (3 attempts)"


def test_an_unknown_host_name_is_reported() -> None:
    with open_transport() as transport, pytest.raises(SourceError, match="cannot be resolved"):
        transport.send(local_request("http://nowhere.invalid"), Deadline.after(10.0))


@pytest.mark.parametrize("url", ["", "ftp://h/", "http://", "http://h:x/", "http://h:99999/", "http://[::", "\x00"])
def test_an_invalid_url_is_refused(url: str) -> None:
    with open_transport() as transport, pytest.raises(SourceError, match="not a valid HTTP or HTTPS URL"):
        transport.send(local_request(url), Deadline.after(10.0))


def test_messages_have_urls_without_query_and_user(server: ScriptedRegistry) -> None:
    server.script = lambda _: Raw(hang)
    with open_transport(QUICK) as transport, pytest.raises(SourceError) as found:
        transport.send(local_request(f"http://user:pw@{server.host}/path?signature=1"), Deadline.after(10.0))
    assert f"http://{server.host}/path stopped" in found.value.cause


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_retryable_status_is_retried_after_the_required_wait(server: ScriptedRegistry, status: int) -> None:
    waits = Waits()
    server.script = lambda _: Answer(200) if len(server.seen) > 1 else Answer(status, {"Retry-After": "2"})
    with open_transport(retry=patient(waits)) as transport:
        reply = transport.send(local_request(server.url), Deadline.after(10.0))
    assert (reply.status, reply.attempts) == (200, 2)
    assert waits.seconds == [pytest.approx(2.0625)]


def test_a_persistent_retryable_status_is_returned_after_three_attempts(server: ScriptedRegistry) -> None:
    server.script = lambda _: Answer(429)
    with open_transport() as transport:
        reply = transport.send(local_request(server.url), Deadline.after(10.0))
    assert (reply.status, reply.attempts) == (429, 3)


def test_a_wait_beyond_the_deadline_is_not_made(server: ScriptedRegistry) -> None:
    waits = Waits()
    server.script = lambda _: Answer(429, {"Retry-After": "3600"})
    with open_transport(retry=patient(waits)) as transport:
        assert transport.send(local_request(server.url), Deadline.after(10.0)).attempts == 1
    assert waits.seconds == []


@pytest.mark.parametrize("status", [400, 401, 404, 501])
def test_any_other_status_is_not_retried(server: ScriptedRegistry, status: int) -> None:
    server.script = lambda _: Answer(status)
    with open_transport() as transport:
        assert transport.send(local_request(server.url), Deadline.after(10.0)).attempts == 1


def test_no_more_connections_than_allowed_are_open_to_one_host(server: ScriptedRegistry) -> None:
    def slow(_: object) -> Answer:
        time.sleep(0.02)
        return Answer(401)

    server.script = slow
    with open_transport(per_host=3) as transport, ThreadPoolExecutor(12) as threads:
        replies = list(
            threads.map(lambda _: transport.send(local_request(server.url), Deadline.after(10.0)), range(24))
        )
    assert len(replies) == 24
    assert server.most_at_once <= 3
    assert server.connections <= 3


def test_a_connection_that_failed_makes_room_for_the_next(server: ScriptedRegistry) -> None:
    answers = iter([Raw(hang), Raw(lambda wire, _: wire.write(HEAD)), Answer(400, {}, b"e" * 1_000_000), Answer(200)])
    server.script = lambda _: next(answers)
    with open_transport(QUICK, per_host=1, retry=patient(attempts=1)) as transport:
        for _ in range(2):
            with pytest.raises(SourceError):
                transport.send(local_request(server.url), Deadline.after(10.0))
        assert transport.send(local_request(server.url), Deadline.after(10.0)).status == 400
        assert transport.send(local_request(server.url), Deadline.after(10.0)).status == 200


def test_waiting_until_a_connection_is_free_ends_at_the_deadline(server: ScriptedRegistry) -> None:
    server.script = lambda _: Raw(hang)
    with (
        open_transport(per_host=1, retry=patient(attempts=1)) as transport,
        ThreadPoolExecutor() as threads,
    ):
        first = threads.submit(transport.send, local_request(server.url), Deadline.after(10.0))
        while not server.seen:
            time.sleep(0.01)
        with pytest.raises(SourceError, match="timed out"):
            transport.send(local_request(server.url), Deadline.after(0.2))
        transport.cut()
        with pytest.raises(SourceError):
            first.result(timeout=3)


def test_requests_in_a_row_share_a_connection(server: ScriptedRegistry) -> None:
    with open_transport() as transport:
        for _ in range(3):
            assert transport.send(local_request(server.url), Deadline.after(10.0)).body == b"good"
        server.script = lambda _: Answer(401, {"Content-Length": "0"})
        transport.send(local_request(server.url), Deadline.after(10.0))
        transport.send(local_request(server.url), Deadline.after(10.0))
    assert server.connections == 1
