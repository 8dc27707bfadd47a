"""The time limit of one registry: one that exceeds it is cut off, and the run continues with the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import Resolution, Resolved, Unavailable
from image_pinner.sources.interface import Deadline
from support.images import lookup, oci_image
from support.registries import (
    Answer,
    Raw,
    ScriptedRegistry,
    Seen,
    drip_body,
    drip_headers,
    local_request,
    open_transport,
    patient,
    resolve,
    sent,
)

IMAGE = sent(oci_image())
HOST_SECONDS = 0.5
RUN_SECONDS = 20.0


DRIPS = pytest.mark.parametrize("drip", [Raw(drip_headers), Raw(drip_body)], ids=["headers", "body"])


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedRegistry, ScriptedRegistry, ScriptedRegistry]]:
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(ScriptedRegistry(lambda _: IMAGE)) for _ in range(3))
        yield first, second, third


def resolve_all(*hosts: str, images: int = 1, workers: int = 64, per_host: int = 16) -> tuple[list[Resolution], float]:
    """Resolve images of all hosts, and return the results and the duration in seconds."""
    wanted = [lookup(f"{host}/team/app:{tag}") for host in hosts for tag in range(images)]
    begun = time.monotonic()
    answers = resolve(
        *wanted,
        insecure=hosts,
        seconds=RUN_SECONDS,
        host_seconds=HOST_SECONDS,
        workers=workers,
        per_host=per_host,
        transport={"retry": patient(attempts=1)},
    )
    return answers, time.monotonic() - begun


@DRIPS
def test_a_registry_that_drips_is_cut_when_its_time_is_up_long_before_the_run_s(
    servers: tuple[ScriptedRegistry, ScriptedRegistry, ScriptedRegistry], drip: Raw
) -> None:
    slow, *_ = servers
    slow.script = lambda _: drip
    answers, took = resolve_all(slow.host, images=40)
    assert HOST_SECONDS <= took < RUN_SECONDS / 2
    assert len(slow.seen) <= 16
    for answer in answers:
        assert isinstance(answer, Unavailable)
        assert "timed out before" in answer.cause
        assert slow.host in answer.cause


def test_the_time_counts_from_the_first_request_for_all_images_together(
    servers: tuple[ScriptedRegistry, ScriptedRegistry, ScriptedRegistry],
) -> None:
    slow, *_ = servers

    def late(_: Seen) -> Answer:
        time.sleep(HOST_SECONDS / 5)
        return IMAGE

    slow.script = late
    answers, took = resolve_all(slow.host, images=40, per_host=1)
    assert took < RUN_SECONDS / 2
    assert isinstance(answers[0], Resolved)
    assert isinstance(answers[-1], Unavailable)
    assert len(slow.seen) <= 6


@DRIPS
def test_others_answer_all_their_images_meanwhile(
    servers: tuple[ScriptedRegistry, ScriptedRegistry, ScriptedRegistry], drip: Raw
) -> None:
    slow, good, other = servers
    slow.script = lambda _: drip
    answers, took = resolve_all(slow.host, good.host, other.host, images=20)
    assert took < RUN_SECONDS / 2
    assert {type(answer) for answer in answers[:20]} == {Unavailable}
    assert {type(answer) for answer in answers[20:]} == {Resolved}


@DRIPS
def test_a_single_worker_gets_to_the_next_registry(
    servers: tuple[ScriptedRegistry, ScriptedRegistry, ScriptedRegistry], drip: Raw
) -> None:
    slow, good, _ = servers
    slow.script = lambda _: drip
    answers, took = resolve_all(slow.host, good.host, images=3, workers=1)
    assert took < RUN_SECONDS / 2
    assert {type(answer) for answer in answers[:3]} == {Unavailable}
    assert {type(answer) for answer in answers[3:]} == {Resolved}


def test_to_cut_the_requests_of_one_deadline_leaves_those_of_another(
    servers: tuple[ScriptedRegistry, ScriptedRegistry, ScriptedRegistry],
) -> None:
    slow, patient_one, _ = servers
    proceed = threading.Event()
    slow.script = lambda _: Raw(drip_body)

    def waiting(_: Seen) -> Answer:
        assert proceed.wait(10)
        return IMAGE

    patient_one.script = waiting
    # Equal, and not the same: two registries can have the same time.
    first, second = (Deadline(time.monotonic() + RUN_SECONDS) for _ in range(2))
    with open_transport(retry=patient(attempts=1)) as transport, ThreadPoolExecutor() as threads:
        cut = threads.submit(transport.send, local_request(slow.url), first)
        kept = threads.submit(transport.send, local_request(patient_one.url), second)
        while not (slow.seen and patient_one.seen):
            time.sleep(0.01)
        transport.cut(first)
        assert isinstance(cut.exception(10), SourceError)
        assert not kept.done()
        proceed.set()
        assert kept.result(10).status == 200


def test_no_thread_of_a_watch_over_time_is_left_behind(
    servers: tuple[ScriptedRegistry, ScriptedRegistry, ScriptedRegistry],
) -> None:
    before = set(threading.enumerate())
    good, *_ = servers
    answers, _took = resolve_all(good.host, images=5)
    assert {type(answer) for answer in answers} == {Resolved}
    watches = [thread for thread in set(threading.enumerate()) - before if isinstance(thread, threading.Timer)]
    for watch in watches:
        watch.join(5)
        assert not watch.is_alive()
