"""Resolve images of any OCI registry with one GET of the manifest.

It is one HEAD at registries that count pulls, and for a digest, which needs no manifest to be resolved to itself.
"""

from __future__ import annotations

import math
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import assert_never

from image_pinner.core.advice import Advice
from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.registries import canonical_registry
from image_pinner.core.images.selection import (
    NeedsConfig,
    select_from_config,
    select_from_manifest,
    select_without_manifest,
)
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.credentials.interface import CredentialSource
from image_pinner.sources.http.endpoints import CircuitBreaker, RegistryHosts
from image_pinner.sources.http.memory import LARGE_BODIES, PARSING
from image_pinner.sources.http.transport import PER_HOST, Transport
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.client import FoundManifest, Image, ManifestRequests

WORKERS = 64
"""How many requests are in progress at once, to all registries together, and at least one to each."""
MAX_REGISTRIES = 128
"""How many registries get a thread of their own: one that responds slowly keeps it, and others need not wait for it.

A Lambda function has 1,024 threads: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
HOST_SECONDS = 30.0
"""How long one registry may take for all its images together."""

_CHECK_SECONDS = 0.1

Resolutions = dict[ImageLookup, Resolution]


class OciRegistryResolver:
    """Resolves images of any registry that implements the OCI distribution API. See `DigestResolver`.

    Args:
        transport: Sends the requests.
        credentials: The credentials by registry.
        hosts: The servers of registries, and what the configuration allows for each.
        workers: How many requests are in progress at once, to all registries together, and at least one to each.
        per_host: How many requests are in progress at once to one registry.
        host_seconds: How long one registry may take for all its images together.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialSource,
        hosts: RegistryHosts | None = None,
        *,
        workers: int = WORKERS,
        per_host: int = PER_HOST,
        host_seconds: float = HOST_SECONDS,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._hosts = hosts or RegistryHosts()
        self._workers = workers
        self._per_host = per_host
        self._host_seconds = host_seconds

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """Resolve images; lookups of the same reference share one request. See `DigestResolver.resolve_all`.

        Raises:
            ConfigurationError: A credential is configured and cannot be read.
        """
        # Tokens and failed hosts are kept for this run only.
        requests = ManifestRequests(CircuitBreaker(self._transport), self._hosts, self._credentials)
        ended = threading.Event()
        # A thread that is still blocked when the run ends, for example in a name server's client, sends nothing after
        # it. A Lambda function would continue the thread within the next event.
        limited = Deadline(deadline.at, lambda: math.inf if ended.is_set() else deadline.clock())
        registries = self._registries(lookups, requests, limited)
        resolutions: Resolutions = {}
        # The first worker of each registry starts before the second of any, so that a slow one delays no other.
        jobs = [
            partial(registry.work, resolutions)
            for number in range(self._per_host)
            for registry in registries
            if number < registry.size
        ]
        workers = max(self._workers, min(len(registries), MAX_REGISTRIES))
        threading.Thread(target=_cut_late, args=(registries, ended), daemon=True).start()
        finished = False
        try:
            finished = None not in run_all(jobs, workers=workers, deadline=deadline)
            return {lookup: resolutions.get(lookup) or _timed_out(lookup) for lookup in lookups}
        finally:
            ended.set()
            if not finished:
                self._transport.cut()

    def _registries(
        self, lookups: Sequence[ImageLookup], requests: ManifestRequests, deadline: Deadline
    ) -> list[_RegistryWork]:
        images: dict[str, dict[Image, list[ImageLookup]]] = defaultdict(lambda: defaultdict(list))
        for lookup in lookups:
            image = Image(lookup.reference, lookup.credentials)
            images[canonical_registry(lookup.reference.registry)][image].append(lookup)
        return [
            _RegistryWork(
                requests,
                todo,
                deadline=deadline,
                seconds=self._host_seconds,
                counts_pulls=self._hosts.counts_pulls(name),
                cut=self._transport.cut,
            )
            for name, todo in images.items()
        ]


def _cut_late(registries: Sequence[_RegistryWork], ended: threading.Event) -> None:
    """Cut the connections of registries whose time is up, until the run has ended.

    A server that sends a byte now and then keeps a read alive: only cutting its connection ends that.
    """
    while not ended.wait(_CHECK_SECONDS):
        for registry in registries:
            registry.cut_if_late()


