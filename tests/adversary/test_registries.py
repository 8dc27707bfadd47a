"""Hostile registries cannot take the memory, the time or the log of a run."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

import pytest

from image_pinner.core.images.lookups import NotFound, Resolved, Unavailable
from image_pinner.core.images.references import Digest
from image_pinner.sources.credentials.interface import AnonymousCredentials
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.transport import RetryPolicy
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.resolver import OciRegistryResolver
from support import memory
from support.images import lookup, oci_image
from support.project import ROOT
from support.registries import (
    Answer,
    Raw,
    ScriptedRegistry,
    Seen,
    cause_of,
    drip_body,
    drip_headers,
    hang,
    open_transport,
    patient,
    resolve,
    resolve_answer,
    sent,
)

MIB = 1024 * 1024
CONFIG = b'{"architecture":"amd64","os":"linux"}'
IMAGE = oci_image(CONFIG)

# Each thread can get a heap of its own, which keeps what was freed: up to 16 with 2 processors.
ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}

MEASURED = """
import sys
from image_pinner.core.images.lookups import ImageLookup
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.sources.credentials.interface import AnonymousCredentials
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.transport import RetryPolicy, Transport
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.resolver import OciRegistryResolver
from support.memory import peak, reset_peak

hosts = sys.argv[1:]
images = [ImageReference.parse(f"{host}/team/app:{tag}") for host in hosts for tag in range(2)]
lookups = [ImageLookup(image, Platform("linux", "amd64"), True) for image in images]
resolver = OciRegistryResolver(
    Transport(retry=RetryPolicy(1)), AnonymousCredentials(), RegistryHosts(hosts), host_seconds=3.0
)
before = reset_peak()
answers = resolver.resolve_all(lookups, Deadline.after(20.0))
assert len(answers) == len(lookups)
print(round(peak() - before), *sorted({type(answer).__name__ for answer in answers.values()}))
"""


@contextmanager
def registries(number: int, script: Callable[[Seen], Answer | Raw]) -> Iterator[list[ScriptedRegistry]]:
    with ExitStack() as stack:
        yield [stack.enter_context(ScriptedRegistry(script)) for _ in range(number)]


def peak_of(script: Callable[[Seen], Answer | Raw]) -> tuple[int, list[str]]:
    """Return the MB that 2 images at each of 20 registries take in another process, and the kinds of their results."""
    with registries(20, script) as servers:
        command = [sys.executable, "-c", MEASURED, *(server.host for server in servers)]
        environment = {"PYTHONPATH": f"{ROOT / 'macro'}:{ROOT / 'tests'}", **ALLOCATOR}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    megabytes, *kinds = ran.stdout.split()
    return int(megabytes), kinds


def many_headers(wire: BinaryIO, _: threading.Event) -> None:
    """Send as many and as long headers as http.client reads."""
    wire.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: " % number + b"v" * 65_000 + b"\r\n" for number in range(95)))
    wire.write(b"Content-Length: 0\r\n\r\n")


def interim_responses(wire: BinaryIO, stopping: threading.Event) -> None:
    """Send interim responses without an end."""
    while not stopping.is_set():
        wire.write(b"HTTP/1.1 100 Continue\r\nX: " + b"v" * 60_000 + b"\r\n\r\n")


def dense(unit: str, size: int = 4 * MIB) -> bytes:
    """Return a document that takes many times its size when it is parsed."""
    start, end = '{"schemaVersion":2,"config":{},"layers":[', "]}"
    count = (size - len(start) - len(end)) // len(unit)
    return (start + (unit * count)[:-1] + end).encode()


def config_image(config: bytes) -> Callable[[Seen], Answer]:
    """Return a registry whose images have this config."""
    image = oci_image(config)
    return lambda seen: sent(image) if "/manifests/" in seen.path else Answer(200, {}, config)


BOMB = gzip.compress(b" " * (64 * MIB), 1)
DENSE = {unit: dense(unit) for unit in ('{"":0},', "[],", '"ab",', "257,")}


@pytest.mark.skipif(not memory.AVAILABLE, reason="reads /proc")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda _: Raw(many_headers), id="95 headers of 64 KB"),
        pytest.param(lambda _: Raw(interim_responses), id="interim responses"),
        pytest.param(lambda _: sent(DENSE['{"":0},']), id="objects"),
        pytest.param(lambda _: sent(DENSE["[],"]), id="lists"),
        pytest.param(lambda _: sent(DENSE['"ab",']), id="texts"),
        pytest.param(lambda _: sent(DENSE["257,"]), id="numbers"),
        pytest.param(lambda _: sent(b" " * (4 * MIB)), id="blanks"),
        pytest.param(lambda _: sent(BOMB, Content_Encoding="gzip"), id="compressed blanks"),
        pytest.param(config_image(b'{"os":"' + b"x" * (7 * MIB) + b'"}'), id="configs"),
    ],
)
def test_twenty_hostile_registries_take_less_than_150_mb(script: Callable[[Seen], Answer | Raw]) -> None:
    megabytes, kinds = peak_of(script)
    assert megabytes < 150
    assert "Resolved" not in kinds


def test_headers_of_a_usual_response_are_not_limited() -> None:
    with registries(1, lambda _: sent(IMAGE, **{f"X_{number}": "v" * 500 for number in range(80)})) as (server,):
        (answer,) = resolve(lookup(f"{server.host}/app:1"), insecure=(server.host,))
    assert isinstance(answer, Resolved)


@pytest.mark.parametrize("slow", [hang, drip_headers, drip_body])
def test_forty_slow_registries_do_not_delay_a_healthy_one(slow: Callable[[BinaryIO, threading.Event], None]) -> None:
    with registries(40, lambda _: Raw(slow)) as servers, registries(1, lambda _: sent(IMAGE)) as (healthy,):
        hosts = [server.host for server in (*servers, healthy)]
        asked: list[float] = []

        def serve(_: Seen) -> Answer:
            asked.append(time.monotonic())
            return sent(IMAGE)

        healthy.script = serve
        lookups = [lookup(f"{host}/app:{tag}") for host in hosts for tag in range(3)]
        begun = time.monotonic()
        answers = resolve(*lookups, insecure=tuple(hosts), seconds=3.0, workers=20, host_seconds=30.0)
    assert [type(answer) for answer in answers[-3:]] == [Resolved] * 3
    assert {type(answer) for answer in answers[:-3]} == {Unavailable}
    assert asked[0] - begun < 1.0


def test_slow_large_bodies_delay_no_small_one() -> None:
    with registries(10, lambda _: Raw(slow_large_body)) as servers, registries(1, lambda _: sent(IMAGE)) as (healthy,):
        hosts = [server.host for server in (*servers, healthy)]
        *slow, answer = resolve(*(lookup(f"{host}/app:1") for host in hosts), insecure=tuple(hosts), seconds=2.0)
    assert isinstance(answer, Resolved)
    assert {type(one) for one in slow} == {Unavailable}


def slow_large_body(wire: BinaryIO, stopping: threading.Event) -> None:
    """Send a large part of a body at once, and the rest slowly."""
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + b" " * 1_000_000)
    while not stopping.wait(0.05):
        wire.write(b" ")


def test_threads_are_limited_and_none_remains_after_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_pinner.sources.oci.resolver.MAX_REGISTRIES", 10)
    with registries(20, lambda _: Raw(drip_headers)) as servers, open_transport(retry=patient(attempts=1)) as transport:
        hosts = tuple(server.host for server in servers)
        resolver = OciRegistryResolver(transport, AnonymousCredentials(), RegistryHosts(hosts), workers=5)
        earlier = set(threading.enumerate())
        resolver.resolve_all([lookup(f"{host}/app:1") for host in hosts], Deadline.after(0.5))
        # Those of the servers are not daemons.
        started = [thread for thread in set(threading.enumerate()) - earlier if thread.daemon]
        assert len(started) <= 10 + 1
        for thread in started:
            thread.join(2)
        assert not any(thread.is_alive() for thread in started)


def _wait(event: threading.Event) -> None:
    event.wait(10)


def test_a_thread_that_outlives_its_run_sends_nothing() -> None:
    """A function's execution environment is frozen after the response, and its clock may stop meanwhile."""
    proceed = threading.Event()
    retry = RetryPolicy(sleep=lambda _: _wait(proceed), jitter=lambda: 0.0)
    with registries(1, lambda _: Answer(503)) as (server,), open_transport(retry=retry) as transport:
        resolver = OciRegistryResolver(transport, AnonymousCredentials(), RegistryHosts([server.host]))
        wanted = lookup(f"{server.host}/app:1")
        earlier = set(threading.enumerate())
        answers = resolver.resolve_all([wanted], Deadline(0.3, lambda: 0.0))
        proceed.set()
        for thread in set(threading.enumerate()) - earlier:
            if thread.daemon:
                thread.join(5)
    assert isinstance(answers[wanted], Unavailable)
    assert [seen.path for seen in server.seen] == ["/v2/app/manifests/1"]


