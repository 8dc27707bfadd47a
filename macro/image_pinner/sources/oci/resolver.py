"""Any OCI registry: one GET of the manifest, whose body is hashed.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
"""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from image_pinner.core.errors import SourceError, WorldError
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.indexes import answer_for
from image_pinner.core.images.manifests import MAX_MANIFEST_BYTES, PUSH_AGAIN, read_manifest
from image_pinner.core.images.references import ImageReference
from image_pinner.core.images.resolutions import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    ImageQuestion,
    Missing,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
)
from image_pinner.sources.credentials.interface import CredentialSource
from image_pinner.sources.http.diagnostics import shown
from image_pinner.sources.http.hosts import RegistryHosts, canonical_registry
from image_pinner.sources.http.redirects import Followed, RedirectFollower
from image_pinner.sources.http.transport import PER_HOST, Reply, Request, Transport
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.authorization import Authorization, Authorizer
from image_pinner.sources.oci.refusals import missing
from image_pinner.sources.parallel import run_all

WORKERS = 64
"""How many requests are under way at once, to all registries together."""

_OK, _UNAUTHORIZED, _DENIED = 200, 401, (401, 403)
_JSON_TYPES = ("", "application/json")
_MANIFEST_TYPES = "application/vnd."
_ACCEPT = ", ".join(ACCEPTED_MEDIA_TYPES)

_Image = tuple[ImageReference, Sequence[ImageQuestion]]


class OciRegistryResolver:
    """Finds digests in any registry that speaks the OCI distribution API.

    Args:
        transport: Sends the requests.
        credentials: Knows the credentials.
        insecure_hosts: The hosts, with their ports, that are asked by plain http.
        workers: How many requests are under way at once, to all registries together.
        per_host: How many requests are under way at once to one registry.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialSource,
        *,
        insecure_hosts: Collection[str] = (),
        workers: int = WORKERS,
        per_host: int = PER_HOST,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._hosts = RegistryHosts(insecure_hosts)
        self._workers = workers
        self._per_host = per_host

    def resolve_all(self, questions: Sequence[ImageQuestion], deadline: Deadline) -> Mapping[ImageQuestion, Resolution]:
        """Answer questions; questions about one reference cost one request.

        Args:
            questions: Distinct questions; none has a digest in its reference.
            deadline: When to give up; what is not known by then is `Unavailable`.

        Returns:
            An answer for every question, whatever happened.
        """
        run = _Run(self._transport, self._hosts, self._credentials, deadline)
        answers: dict[ImageQuestion, Resolution] = {}
        lanes = [partial(_work_off, todo, run, answers) for todo in self._lanes(questions)]
        ended = run_all(lanes, workers=self._workers, deadline=deadline)
        known = {question: answers.get(question) or _too_late(question) for question in questions}
        if None in ended:
            self._transport.cut()
        return known

    def _lanes(self, questions: Iterable[ImageQuestion]) -> list[queue.SimpleQueue[_Image]]:
        """Give a queue for each worker; those of one registry share theirs, so that a slow one delays no other.

        The first worker of each registry stands before the second of any.
        """
        images: dict[ImageReference, list[ImageQuestion]] = defaultdict(list)
        for question in questions:
            images[question.reference].append(question)
        registries: dict[str, queue.SimpleQueue[_Image]] = defaultdict(queue.SimpleQueue)
        for image in images.items():
            registries[canonical_registry(image[0].registry)].put(image)
        return [todo for number in range(self._per_host) for todo in registries.values() if number < todo.qsize()]


def _work_off(todo: queue.SimpleQueue[_Image], run: _Run, answers: dict[ImageQuestion, Resolution]) -> bool:
    while run.deadline.remaining() > 0:
        try:
            reference, questions = todo.get_nowait()
        except queue.Empty:
            return True
        answers.update(run.answer(reference, questions))
    return False


def _too_late(question: ImageQuestion) -> Unavailable:
    return Unavailable(
        f"the time was up before {question.reference.registry} had answered",
        "Try again; give the run more time, or look at the registry's state, if it goes on",
    )


class _Run:
    """One run: what it learned of registries is forgotten with it."""

    def __init__(
        self, transport: Transport, hosts: RegistryHosts, credentials: CredentialSource, deadline: Deadline
    ) -> None:
        self.deadline = deadline
        self._hosts = hosts
        self._follower = RedirectFollower(transport, hosts)
        self._authorizer = Authorizer(transport, hosts, credentials)

    def answer(self, reference: ImageReference, questions: Iterable[ImageQuestion]) -> dict[ImageQuestion, Resolution]:
        """Answer all questions about one reference."""
        try:
            found = self._manifest(reference)
        except WorldError as error:
            return dict.fromkeys(questions, Unavailable(error.cause, error.remedy))
        if isinstance(found, Missing):
            return dict.fromkeys(questions, found)
        return {question: answer_for(question, found.resolved, found.manifest) for question in questions}

    def _manifest(self, reference: ImageReference) -> _Found | Missing:
        home = self._hosts.endpoint(reference.registry)
        url = f"{home}/v2/{reference.repository}/manifests/{reference.tag or 'latest'}"
        authorization = self._authorizer.known(home, reference.repository)
        followed = self._get(url, authorization)
        if followed.reply.status == _UNAUTHORIZED and followed.at_home:
            authorization = self._authorizer.answer(followed.reply, home, reference, authorization, self.deadline)
            followed = self._get(url, authorization)
        if authorization and followed.reply.status not in _DENIED:
            self._authorizer.remember(home, reference.repository, authorization)
        if followed.reply.status != _OK:
            return missing(followed, reference, authorization)
        return _found(followed.reply, url)

    def _get(self, url: str, authorization: Authorization | None) -> Followed:
        headers = {"Accept": _ACCEPT}
        if authorization:
            headers["Authorization"] = authorization.header
        return self._follower.get(Request(url, headers, limit=MAX_MANIFEST_BYTES), self.deadline)


@dataclass(frozen=True, slots=True)
class _Found:
    resolved: Resolved
    manifest: bytes


def _found(reply: Reply, url: str) -> _Found:
    digest = Digest.of(reply.body)
    claimed = reply.header("Docker-Content-Digest")
    if claimed and claimed != str(digest):
        raise SourceError(
            f"{reply.url} sent a manifest that hashes to {digest} and called it {shown(claimed)}",
            "Look for a proxy or a mirror that changes manifests, and tell the registry's owner",
        )
    return _Found(Resolved(digest, _media_type(reply), Origin("registry", url)), reply.body)


def _media_type(reply: Reply) -> str:
    """Give the media type that header and body agree on; the body need not name it in OCI's formats."""
    sent = reply.header("Content-Type").partition(";")[0].strip().lower()
    is_manifest = sent.startswith(_MANIFEST_TYPES)
    document = _document(reply) if is_manifest or sent in _JSON_TYPES else {}
    if document.get("schemaVersion") == 1:
        return DOCKER_SCHEMA1[0]
    if not is_manifest:
        raise SourceError(
            f"{reply.url} sent something that is no manifest, its Content-Type is {shown(sent)!r}",
            "Check that the host is a registry, and that no login page or proxy stands before it",
        )
    named = document.get("mediaType", sent)
    if named != sent:
        raise SourceError(
            f"{reply.url} sent a manifest as {shown(sent)!r} that calls itself {shown(str(named))!r}", PUSH_AGAIN
        )
    return sent


def _document(reply: Reply) -> Mapping[str, Any]:
    try:
        return read_manifest(reply.body)
    except SourceError as error:
        raise SourceError(f"{reply.url} sent something that cannot be used: {error.cause}", error.remedy) from None
