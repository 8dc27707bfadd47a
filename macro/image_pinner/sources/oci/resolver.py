"""Resolve images of any OCI registry: one GET of the manifest, hashed; a HEAD where pulls are metered.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.images.registries import canonical_registry
from image_pinner.core.images.selection import (
    NeedsConfig,
    select_from_config,
    select_from_manifest,
    select_without_manifest,
)
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.credentials.interface import CredentialSource
from image_pinner.sources.http.circuit_breaker import CircuitBreaker
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.transport import PER_HOST, Transport
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.client import FoundManifest, ManifestRequests, reading

Answers = dict[ImageLookup, Resolution]


class Image(NamedTuple):
    """What one request is about.

    Args:
        reference: The image.
        secret_arn: The ARN of the secret that the template names for it, or empty: what one login sees, another may
            not.
    """

    reference: ImageReference
    secret_arn: str


class RegistryWork:
    """The questions to one registry.

    Args:
        requests: Asks the registry.
        todo: The images, each with its questions.
        deadline: The deadline of the run.
        seconds: How long the registry may take, from its first request on.
        metered: Whether its pulls are metered.
        cut: Ends the requests that serve a deadline.
    """

    def __init__(
        self,
        requests: ManifestRequests,
        todo: Mapping[Image, list[ImageLookup]],
        *,
        deadline: Deadline,
        seconds: float,
        metered: bool,
        cut: Callable[[Deadline], object],
    ) -> None:
        self.size = len(todo)
        self._requests = requests
        self._run_deadline = deadline
        self._seconds = seconds
        self._metered = metered
        self._cut = cut
        self._lock = threading.Lock()
        self._deadline: Deadline | None = None
        self._timer: threading.Timer | None = None
        self._todo: queue.SimpleQueue[tuple[Image, list[ImageLookup]]] = queue.SimpleQueue()
        for image in todo.items():
            self._todo.put(image)

    def work_off(self, answers: Answers) -> bool:
        """Answer questions until there are none left, or the registry's time is up; runs on several threads.

        Args:
            answers: Where answers are put.

        Returns:
            Whether no question is left.
        """
        deadline = self._begin()
        while deadline.remaining() > 0:
            try:
                image, lookups = self._todo.get_nowait()
            except queue.Empty:
                return True
            answers.update(self._answer(image, lookups, deadline))
        return False

    def end(self) -> None:
        """End the watch over the registry's time."""
        with self._lock:
            if self._timer:
                self._timer.cancel()

    def _begin(self) -> Deadline:
        with self._lock:
            if self._deadline is None:
                self._deadline = self._run_deadline.within(self._seconds)
                # A server that drips keeps a read alive for ever: only cutting its connection ends that.
                self._timer = threading.Timer(self._deadline.remaining(), self._cut, (self._deadline,))
                self._timer.daemon = True
                self._timer.start()
            return self._deadline

    def _answer(self, image: Image, lookups: Iterable[ImageLookup], deadline: Deadline) -> Answers:
        try:
            return self._answers(image, lookups, deadline)
        except (ConfigurationError, SourceError) as error:
            return dict.fromkeys(lookups, Unavailable(error.cause, error.help))

    def _answers(self, image: Image, lookups: Iterable[ImageLookup], deadline: Deadline) -> Answers:
        if self._metered:
            found = self._requests.head_manifest(image.reference, image.secret_arn, deadline)
            if isinstance(found, FoundManifest):
                return self._from_header(image, lookups, found, deadline)
            if isinstance(found, NotFound | Unsuitable):
                return dict.fromkeys(lookups, found)
        found = self._requests.get_manifest(image.reference, image.secret_arn, deadline)
        return self._from_body(image, lookups, found, deadline)

    def _from_header(
        self, image: Image, lookups: Iterable[ImageLookup], found: FoundManifest, deadline: Deadline
    ) -> Answers:
        answers = {lookup: select_without_manifest(lookup, found.resolved) for lookup in lookups}
        to_open = [lookup for lookup, answer in answers.items() if answer is None]
        told: Answers = {lookup: answer for lookup, answer in answers.items() if answer is not None}
        if to_open:
            opened = self._requests.get_manifest(image.reference, image.secret_arn, deadline, found.resolved.digest)
            told |= self._from_body(image, to_open, opened, deadline)
        return told

    def _from_body(
        self,
        image: Image,
        lookups: Iterable[ImageLookup],
        found: FoundManifest | NotFound | Unsuitable,
        deadline: Deadline,
    ) -> Answers:
        if isinstance(found, NotFound | Unsuitable):
            return dict.fromkeys(lookups, found)
        manifest = found.manifest or b""
        with reading(manifest):
            answers = {lookup: select_from_manifest(lookup, found.resolved, manifest) for lookup in lookups}
        config: bytes | Unavailable | None = None
        told: Answers = {}
        for lookup, answer in answers.items():
            if not isinstance(answer, NeedsConfig):
                told[lookup] = answer
                continue
            config = config or self._config(image, answer.config, deadline)
            told[lookup] = select_from_config(lookup, answer, config) if isinstance(config, bytes) else config
        return told

    def _config(self, image: Image, config: Digest, deadline: Deadline) -> bytes | Unavailable:
        try:
            return self._requests.config(image.reference, image.secret_arn, config, deadline)
        except (ConfigurationError, SourceError) as error:
            return Unavailable(error.cause, error.help)


