"""A registry that counts requests and has an event bus, for tests of what an invocation logs and sends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.lambda_macro.handler import Macro
from image_pinner.lambda_macro.log_record import Clocks
from image_pinner.pinning import Resolvers
from image_pinner.settings import Settings
from image_pinner.sources.aws.events import MAX_DETAIL_BYTES
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.macro import event_for
from support.templates import task

MARKED = event_for({"Resources": {"Web": task("!PinDigest shop/web:1", "!PinDigest shop/proxy:2", "shop/other:1")}})
ONE_BUS = {"IMAGE_PINNER_EVENT_BUS": "deployments"}
HIGH_LIMITS = {f"IMAGE_PINNER_MAX_{name}": "10000" for name in ("IMAGES", "REPOSITORIES", "REGISTRIES")}


class FakeEventPublisher:
    """Keeps the events, or raises an error."""

    max_detail_bytes = MAX_DETAIL_BYTES

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.details: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.seconds: list[float] = []
        self.denied: list[bool] = []

    def put(self, details: Sequence[str], deadline: Deadline, *, denied: bool = False) -> None:
        self.denied.append(denied)
        self.seconds.append(deadline.remaining())
        if self.error:
            raise self.error
        self.texts += details
        self.details += map(json.loads, details)


class ObservedRegistry(InMemoryRegistry):
    """A resolver factory that makes one request for each lookup, and counts it."""

    def __init__(self, event_publisher: FakeEventPublisher | None = None) -> None:
        super().__init__(has_every_image=True)
        self.call_stats = CallStats()
        self.publisher = event_publisher or FakeEventPublisher()
        self.buses: list[tuple[str, str]] = []

    def __call__(self, _settings: Settings, _region: str) -> Resolvers:
        return Resolvers(self, self, facts=self)

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        for lookup in lookups:
            with self.call_stats.attempt(f"GET {lookup.reference.registry}"):
                pass
        return super().resolve_all(lookups, deadline)

    def event_publisher(self, bus: str, region: str) -> Any:
        self.buses.append((bus, region))
        return self.publisher


def clocks_at(*ticks: float, wall: float = 1_790_000_000.5) -> Clocks:
    """Return clocks that show these times, one after the other."""
    remaining = list(ticks)
    return Clocks(lambda: wall, lambda: remaining.pop(0))


def run(
    resolver_factory: Any,
    event: Any = MARKED,
    environment: Mapping[str, str] | None = None,
    clocks: Clocks | None = None,
    context: Any = None,
) -> tuple[dict[str, Any], str]:
    """Return the response and the log record as written, which must be one line."""
    response, (line,) = run_with_log(resolver_factory, event, environment, clocks, context)
    return response, line


def run_with_log(
    resolver_factory: Any,
    event: Any = MARKED,
    environment: Mapping[str, str] | None = None,
    clocks: Clocks | None = None,
    context: Any = None,
) -> tuple[dict[str, Any], list[str]]:
    """Return the response and the log records."""
    lines: list[str] = []
    macro = Macro.on_aws(resolver_factory, environment or {}, lines.append)._replace(clocks=clocks or Clocks())
    return macro.answer(event, context), lines


def record_of(resolver_factory: Any, *arguments: Any, **more: Any) -> dict[str, Any]:
    """Return the log record."""
    found: dict[str, Any] = json.loads(run(resolver_factory, *arguments, **more)[1])
    return found