@pytest.mark.parametrize("encodings", ["gzip", "x-gzip", "gzip, gzip", "GZIP"])
def test_a_manifest_that_a_proxy_compresses_is_hashed_after_decoding(encodings: str) -> None:
    plain = sent(IMAGE, Content_Encoding=encodings)
    compressed = Answer(plain.status, plain.headers, gzip.compress(IMAGE))
    with registries(1, lambda _: compressed) as (server,):
        answer = resolve_answer(server, compressed)
    assert isinstance(answer, Resolved)
    assert answer.digest == Digest.of(IMAGE)


@pytest.mark.parametrize("encodings", ["", "identity", "identity, identity", "gzip", "gzip, gzip", "aws-chunked"])
def test_a_manifest_that_is_not_compressed_is_accepted_whatever_its_encoding_is_called(encodings: str) -> None:
    with registries(1, lambda _: Answer()) as (server,):
        assert isinstance(resolve_answer(server, sent(IMAGE, Content_Encoding=encodings)), Resolved)


@pytest.mark.parametrize(
    ("body", "encodings", "cause"),
    [
        (BOMB, "gzip", "sent more than 4194304 bytes"),
        (gzip.compress(gzip.compress(b" " * (64 * MIB), 1)), "gzip, gzip", "sent more than 4194304 bytes"),
        (gzip.compress(IMAGE)[:-9], "gzip", "invalid or unsupported Content-Encoding"),
        (gzip.compress(IMAGE) + b"more", "gzip", "invalid or unsupported Content-Encoding"),
        (gzip.compress(IMAGE), "br", "invalid or unsupported Content-Encoding"),
        (gzip.compress(IMAGE), "gzip, br", "invalid or unsupported Content-Encoding"),
        (gzip.compress(gzip.compress(gzip.compress(IMAGE))), "gzip, gzip, gzip", "Content-Encoding"),
        (b"\x1f\x8b" + b"x" * 1000, "gzip", "invalid or unsupported Content-Encoding"),
        (gzip.compress(IMAGE), "", "sent an invalid manifest"),
    ],
)
def test_an_encoding_that_cannot_be_undone_within_the_limit_is_refused(body: bytes, encodings: str, cause: str) -> None:
    with registries(1, lambda _: Answer()) as (server,):
        assert cause in cause_of(resolve_answer(server, sent(body, Content_Encoding=encodings)))


def test_an_error_that_a_proxy_compresses_is_read() -> None:
    body = gzip.compress(json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN"}]}).encode())
    with registries(1, lambda _: Answer()) as (server,):
        assert isinstance(resolve_answer(server, Answer(404, {"Content-Encoding": "gzip"}, body)), NotFound)