WORKERS = 64
"""How many requests are under way at once, to all registries together."""
HOST_SECONDS = 30.0
"""How long one registry may take for all its images together."""


class OciRegistryResolver:
    """Finds digests in any registry that speaks the OCI distribution API.

    Args:
        transport: Sends the requests.
        credentials: Knows the credentials.
        hosts: Knows where registries are, and what the operator said of them.
        workers: How many requests are under way at once, to all registries together.
        per_host: How many requests are under way at once to one registry.
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
        """Answer questions; questions about one reference cost one request.

        Args:
            lookups: Distinct questions; none has a digest in its reference.
            deadline: When to give up; what is not known by then is `Unavailable`.

        Returns:
            An answer for every question, whatever happened.
        """
        # What is learned of registries is forgotten with the run.
        requests = ManifestRequests(CircuitBreaker(self._transport), self._hosts, self._credentials)
        registries = self._registries(lookups, requests, deadline)
        answers: dict[ImageLookup, Resolution] = {}
        # The first worker of each registry stands before the second of any, so that a slow one delays no other.
        lanes = [
            partial(registry.work_off, answers)
            for number in range(self._per_host)
            for registry in registries
            if number < registry.size
        ]
        ended = run_all(lanes, workers=self._workers, deadline=deadline)
        known = {lookup: answers.get(lookup) or _too_late(lookup) for lookup in lookups}
        for registry in registries:
            registry.end()
        if None in ended:
            self._transport.cut()
        return known

    def _registries(
        self, lookups: Sequence[ImageLookup], requests: ManifestRequests, deadline: Deadline
    ) -> list[RegistryWork]:
        images: dict[str, dict[Image, list[ImageLookup]]] = defaultdict(lambda: defaultdict(list))
        for lookup in lookups:
            image = Image(lookup.reference, lookup.credentials)
            images[canonical_registry(lookup.reference.registry)][image].append(lookup)
        return [
            RegistryWork(
                requests,
                todo,
                deadline=deadline,
                seconds=self._host_seconds,
                metered=self._hosts.is_metered(name),
                cut=self._transport.cut,
            )
            for name, todo in images.items()
        ]


def _too_late(lookup: ImageLookup) -> Unavailable:
    return Unavailable(
        f"the time was up before {lookup.reference.registry} had answered",
        "Try again; give the run more time, or look at the registry's state, if it goes on",
    )
