"""The calls that read facts, and the jobs that make them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from image_pinner.core.errors import SourceError
from image_pinner.core.gates.interface import Fact, Need, Subject, UnknownFact
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.sources.ecr.client import OutOfTimeError, ecr_faults
from image_pinner.sources.ecr.errors import explain_ecr_error
from image_pinner.sources.interface import Deadline, iso_time

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EcrCalls:
    """Send requests to one registry, none of them after the deadline.

    Args:
        client: The boto3 client of the registry's region.
        account_id: The account of the registry.
        region: Its region.
        deadline: When to stop.
        clock: Returns the seconds since 1970.
    """

    client: Any
    account_id: str
    region: str
    deadline: Deadline
    clock: Callable[[], float] = time.time

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Return the response of an operation, by its name in boto3.

        Raises:
            OutOfTimeError: It is too late for a request.
            SourceError: The installed boto3 does not know the operation.
            Exception: The request failed, with one of `ecr_faults`.
        """
        if self.deadline.remaining() <= 0:
            raise OutOfTimeError
        if not hasattr(self.client, operation):
            cause = f"the installed boto3 is too old for {operation} of ECR"
            raise SourceError(cause, "use a runtime or a package with a newer boto3")
        response: Mapping[str, Any] = getattr(self.client, operation)(registryId=self.account_id, **parameters)
        return response

    def pages(self, operation: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the responses of an operation with pages. Raises like `call`."""
        following: dict[str, str] = {}
        while True:
            page = self.call(operation, **parameters, **following)
            yield page
            if not page.get("nextToken"):
                return
            following = {"nextToken": page["nextToken"]}

    def fact(self, value: Any, *actions: str) -> Fact:
        """Return a fact that these actions have just returned, such as `ecr:DescribeImages`."""
        return Fact(value, f"{' and '.join(actions)} in {self.region}", self.now())

    def now(self) -> str:
        """Return the time in UTC and ISO 8601."""
        return iso_time(self.clock())


Found = dict[Subject, Fact | UnknownFact]
"""What a job found out about its subjects."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request about some images, or several that follow from each other; jobs run concurrently.

    Args:
        repository: The repository of the images, for messages.
        subjects: The images.
        actions: The IAM actions that it calls, in order.
        run: Adds what it finds to `found` as it finds it, so that what is known before the deadline counts. It can
            return jobs that run after it, whose findings replace its own.
        found: What was found.
        delay: Seconds to wait before it runs, for a job that polls; it does not run if they are too many.
        following: The jobs that `run` returned.
    """

    repository: EcrRepository
    subjects: Sequence[Subject]
    actions: tuple[str, ...]
    run: Callable[[Found], Iterable[Job] | None]
    found: Found = field(default_factory=dict)
    delay: float = 0.0
    following: list[Job] = field(default_factory=list)

    def __call__(self) -> bool:
        """Run the job, explain its failure for the images without result, and return whether there was enough time."""
        try:
            self.following.extend(self.run(self.found) or ())
        except OutOfTimeError:
            return False
        except ecr_faults() as error:
            unknown = explain_failure(self.repository, error, *self.actions)
            self.found.update((subject, unknown) for subject in self.subjects if subject not in self.found)
        return True


def explain_failure(repository: EcrRepository, error: Exception, *actions: str) -> UnknownFact:
    """Explain a failed request about a repository; a denied one names its IAM action."""
    if isinstance(error, SourceError):
        return UnknownFact(error.cause, error.help, actions[0])
    failure = explain_ecr_error(repository, error, *actions)
    return UnknownFact(failure.cause, failure.help, actions[0])


class RegistrySubjects(NamedTuple):
    """The images of one registry to read a fact about, by their repositories."""

    calls: EcrCalls
    by_repository: Mapping[EcrRepository, Sequence[Subject]]

    def batches(self, size: int) -> Iterator[tuple[EcrRepository, Sequence[Subject]]]:
        """Yield the images of each repository, at most `size` different digests at once."""
        for repository, subjects in self.by_repository.items():
            by_digest: dict[str, list[Subject]] = {}
            for subject in subjects:
                by_digest.setdefault(str(subject.image.digest), []).append(subject)
            digests = list(by_digest)
            for start in range(0, len(digests), size):
                chosen = digests[start : start + size]
                yield repository, [subject for digest in chosen for subject in by_digest[digest]]


def in_batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield values in groups of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


class FactReader(NamedTuple):
    """How to read a fact from ECR.

    Args:
        description: What the fact is, as a noun phrase, for messages about images that are not in ECR.
        actions: The IAM actions that it needs, by the words of `Need.how` that need them; those of the empty word are
            always needed.
        jobs: Returns the jobs that read it about images of a registry.
    """

    description: str
    actions: Mapping[str, tuple[str, ...]]
    jobs: Callable[[RegistrySubjects, Need], Iterable[Job]]
