"""Resolve images of Amazon ECR: one call for up to 100 tags of a repository, repositories concurrently."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, assert_never

from image_pinner.core.images.ecr import EcrRegistry, EcrRepository, looks_like_ecr, parse_ecr_host
from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Unavailable, Unsuitable
from image_pinner.core.images.references import DEFAULT_TAG, Digest
from image_pinner.core.images.selection import NeedsConfig, answer_for, answer_from_config, answer_without_bytes
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import AwsFailure, aws_client_faults, explain, is_denied, late
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.ecr.client import (
    BATCH_GET_IMAGE,
    DESCRIBE_IMAGES,
    IDS_PER_CALL,
    EcrCalls,
    Finding,
    Found,
    OutOfTimeError,
    describe_tags,
    ecr_faults,
    get_manifests,
    get_tags,
    instead_of_describing,
    with_imports,
)
from image_pinner.sources.ecr.configs import get_config
from image_pinner.sources.ecr.errors import refused, service_name
from image_pinner.sources.interface import Deadline, Download

ByTag = dict[str, list[ImageLookup]]
"""Questions by tag: one tag can be asked about for several platforms."""
_Outcome = Resolution | NeedsConfig


class Ways(NamedTuple):
    """How all batches of a run are asked about.

    Args:
        download: Fetches what ECR gives the URL of.
        pull_through: Whether images that a pull-through cache has not yet may be imported.
        configs_at_once: Lets so many configs be fetched at once, for all batches together.
        workers: How many that are.
    """

    download: Download
    pull_through: bool
    configs_at_once: threading.Semaphore
    workers: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call can tell of.

    Args:
        calls: Who is asked.
        by_tag: The questions; at most 100 tags.
        ways: How they are asked.
        answers: The answers so far: one that hangs keeps none of the others waiting.
    """

    calls: EcrCalls
    by_tag: ByTag
    ways: Ways
    answers: dict[ImageLookup, Resolution] = field(default_factory=dict)

    def lookups(self) -> Iterator[ImageLookup]:
        """Give all questions."""
        for lookups in self.by_tag.values():
            yield from lookups

    def run(self) -> bool:
        """Answer the questions, as many as the time allows; runs on a thread of its own.

        Returns:
            Whether the time was enough.
        """
        try:
            self._read_configs(self._open(self._read_tags()))
        except OutOfTimeError:
            return False
        return True

    def _read_tags(self) -> list[tuple[ImageLookup, Found | NeedsConfig]]:
        findings, unanswered = self._findings(), list[tuple[ImageLookup, Found | NeedsConfig]]()
        for tag, lookups in self.by_tag.items():
            for lookup in lookups:
                outcome = _outcome_of(lookup, findings[tag])
                if isinstance(outcome, Found | NeedsConfig):
                    unanswered.append((lookup, outcome))
                else:
                    self.answers[lookup] = outcome
        return unanswered

    def _findings(self) -> Mapping[str, Finding]:
        calls, tags = self.calls, list(self.by_tag)
        try:
            findings = describe_tags(calls, tags)
        except ecr_faults() as error:
            # Policies for pulling allow BatchGetImage and forget DescribeImages:
            # https://github.com/ministryofjustice/modernisation-platform/issues/4454
            if is_denied(error):
                return self._findings_without_describing(tags)
            findings = dict.fromkeys(tags, refused(calls.repository, error, [DESCRIBE_IMAGES]))
        return with_imports(calls, findings) if self.ways.pull_through else findings

    def _findings_without_describing(self, tags: Sequence[str]) -> Mapping[str, Finding]:
        try:
            return get_tags(self.calls, tags, instead_of_describing(self.calls.repository))
        except ecr_faults() as error:
            return dict.fromkeys(tags, refused(self.calls.repository, error, [DESCRIBE_IMAGES, BATCH_GET_IMAGE]))

    def _open(
        self, unanswered: Sequence[tuple[ImageLookup, Found | NeedsConfig]]
    ) -> dict[Digest, list[tuple[ImageLookup, NeedsConfig]]]:
        """Open what is only described so far, with one call for all of it, and tell whose configs are needed."""
        manifests = self._manifests([found for _, found in unanswered if isinstance(found, Found)])
        needed: dict[Digest, list[tuple[ImageLookup, NeedsConfig]]] = {}
        for lookup, found in unanswered:
            outcome = _opened(lookup, found, manifests) if isinstance(found, Found) else found
            if isinstance(outcome, NeedsConfig):
                needed.setdefault(outcome.config, []).append((lookup, outcome))
            else:
                self.answers[lookup] = outcome
        return needed

    def _manifests(self, found: Sequence[Found]) -> Mapping[Digest, bytes | NotFound | Unsuitable | Unavailable]:
        digests = list(dict.fromkeys(one.resolved.digest for one in found))
        if not digests:
            return {}
        try:
            return get_manifests(self.calls, digests)
        except ecr_faults() as error:
            return dict.fromkeys(digests, refused(self.calls.repository, error, [BATCH_GET_IMAGE]))

    def _read_configs(self, needed: Mapping[Digest, list[tuple[ImageLookup, NeedsConfig]]]) -> None:
        jobs = [partial(self._read_config, config, needing) for config, needing in needed.items()]
        run_all(jobs, workers=self.ways.workers, deadline=self.calls.deadline)

    def _read_config(self, config: Digest, needing: Sequence[tuple[ImageLookup, NeedsConfig]]) -> bool:
        with suppress(OutOfTimeError), self._turn():
            content = get_config(self.calls, self.ways.download, config)
            for lookup, needs in needing:
                self.answers[lookup] = (
                    answer_from_config(lookup, needs, content) if isinstance(content, bytes) else content
                )
        return True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self.ways.configs_at_once.acquire(timeout=self.calls.deadline.remaining()):
            raise OutOfTimeError
        try:
            yield
        finally:
            self.ways.configs_at_once.release()


