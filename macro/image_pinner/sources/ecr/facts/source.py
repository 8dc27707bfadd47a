"""The source of facts about images in ECR: all requests of a template concurrently, images by digest in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from image_pinner.core.gates.age import PUSHED
from image_pinner.core.gates.immutable_tags import TAG_MUTABILITY
from image_pinner.core.gates.interface import Fact, Facts, Need, Subject, UnknownFact
from image_pinner.core.gates.lifecycle import LIFECYCLE
from image_pinner.core.gates.signed_by_aws import SIGNATURES, SIGNING_STATUS
from image_pinner.core.gates.vulnerabilities import SCANS
from image_pinner.core.images.ecr import EcrRegistry, EcrRepository, parse_ecr_host
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import aws_client_faults, explain, explain_timeout
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.ecr.facts.calls import EcrCalls, FactReader, Job, RegistrySubjects
from image_pinner.sources.ecr.facts.lifecycle import LIFECYCLE_READER
from image_pinner.sources.ecr.facts.pushed import PUSHED_READER
from image_pinner.sources.ecr.facts.scans import SCANS_READER
from image_pinner.sources.ecr.facts.signatures import SIGNATURES_READER
from image_pinner.sources.ecr.facts.signing_status import SIGNING_STATUS_READER
from image_pinner.sources.ecr.facts.tag_mutability import TAG_MUTABILITY_READER
from image_pinner.sources.interface import Deadline

FACTS: Mapping[str, FactReader] = {
    PUSHED: PUSHED_READER,
    TAG_MUTABILITY: TAG_MUTABILITY_READER,
    SCANS: SCANS_READER,
    LIFECYCLE: LIFECYCLE_READER,
    SIGNING_STATUS: SIGNING_STATUS_READER,
    SIGNATURES: SIGNATURES_READER,
}
"""How each fact is read, by `Need.fact`."""

RESERVE = 1.0
"""Seconds before the deadline in which no job begins that polls, so that the results before it count."""

_Registries = dict[EcrRegistry, dict[EcrRepository, list[Subject]]]


class EcrFacts:
    """Gathers facts about images in private ECR registries of any account and region. See `FactSource`.

    Args:
        clients: Creates the clients, on the thread that calls `gather`.
        workers: The maximum number of concurrent requests.
        roles: The roles to assume, by the account of the registry.
        clock: Returns the seconds since 1970.
        sleep: Pauses for so many seconds.
        readers: How each fact is read, by `Need.fact`.
    """

    def __init__(
        self,
        clients: AwsClients,
        *,
        workers: int = 16,
        roles: Sequence[RegistryRole] = (),
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        readers: Mapping[str, FactReader] = FACTS,
    ) -> None:
        self._clients = clients
        self._workers = workers
        self._roles = {role.account_id: role for role in roles}
        self._clock = clock
        self._sleep = sleep
        self._readers = readers

    def gather(
        self, subjects: Collection[Subject], needs: frozenset[Need], deadline: Deadline
    ) -> Mapping[Subject, Facts]:
        """See `FactSource.gather`."""
        seconds = deadline.remaining()
        facts: dict[Subject, dict[str, Fact | UnknownFact]] = {subject: {} for subject in subjects}
        registries = self._grouped(subjects, needs, facts)
        jobs: list[tuple[str, Job]] = []
        for registry, by_repository in registries.items():
            calls = self._calls(registry, deadline)
            if isinstance(calls, UnknownFact):
                for subject in (each for group in by_repository.values() for each in group):
                    facts[subject] = {need.fact: calls for need in needs}
                continue
            group = RegistrySubjects(calls, by_repository)
            jobs += [
                (need.fact, job)
                for need in sorted(needs, key=_name)
                for job in self._readers[need.fact].jobs(group, need)
            ]
        while jobs:
            run_all([job for _, job in jobs], workers=self._workers, deadline=deadline)
            for name, job in jobs:
                late = UnknownFact(*explain_timeout(f"ECR in {job.repository.region}", seconds), job.actions[0])
                for subject in job.subjects:
                    facts[subject][name] = job.found.get(subject) or facts[subject].get(name, late)
            jobs = self._after_pause([(name, following) for name, job in jobs for following in job.following], deadline)
        return facts

    def _after_pause(self, jobs: list[tuple[str, Job]], deadline: Deadline) -> list[tuple[str, Job]]:
        """Wait once for all jobs that poll, and return the jobs to run; none if there is not enough time."""
        pause = min((job.delay for _, job in jobs), default=0.0)
        if pause and deadline.remaining() < pause + RESERVE:
            return []
        if pause:
            self._sleep(pause)
        return jobs

    def _calls(self, registry: EcrRegistry, deadline: Deadline) -> EcrCalls | UnknownFact:
        try:
            client: Any = self._clients.client(
                "ecr",
                registry.region,
                fips=registry.fips,
                dual_stack=registry.dual_stack,
                role=self._roles.get(registry.account_id),
            )
        except aws_client_faults() as error:
            return UnknownFact(*explain(error, f"ECR in {registry.region}"))
        return EcrCalls(client, registry.account_id, registry.region, deadline, self._clock)

    def _grouped(
        self, subjects: Collection[Subject], needs: frozenset[Need], facts: dict[Subject, dict[str, Fact | UnknownFact]]
    ) -> _Registries:
        """Group images by registry and repository; the facts of images that are not in ECR are unknown."""
        groups: _Registries = {}
        for subject in subjects:
            registry = parse_ecr_host(subject.image.registry)
            if registry is None:
                facts[subject] = {need.fact: self._not_in_ecr(subject, need) for need in needs}
                continue
            repository = EcrRepository(registry.account_id, registry.region, subject.image.repository)
            groups.setdefault(registry._replace(host=""), {}).setdefault(repository, []).append(subject)
        return groups

    def _not_in_ecr(self, subject: Subject, need: Need) -> UnknownFact:
        return UnknownFact(
            f"{subject.image.registry} does not report {self._readers[need.fact].description}",
            "copy the image to ECR",
            subject.image.registry,
        )


def _name(need: Need) -> str:
    return need.fact