def _timed_out(lookup: ImageLookup) -> Unavailable:
    return Unavailable(
        f"timed out before {lookup.reference.registry} responded",
        f"retry; if it fails again, check the status of the registry or {Advice.TIMEOUT}",
    )


class _RegistryWork:
    """The lookups for one registry, done by several threads within `seconds` from its first request on."""

    def __init__(
        self,
        requests: ManifestRequests,
        todo: Mapping[Image, list[ImageLookup]],
        *,
        deadline: Deadline,
        seconds: float,
        counts_pulls: bool,
        cut: Callable[[Deadline], object],
    ) -> None:
        self.size = len(todo)
        self._requests = requests
        self._run_deadline = deadline
        self._seconds = seconds
        self._counts_pulls = counts_pulls
        self._cut = cut
        self._lock = threading.Lock()
        self._deadline: Deadline | None = None
        self._todo: queue.SimpleQueue[tuple[Image, list[ImageLookup]]] = queue.SimpleQueue()
        for image in todo.items():
            self._todo.put(image)

    def work(self, resolutions: Resolutions) -> bool:
        """Add resolutions until no lookup is left or the registry's time is up; return whether none is left."""
        deadline = self._start()
        while deadline.remaining() > 0:
            try:
                image, lookups = self._todo.get_nowait()
            except queue.Empty:
                return True
            try:
                resolutions.update(self._resolve(image, lookups, deadline))
            except SourceError as error:
                resolutions.update(dict.fromkeys(lookups, Unavailable(error.cause, error.help)))
        return False

    def cut_if_late(self) -> None:
        """Cut the connections to the registry if its time is up."""
        if self._deadline and self._deadline.remaining() <= 0:
            self._cut(self._deadline)

    def _start(self) -> Deadline:
        with self._lock:
            if self._deadline is None:
                self._deadline = self._run_deadline.within(self._seconds)
            return self._deadline

    def _resolve(self, image: Image, lookups: Sequence[ImageLookup], deadline: Deadline) -> Resolutions:
        # The manifest of an image that is named by its digest is needed for its platform only.
        by_head = all(lookup.platform is None for lookup in lookups) if image.reference.digest else self._counts_pulls
        found = self._requests.head_manifest(image, deadline) if by_head else None
        match found:
            case None:
                return self._from_manifest(image, lookups, deadline)
            case FoundManifest():
                return self._from_head(image, lookups, found, deadline)
            case NotFound() | Unsuitable():
                return dict.fromkeys(lookups, found)
            case _:
                assert_never(found)

    def _from_head(
        self, image: Image, lookups: Iterable[ImageLookup], found: FoundManifest, deadline: Deadline
    ) -> Resolutions:
        answers = {lookup: select_without_manifest(lookup, found.resolved) for lookup in lookups}
        resolutions: Resolutions = {lookup: answer for lookup, answer in answers.items() if answer is not None}
        if unresolved := [lookup for lookup, answer in answers.items() if answer is None]:
            resolutions |= self._from_manifest(image, unresolved, deadline, found.resolved)
        return resolutions

    def _from_manifest(
        self, image: Image, lookups: Iterable[ImageLookup], deadline: Deadline, head: Resolved | None = None
    ) -> Resolutions:
        with LARGE_BODIES.in_use():
            found = self._requests.get_manifest(image, deadline, head)
            if isinstance(found, NotFound | Unsuitable):
                return dict.fromkeys(lookups, found)
            with PARSING:
                answers = {
                    lookup: select_from_manifest(lookup, found.resolved, found.manifest or b"") for lookup in lookups
                }
        del found  # before the config is in memory
        resolutions = {lookup: answer for lookup, answer in answers.items() if not isinstance(answer, NeedsConfig)}
        needing = {lookup: answer for lookup, answer in answers.items() if isinstance(answer, NeedsConfig)}
        return resolutions | self._from_config(image, needing, deadline)

    def _from_config(self, image: Image, needing: Mapping[ImageLookup, NeedsConfig], deadline: Deadline) -> Resolutions:
        if not needing:
            return {}
        # They are for one manifest, which has one config.
        needs = next(iter(needing.values()))
        with LARGE_BODIES.in_use():
            try:
                content = self._requests.config(image, needs, deadline)
            except SourceError as error:
                return dict.fromkeys(needing, Unavailable(error.cause, error.help))
            with PARSING:
                return {lookup: select_from_config(lookup, needed, content) for lookup, needed in needing.items()}
