"""Any OCI registry: one GET of the manifest, whose body is hashed; where pulls are metered, a HEAD.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

from image_pinner.core.images.registries import canonical_registry
from image_pinner.core.images.resolutions import ImageQuestion, Resolution, Unavailable
from image_pinner.sources.credentials.interface import CredentialSource
from image_pinner.sources.http.giving_up import PersistentSender
from image_pinner.sources.http.hosts import RegistryHosts
from image_pinner.sources.http.transport import PER_HOST, Transport
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.manifest_requests import ManifestRequests
from image_pinner.sources.oci.registry_work import Image, RegistryWork
from image_pinner.sources.parallel import run_all

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

    def resolve_all(self, questions: Sequence[ImageQuestion], deadline: Deadline) -> Mapping[ImageQuestion, Resolution]:
        """Answer questions; questions about one reference cost one request.

        Args:
            questions: Distinct questions; none has a digest in its reference.
            deadline: When to give up; what is not known by then is `Unavailable`.

        Returns:
            An answer for every question, whatever happened.
        """
        # What is learned of registries is forgotten with the run.
        requests = ManifestRequests(PersistentSender(self._transport), self._hosts, self._credentials)
        registries = self._registries(questions, requests, deadline)
        answers: dict[ImageQuestion, Resolution] = {}
        # The first worker of each registry stands before the second of any, so that a slow one delays no other.
        lanes = [
            partial(registry.work_off, answers)
            for number in range(self._per_host)
            for registry in registries
            if number < registry.size
        ]
        ended = run_all(lanes, workers=self._workers, deadline=deadline)
        known = {question: answers.get(question) or _too_late(question) for question in questions}
        for registry in registries:
            registry.end()
        if None in ended:
            self._transport.cut()
        return known

    def _registries(
        self, questions: Sequence[ImageQuestion], requests: ManifestRequests, deadline: Deadline
    ) -> list[RegistryWork]:
        images: dict[str, dict[Image, list[ImageQuestion]]] = defaultdict(lambda: defaultdict(list))
        for question in questions:
            image = Image(question.reference, question.credentials)
            images[canonical_registry(question.reference.registry)][image].append(question)
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


def _too_late(question: ImageQuestion) -> Unavailable:
    return Unavailable(
        f"the time was up before {question.reference.registry} had answered",
        "Try again; give the run more time, or look at the registry's state, if it goes on",
    )
