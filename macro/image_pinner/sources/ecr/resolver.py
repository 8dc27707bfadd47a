"""Digests from Amazon ECR: one call for up to 100 tags of a repository, all repositories at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, assert_never

from image_pinner.core.images.digests import Digest
from image_pinner.core.images.ecr_hosts import EcrRegistry, EcrRepository, looks_like_ecr, parse_ecr_host
from image_pinner.core.images.indexes import answer_for, answer_without_bytes
from image_pinner.core.images.resolutions import ImageQuestion, Missing, Resolution, Unavailable
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.failures import AwsFailure, aws_client_faults, aws_faults, explain, is_denied, late
from image_pinner.sources.ecr.calls import (
    BATCH_GET_IMAGE,
    DESCRIBE_IMAGES,
    IDS_PER_CALL,
    EcrCalls,
    Finding,
    Found,
    OutOfTimeError,
)
from image_pinner.sources.ecr.failures import refused, service_name
from image_pinner.sources.ecr.manifests import get_manifests, get_tags
from image_pinner.sources.ecr.tags import describe_tags
from image_pinner.sources.interface import Deadline
from image_pinner.sources.parallel import run_all

Answers = dict[ImageQuestion, Resolution]

_IMPLIED_TAG = "latest"
_SHORTEST_NAME = 2  # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html


class EcrResolver:
    """Resolves references to private ECR registries, of any account and region.

    Args:
        clients: Gives the clients; they are made on the thread that calls `resolve_all`.
        workers: How many calls run at once.
    """

    def __init__(self, clients: AwsClients, *, workers: int = 16) -> None:
        self._clients = clients
        self._workers = workers

    def resolve_all(self, questions: Sequence[ImageQuestion], deadline: Deadline) -> Mapping[ImageQuestion, Resolution]:
        """Answer questions, as `DigestResolver` says."""
        seconds = deadline.remaining()
        answers: Answers = {}
        batches: list[_Batch] = []
        for (registry, repository), by_tag in _grouped(questions, answers).items():
            client = self._client(registry, repository)
            if isinstance(client, Unavailable):
                answers.update((question, client) for questions in by_tag.values() for question in questions)
            else:
                batches += _batches(EcrCalls(client, repository, deadline), by_tag)
        jobs = [partial(_answer, batch) for batch in batches]
        results = run_all(jobs, workers=self._workers, deadline=deadline)
        for batch, result in zip(batches, results, strict=True):
            answers.update(result or batch.all_answered(_told(late(service_name(batch.calls.repository), seconds))))
        return {question: answers[question] for question in questions}

    def _client(self, registry: EcrRegistry, repository: EcrRepository) -> Any:
        try:
            return self._clients.client("ecr", registry.region, fips=registry.fips, dual_stack=registry.dual_stack)
        except aws_client_faults() as error:
            return _told(explain(error, service_name(repository)))


_ByTag = dict[str, list[ImageQuestion]]
"""Questions by tag: one tag can be asked about for several platforms."""


class _Batch(NamedTuple):
    """What one call can answer.

    Args:
        calls: Who is asked.
        by_tag: The questions; at most 100 tags.
    """

    calls: EcrCalls
    by_tag: _ByTag

    def all_answered(self, answer: Resolution) -> Answers:
        """Give one answer to all questions."""
        return {question: answer for questions in self.by_tag.values() for question in questions}


def _grouped(questions: Sequence[ImageQuestion], answers: Answers) -> dict[tuple[EcrRegistry, EcrRepository], _ByTag]:
    """Group questions by registry and repository; what is no question for ECR is answered at once."""
    groups: dict[tuple[EcrRegistry, EcrRepository], _ByTag] = {}
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


def _batches(calls: EcrCalls, by_tag: _ByTag) -> Iterator[_Batch]:
    tags = list(by_tag)
    for start in range(0, len(tags), IDS_PER_CALL):
        yield _Batch(calls, {tag: by_tag[tag] for tag in tags[start : start + IDS_PER_CALL]})


def _answer(batch: _Batch) -> Answers:
    """Answer the questions of a batch, none where the time is up; runs on a thread of its own."""
    try:
        return _answers(batch, _findings(batch))
    except OutOfTimeError:
        return {}


def _findings(batch: _Batch) -> Mapping[str, Finding]:
    tags, repository = list(batch.by_tag), batch.calls.repository
    try:
        return describe_tags(batch.calls, tags)
    except aws_faults() as error:
        # Policies for pulling allow BatchGetImage and forget DescribeImages:
        # https://github.com/ministryofjustice/modernisation-platform/issues/4454
        if not is_denied(error):
            return dict.fromkeys(tags, refused(repository, error, [DESCRIBE_IMAGES]))
    try:
        return get_tags(batch.calls, tags)
    except aws_faults() as error:
        return dict.fromkeys(tags, refused(repository, error, [DESCRIBE_IMAGES, BATCH_GET_IMAGE]))


def _answers(batch: _Batch, findings: Mapping[str, Finding]) -> Answers:
    answers: Answers = {}
    to_open: list[tuple[ImageQuestion, Found]] = []
    for tag, questions in batch.by_tag.items():
        finding = findings[tag]
        for question in questions:
            answer = _answer_from(question, finding)
            if answer is not None:
                answers[question] = answer
            elif isinstance(finding, Found):
                to_open.append((question, finding))
    return answers | _opened(batch.calls, to_open)


def _answer_from(question: ImageQuestion, finding: Finding) -> Resolution | None:
    match finding:
        case Missing() | Unavailable():
            return finding
        case Found() if finding.manifest is None:
            return answer_without_bytes(question, finding.resolved)
        case Found():
            return answer_for(question, finding.resolved, finding.manifest)
        case _:
            assert_never(finding)


def _opened(calls: EcrCalls, to_open: Sequence[tuple[ImageQuestion, Found]]) -> Answers:
    """Answer the questions for which an index has to be opened, with one call for all of a batch."""
    if not to_open:
        return {}
    digests = list(dict.fromkeys(found.resolved.digest for _, found in to_open))
    try:
        manifests: Mapping[Digest, bytes | Missing | Unavailable] = get_manifests(calls, digests)
    except aws_faults() as error:
        answer = refused(calls.repository, error, [BATCH_GET_IMAGE])
        manifests = dict.fromkeys(digests, answer)
    answers: Answers = {}
    for question, found in to_open:
        manifest = manifests[found.resolved.digest]
        opened = answer_for(question, found.resolved, manifest) if isinstance(manifest, bytes) else manifest
        answers[question] = opened
    return answers


def _not_ecr(host: str) -> Unavailable:
    return Unavailable(
        looks_like_ecr(host) or f"{host!r} is no ECR registry",
        "Write the registry as <account>.dkr.ecr.<region>.amazonaws.com, with the suffix of the region's partition",
    )


def _told(failure: AwsFailure) -> Unavailable:
    return Unavailable(failure.cause, failure.remedy)
