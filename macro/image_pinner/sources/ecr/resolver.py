"""Resolve images of Amazon ECR: one request for up to 100 images of a repository, repositories concurrently."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, assert_never

from image_pinner.core.images.ecr import EcrRegistry, EcrRepository, explain_invalid_ecr_host, parse_ecr_host
from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest
from image_pinner.core.images.selection import (
    NeedsConfig,
    select_from_config,
    select_from_manifest,
    select_without_manifest,
)
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import aws_client_faults, explain, explain_timeout, is_denied
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.ecr.client import (
    IDS_PER_REQUEST,
    FoundImage,
    ImageResult,
    OutOfTimeError,
    RepositoryClient,
    describe_images,
    describing_denied,
    ecr_faults,
    get_config,
    get_images,
    get_manifests,
    import_missing,
)
from image_pinner.sources.ecr.errors import BATCH_GET_IMAGE, DESCRIBE_IMAGES, Failure, explain_ecr_error, service_name
from image_pinner.sources.interface import Deadline, Download

LookupsByImage = dict[str, list[ImageLookup]]
"""The lookups by tag or digest; several can have the same one, for different platforms."""

_MIN_NAME_LENGTH = 2  # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html


class EcrResolver:
    """Resolve images in private ECR registries of any account and region. See `DigestResolver`.

    Args:
        clients: Creates the clients, on the thread that calls `resolve_all`.
        workers: The maximum number of concurrent requests, and of concurrent downloads of configs.
        download: Fetches presigned URLs.
        roles: The roles to assume, by the account of the registry.
        pull_through: Whether a lookup may import an image through a pull-through cache.
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
        """Resolve `lookups`. See `DigestResolver.resolve_all`."""
        seconds = deadline.remaining()
        answers: dict[ImageLookup, Resolution] = {}
        batches: list[_Batch] = []
        options = _Options(self._download, self._pull_through, self._workers, threading.Semaphore(self._workers))
        for (registry, repository), by_image in group_by_repository(lookups, answers).items():
            # Creating a client takes up to a tenth of a second, and there can be one for each registry.
            if deadline.remaining() > 0:
                client = open_client(self._clients, self._roles, registry, repository)
            else:
                client = Unavailable(*explain_timeout(service_name(repository), seconds))
            if isinstance(client, Unavailable):
                answers.update(
                    (lookup, client) for lookups_of_image in by_image.values() for lookup in lookups_of_image
                )
            else:
                batches += _batches(RepositoryClient(client, repository, deadline), by_image, options)
        run_all([batch.run for batch in batches], workers=self._workers, deadline=deadline)
        for batch in batches:
            timeout = Unavailable(*explain_timeout(service_name(batch.client.repository), seconds))
            answers.update((lookup, batch.answers.get(lookup, timeout)) for lookup in batch.lookups())
        return {lookup: answers[lookup] for lookup in lookups}


def open_client(
    clients: AwsClients, roles: Mapping[str, RegistryRole], registry: EcrRegistry, repository: EcrRepository
) -> Any:
    """Return the client of a registry, or `Unavailable`; `roles` are those to assume, by the registry's account."""
    try:
        return clients.client(
            "ecr",
            registry.region,
            fips=registry.fips,
            dual_stack=registry.dual_stack,
            role=roles.get(registry.account_id),
        )
    except aws_client_faults() as error:
        return Unavailable(*explain(error, service_name(repository)))


def group_by_repository(
    lookups: Iterable[ImageLookup], answers: dict[ImageLookup, Resolution]
) -> dict[tuple[EcrRegistry, EcrRepository], LookupsByImage]:
    """Group lookups by registry and repository, and answer those for which there is no valid repository."""
    groups: dict[tuple[EcrRegistry, EcrRepository], LookupsByImage] = {}
    for lookup in lookups:
        reference = lookup.reference
        registry = parse_ecr_host(reference.registry)
        if registry is None:
            answers[lookup] = Unavailable(
                explain_invalid_ecr_host(reference.registry) or f"{reference.registry!r} is not an ECR registry",
                "write <account>.dkr.ecr.<region>.amazonaws.com, with the suffix of the region's partition",
            )
        elif len(reference.repository) < _MIN_NAME_LENGTH:
            answers[lookup] = NotFound(
                f"{reference.repository!r} is not a valid ECR repository name: it must have at least two characters",
                "correct the name of the repository",
            )
        else:
            repository = EcrRepository(registry.account_id, registry.region, reference.repository)
            by_image = groups.setdefault((registry._replace(host=""), repository), {})
            by_image.setdefault(reference.manifest, []).append(lookup)
    return groups


class _Options(NamedTuple):
    """What all batches of a run have in common; `downloads` limits the concurrent downloads of all batches."""

    download: Download
    pull_through: bool
    workers: int
    downloads: threading.Semaphore


