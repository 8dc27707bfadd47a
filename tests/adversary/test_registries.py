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

from image_pinner.core.images.lookups import OCI_MANIFEST, Resolution, Resolved, Unavailable
from image_pinner.core.images.references import Digest
from image_pinner.sources.credentials.interface import AnonymousCredentials
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.resolver import OciRegistryResolver
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

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024

hosts = sys.argv[1:]
images = [ImageReference.parse(f"{host}/team/app:{tag}") for host in hosts for tag in range(2)]
lookups = [ImageLookup(image, Platform("linux", "amd64"), True) for image in images]
resolver = OciRegistryResolver(
    Transport(retry=RetryPolicy(1)), AnonymousCredentials(), RegistryHosts(hosts), host_seconds=3.0
)
before = peak()
answers = resolver.resolve_all(lookups, Deadline.after(20.0))
assert len(answers) == len(lookups)
print(peak() - before, *sorted({type(answer).__name__ for answer in answers.values()}))
"""


@contextmanager
def registries(number: int, script: Callable[[Seen], Answer | Raw]) -> Iterator[list[ScriptedRegistry]]:
    with ExitStack() as stack:
        yield [stack.enter_context(ScriptedRegistry(script)) for _ in range(number)]


def peak_of(script: Callable[[Seen], Answer | Raw]) -> tuple[int, list[str]]:
    """Return the MB that 2 images at each of 20 registries take in another process, and the kinds of their results."""
    with registries(20, script) as servers:
        command = [sys.executable, "-c", MEASURED, *(server.host for server in servers)]
        environment = {"PYTHONPATH": str(ROOT / "macro")}
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


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
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
        pytest.param(
            lambda _: sent(BOMB, Content_Encoding="gzip"), id="compressed blanks"
        ),
        pytest.param(config_image(b'{"os":"' + b"x" * (7 * MIB) + b'"}'), id="configs"),
    ],
)
def test_twenty_hostile_registries_take_less_than_150_mb(script: Callable[[Seen], Answer | Raw]) -> None:
    megabytes, kinds = peak_of(script)
    assert megabytes < 150
    assert "Resolved" not in kinds