def _outcome_of(lookup: ImageLookup, finding: Finding) -> _Outcome | Found:
    match finding:
        case NotFound() | Unsuitable() | Unavailable():
            return finding
        case Found() if finding.manifest is None:
            return answer_without_bytes(lookup, finding.resolved) or finding
        case Found():
            return answer_for(lookup, finding.resolved, finding.manifest)
        case _:
            assert_never(finding)


def _opened(
    lookup: ImageLookup, found: Found, manifests: Mapping[Digest, bytes | NotFound | Unsuitable | Unavailable]
) -> _Outcome:
    manifest = manifests[found.resolved.digest]
    return answer_for(lookup, found.resolved, manifest) if isinstance(manifest, bytes) else manifest


Answers = dict[ImageLookup, Resolution]

_SHORTEST_NAME = 2  # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html


class EcrResolver:
    """Resolves references to private ECR registries, of any account and region.

    Args:
        clients: Gives the clients; they are made on the thread that calls `resolve_all`.
        workers: How many calls run at once, and besides them how many configs are fetched.
        download: Fetches what ECR gives the URL of.
        roles: As whom the registries of an account are asked; those of others as the caller itself.
        pull_through: Whether images that a pull-through cache has not yet may be imported.
    """

    def __init__(
        self,
        clients: AwsClients,
        *,
        workers: int = 16,
        download: Download,
        roles: Sequence[RegistryRole] = (),
        pull_through: bool = False,
    ) -> None:
        self._clients = clients
        self._workers = workers
        self._download = download
        self._roles = {role.account_id: role for role in roles}
        self._pull_through = pull_through

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """Answer questions, as `DigestResolver` says."""
        seconds = deadline.remaining()
        answers: Answers = {}
        batches: list[Batch] = []
        ways = Ways(self._download, self._pull_through, threading.Semaphore(self._workers), self._workers)
        for (registry, repository), by_tag in _grouped(lookups, answers).items():
            client = self._client(registry, repository)
            if isinstance(client, Unavailable):
                answers.update((lookup, client) for lookups in by_tag.values() for lookup in lookups)
            else:
                batches += _batches(EcrCalls(client, repository, deadline), by_tag, ways)
        run_all([batch.run for batch in batches], workers=self._workers, deadline=deadline)
        for batch in batches:
            too_late = _told(late(service_name(batch.calls.repository), seconds))
            answers.update((lookup, batch.answers.get(lookup, too_late)) for lookup in batch.lookups())
        return {lookup: answers[lookup] for lookup in lookups}

    def _client(self, registry: EcrRegistry, repository: EcrRepository) -> Any:
        try:
            return self._clients.client(
                "ecr",
                registry.region,
                fips=registry.fips,
                dual_stack=registry.dual_stack,
                role=self._roles.get(registry.account_id),
            )
        except aws_client_faults() as error:
            return _told(explain(error, service_name(repository)))


def _grouped(lookups: Sequence[ImageLookup], answers: Answers) -> dict[tuple[EcrRegistry, EcrRepository], ByTag]:
    """Group questions by registry and repository; what is no question for ECR is answered at once."""
    groups: dict[tuple[EcrRegistry, EcrRepository], ByTag] = {}
    for lookup in lookups:
        reference = lookup.reference
        registry = parse_ecr_host(reference.registry)
        if registry is None:
            answers[lookup] = _not_ecr(reference.registry)
        elif len(reference.repository) < _SHORTEST_NAME:
            answers[lookup] = NotFound(
                f"{reference.repository!r} is no name of an ECR repository, which has at least two characters",
                "Correct the repository's name",
            )
        else:
            repository = EcrRepository(registry.account_id, registry.region, reference.repository)
            by_tag = groups.setdefault((registry._replace(host=""), repository), {})
            by_tag.setdefault(reference.tag or DEFAULT_TAG, []).append(lookup)
    return groups


def _batches(calls: EcrCalls, by_tag: ByTag, ways: Ways) -> Iterator[Batch]:
    tags = list(by_tag)
    for start in range(0, len(tags), IDS_PER_CALL):
        yield Batch(calls, {tag: by_tag[tag] for tag in tags[start : start + IDS_PER_CALL]}, ways)


def _not_ecr(host: str) -> Unavailable:
    return Unavailable(
        looks_like_ecr(host) or f"{host!r} is no ECR registry",
        "Write the registry as <account>.dkr.ecr.<region>.amazonaws.com, with the suffix of the region's partition",
    )


def _told(failure: AwsFailure) -> Unavailable:
    return Unavailable(failure.cause, failure.help)