def _batches(client: RepositoryClient, by_image: LookupsByImage, options: _Options) -> Iterator[_Batch]:
    images = list(by_image)
    for start in range(0, len(images), IDS_PER_REQUEST):
        part = {image: by_image[image] for image in images[start : start + IDS_PER_REQUEST]}
        yield _Batch(client, part, options, {})


class _Batch(NamedTuple):
    """The lookups of up to `IDS_PER_REQUEST` images of a repository.

    The answers are added as they arrive, so that those found before the deadline count.
    """

    client: RepositoryClient
    by_image: LookupsByImage
    options: _Options
    answers: dict[ImageLookup, Resolution]

    def lookups(self) -> Iterator[ImageLookup]:
        for lookups in self.by_image.values():
            yield from lookups

    def run(self) -> bool:
        """Answer the lookups, and return whether there was enough time."""
        try:
            self._read_configs(self._read_manifests(self._read_images()))
        except OutOfTimeError:
            return False
        return True

    def _read_images(self) -> list[tuple[ImageLookup, FoundImage | NeedsConfig]]:
        """Answer what needs no manifest, and return the other lookups."""
        results, unanswered = self._image_results(), list[tuple[ImageLookup, FoundImage | NeedsConfig]]()
        for image, lookups in self.by_image.items():
            for lookup in lookups:
                outcome = _answer_from_result(lookup, results[image])
                if isinstance(outcome, FoundImage | NeedsConfig):
                    unanswered.append((lookup, outcome))
                else:
                    self.answers[lookup] = outcome
        return unanswered

    def _image_results(self) -> Mapping[str, ImageResult]:
        client, images = self.client, list(self.by_image)
        try:
            results = describe_images(client, images)
        except ecr_faults() as error:
            # Policies for pulling images often allow BatchGetImage but not DescribeImages:
            # https://github.com/ministryofjustice/modernisation-platform/issues/4454
            if is_denied(error):
                return self._results_from_manifests(images)
            results = dict.fromkeys(images, explain_ecr_error(client.repository, error, DESCRIBE_IMAGES))
        return import_missing(client, results) if self.options.pull_through else results

    def _results_from_manifests(self, images: Sequence[str]) -> Mapping[str, ImageResult]:
        repository = self.client.repository
        try:
            return get_images(self.client, images, describing_denied(repository))
        except ecr_faults() as error:
            return dict.fromkeys(images, explain_ecr_error(repository, error, DESCRIBE_IMAGES, BATCH_GET_IMAGE))

    def _read_manifests(
        self, unanswered: Sequence[tuple[ImageLookup, FoundImage | NeedsConfig]]
    ) -> dict[Digest, list[tuple[ImageLookup, NeedsConfig]]]:
        """Read all missing manifests with one request, and return the lookups that also need a config."""
        manifests = self._manifests([image for _, image in unanswered if isinstance(image, FoundImage)])
        needed: dict[Digest, list[tuple[ImageLookup, NeedsConfig]]] = {}
        for lookup, image in unanswered:
            outcome: Resolution | NeedsConfig
            if isinstance(image, NeedsConfig):
                outcome = image
            else:
                manifest = manifests[image.resolved.digest]
                outcome = (
                    select_from_manifest(lookup, image.resolved, manifest) if isinstance(manifest, bytes) else manifest
                )
            if isinstance(outcome, NeedsConfig):
                needed.setdefault(outcome.config, []).append((lookup, outcome))
            else:
                self.answers[lookup] = outcome
        return needed

    def _manifests(self, images: Sequence[FoundImage]) -> Mapping[Digest, bytes | Failure]:
        digests = list(dict.fromkeys(image.resolved.digest for image in images))
        if not digests:
            return {}
        try:
            return get_manifests(self.client, digests)
        except ecr_faults() as error:
            return dict.fromkeys(digests, explain_ecr_error(self.client.repository, error, BATCH_GET_IMAGE))

    def _read_configs(self, needed: Mapping[Digest, list[tuple[ImageLookup, NeedsConfig]]]) -> None:
        jobs = [partial(self._read_config, config, lookups) for config, lookups in needed.items()]
        run_all(jobs, workers=self.options.workers, deadline=self.client.deadline)

    def _read_config(self, config: Digest, lookups: Sequence[tuple[ImageLookup, NeedsConfig]]) -> bool:
        if not self.options.downloads.acquire(timeout=self.client.deadline.remaining()):
            return False
        try:
            content = get_config(self.client, self.options.download, config)
        except OutOfTimeError:
            return False
        finally:
            self.options.downloads.release()
        for lookup, needs in lookups:
            self.answers[lookup] = select_from_config(lookup, needs, content) if isinstance(content, bytes) else content
        return True


def _answer_from_result(lookup: ImageLookup, result: ImageResult) -> Resolution | NeedsConfig | FoundImage:
    match result:
        case NotFound() | Unsuitable() | Unavailable():
            return result
        case FoundImage() if result.manifest is None:
            return select_without_manifest(lookup, result.resolved) or result
        case FoundImage():
            return select_from_manifest(lookup, result.resolved, result.manifest)
        case _:
            assert_never(result)
