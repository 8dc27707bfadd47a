"""Digests from Amazon ECR: one call for up to 100 tags of a repository, all repositories at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from image_pinner.core.images.ecr_hosts import EcrRegistry, EcrRepository, looks_like_ecr, parse_ecr_host
from image_pinner.core.images.ecr_roles import RegistryRole
from image_pinner.core.images.resolutions import ImageQuestion, Missing, Resolution, Unavailable
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.failures import AwsFailure, aws_client_faults, explain, late
from image_pinner.sources.ecr.batches import Batch, ByTag, Ways
from image_pinner.sources.ecr.calls import IDS_PER_CALL, EcrCalls
from image_pinner.sources.ecr.failures import service_name
from image_pinner.sources.interface import Deadline, Download
from image_pinner.sources.parallel import run_all

Answers = dict[ImageQuestion, Resolution]

_IMPLIED_TAG = "latest"
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

    def resolve_all(self, questions: Sequence[ImageQuestion], deadline: Deadline) -> Mapping[ImageQuestion, Resolution]:
        """Answer questions, as `DigestResolver` says."""
        seconds = deadline.remaining()
        answers: Answers = {}
        batches: list[Batch] = []
        ways = Ways(self._download, self._pull_through, threading.Semaphore(self._workers), self._workers)
        for (registry, repository), by_tag in _grouped(questions, answers).items():
            client = self._client(registry, repository)
            if isinstance(client, Unavailable):
                answers.update((question, client) for questions in by_tag.values() for question in questions)
            else:
                batches += _batches(EcrCalls(client, repository, deadline), by_tag, ways)
        run_all([batch.run for batch in batches], workers=self._workers, deadline=deadline)
        for batch in batches:
            too_late = _told(late(service_name(batch.calls.repository), seconds))
            answers.update((question, batch.answers.get(question, too_late)) for question in batch.questions())
        return {question: answers[question] for question in questions}

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


def _grouped(questions: Sequence[ImageQuestion], answers: Answers) -> dict[tuple[EcrRegistry, EcrRepository], ByTag]:
    """Group questions by registry and repository; what is no question for ECR is answered at once."""
    groups: dict[tuple[EcrRegistry, EcrRepository], ByTag] = {}
    for question in questions:
        reference = question.reference
        registry = parse_ecr_host(reference.registry)
        if registry is None:
            answers[question] = _not_ecr(reference.registry)
        elif len(reference.repository) < _SHORTEST_NAME:
            answers[question] = Missing(
                f"{reference.repository!r} is no name of an ECR repository, which has at least two characters",
                "Correct the repository's name",
            )
        else:
            repository = EcrRepository(registry.account_id, registry.region, reference.repository)
            by_tag = groups.setdefault((registry._replace(host=""), repository), {})
            by_tag.setdefault(reference.tag or _IMPLIED_TAG, []).append(question)
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
    return Unavailable(failure.cause, failure.remedy)
