"""The fact `tag-mutability`: whether tags of a repository can be moved, for up to 100 repositories at once.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from image_pinner.core.gates.immutable_tags import TagMutability
from image_pinner.core.gates.interface import Need, Subject
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.sources.aws.errors import error_code
from image_pinner.sources.ecr.client import ecr_faults
from image_pinner.sources.ecr.facts.calls import (
    EcrCalls,
    FactReader,
    Found,
    Job,
    RegistrySubjects,
    explain_failure,
    in_batches,
)

DESCRIBE_REPOSITORIES = "ecr:DescribeRepositories"
_NAMES_PER_REQUEST = 100

_Repositories = Mapping[EcrRepository, Sequence[Subject]]


def _jobs(registry: RegistrySubjects, _: Need) -> Iterator[Job]:
    for repositories in in_batches(list(registry.by_repository), _NAMES_PER_REQUEST):
        by_repository = {repository: registry.by_repository[repository] for repository in repositories}
        subjects = [subject for group in by_repository.values() for subject in group]
        run = partial(_read, registry.calls, by_repository)
        yield Job(repositories[0], subjects, (DESCRIBE_REPOSITORIES,), run)


def _read(calls: EcrCalls, by_repository: _Repositories, found: Found) -> None:
    groups = [list(by_repository)]
    while groups:
        group = groups.pop()
        names = [repository.name for repository in group]
        try:
            pages = list(calls.pages("describe_repositories", repositoryNames=names))
        except ecr_faults() as error:
            # One missing repository fails the request for all.
            if error_code(error) == "RepositoryNotFoundException" and len(group) > 1:
                half = len(group) // 2
                groups += [group[half:], group[:half]]
                continue
            for repository in group:
                unknown = explain_failure(repository, error, DESCRIBE_REPOSITORIES)
                found.update((subject, unknown) for subject in by_repository[repository])
        else:
            described = {each.get("repositoryName"): each for page in pages for each in page.get("repositories", ())}
            for repository in group:
                fact = calls.fact(_mutability(described.get(repository.name, {})), DESCRIBE_REPOSITORIES)
                found.update((subject, fact) for subject in by_repository[repository])


def _mutability(repository: Mapping[str, Any]) -> TagMutability:
    filters = repository.get("imageTagMutabilityExclusionFilters", ())
    if any(each.get("filterType") != "WILDCARD" for each in filters):
        return TagMutability("with filters of another type")
    patterns = tuple(str(each.get("filter")) for each in filters)
    return TagMutability(str(repository.get("imageTagMutability", "not reported")), patterns)


TAG_MUTABILITY_READER = FactReader("the tag mutability of the repository", {"": (DESCRIBE_REPOSITORIES,)}, _jobs)
