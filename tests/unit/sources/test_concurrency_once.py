from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.sources.concurrency import OncePerKey
from image_pinner.sources.interface import Deadline

SOON = Deadline.after(10.0)


def test_a_failure_is_kept_with_its_words() -> None:
    made: list[int] = []

    def fail() -> str:
        made.append(1)
        raise ConfigurationError("it is broken", "Mend it")

    values: OncePerKey[str, str] = OncePerKey()
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="it is broken") as fault:
            values.get("key", fail, SOON)
        assert fault.value.help == "Mend it"
    assert made == [1]


def test_who_waits_for_another_stops_at_the_deadline() -> None:
    values: OncePerKey[str, str] = OncePerKey()
    begun, go = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        go.wait(10)
        return "made"

    with ThreadPoolExecutor() as threads:
        first = threads.submit(values.get, "key", slow, SOON)
        begun.wait(10)
        with pytest.raises(SourceError, match="the time was up"):
            values.get("key", slow, Deadline.after(0.05))
        go.set()
        assert first.result() == "made"


def test_many_threads_get_one_value_made_once() -> None:
    values: OncePerKey[str, int] = OncePerKey()
    made: list[int] = []
    together = threading.Barrier(8)

    def make() -> int:
        made.append(1)
        return len(made)

    def want(_: int) -> int:
        together.wait(10)
        return values.get("key", make, SOON)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(want, range(8))) == {1}


def test_keys_have_their_own_values() -> None:
    values: OncePerKey[str, str] = OncePerKey()
    assert [values.get(key, lambda key=key: key * 2, SOON) for key in ("a", "b", "a")] == ["aa", "bb", "aa"]


def test_a_stale_value_is_made_anew_by_the_first_who_says_so() -> None:
    values: OncePerKey[str, str] = OncePerKey()
    assert values.get("key", lambda: "old", SOON) == "old"
    assert values.get("key", lambda: "new", SOON, instead_of="old") == "new"
    assert values.get("key", lambda: "newer", SOON, instead_of="old") == "new"
