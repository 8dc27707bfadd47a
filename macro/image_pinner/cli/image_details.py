"""The tags and the age of images, which ECR records: one request for up to 100 images of a repository."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC
from functools import partial
from typing import NamedTuple, Protocol

from image_pinner.core.images.lookups import ImageLookup, Resolution, Resolved, Unavailable
from image_pinner.core.images.references import ImageReference
from image_pinner.core.images.registries import is_ecr
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import explain_timeout
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.ecr.client import (
    IDS_PER_REQUEST,
    DetailResult,
    OutOfTimeError,
    RepositoryClient,
    ecr_faults,
    find_details,
)
from image_pinner.sources.ecr.errors import DESCRIBE_IMAGES, explain_ecr_error
from image_pinner.sources.ecr.resolver import LookupsByImage, group_by_repository, open_client
from image_pinner.sources.interface import Deadline


class ImageDetails(NamedTuple):
    """What a registry records about an image.

    Args:
        tags: The tags that point at it, sorted.
        pushed_at: When it was pushed: UTC, in ISO 8601.
    """

    tags: tuple[str, ...]
    pushed_at: str


_Result = ImageDetails | Unavailable


class ImageDetailsSource(Protocol):
    """Reads tags and age of images. Implementations report failures as results, and never raise them."""

    def read_details(
        self, images: Collection[ImageReference], deadline: Deadline
    ) -> Mapping[ImageReference, ImageDetails | Unavailable]:
        """Return a result for each image, all in one call so that a source can send batches.

        The images are distinct, each a registry, a repository and a digest. What is not known by the deadline is
        `Unavailable`.
        """
        ...


class EcrImageDetails:
    """Reads details of images in private ECR registries; others record none. See `ImageDetailsSource`.

    Args:
        settings: The settings.
        region: The region of the stack, or empty.
        clients: Creates the clients.
    """

    def __init__(self, settings: Settings, region: str, clients: AwsClients) -> None:
        self._clients = clients.allowing((region, *settings.extra_regions))
        self._workers = settings.workers
        self._roles = {role.account_id: role for role in settings.ecr_roles}

    def read_details(
        self, images: Collection[ImageReference], deadline: Deadline
    ) -> Mapping[ImageReference, ImageDetails | Unavailable]:
        """See `ImageDetailsSource.read_details`."""
        in_ecr = [image for image in images if is_ecr(image.registry)]
        late = Unavailable(*explain_timeout("ECR", deadline.remaining()))
        elsewhere = Unavailable("only ECR records it", "")
        found: dict[ImageReference, _Result] = {**dict.fromkeys(images, elsewhere), **dict.fromkeys(in_ecr, late)}
        refused: dict[ImageLookup, Resolution] = {}
        batches: list[tuple[RepositoryClient, LookupsByImage]] = []
        for (registry, repository), by_image in group_by_repository(map(ImageLookup, in_ecr), refused).items():
            client = open_client(self._clients, self._roles, registry, repository)
            if isinstance(client, Unavailable):
                found |= {lookup.reference: client for lookups in by_image.values() for lookup in lookups}
            else:
                opened = RepositoryClient(client, repository, deadline)
                batches += ((opened, batch) for batch in _batches(by_image))
        jobs = [partial(_read, *batch) for batch in batches]
        for result in run_all(jobs, workers=self._workers, deadline=deadline):
            found |= result or {}
        for lookup, resolution in refused.items():
            if not isinstance(resolution, Resolved):
                found[lookup.reference] = Unavailable(resolution.cause, resolution.help)
        return found


def _batches(by_image: LookupsByImage) -> Iterator[LookupsByImage]:
    images = list(by_image)
    for start in range(0, len(images), IDS_PER_REQUEST):
        yield {image: by_image[image] for image in images[start : start + IDS_PER_REQUEST]}


def _read(client: RepositoryClient, by_image: LookupsByImage) -> dict[ImageReference, _Result]:
    try:
        details = find_details(client, list(by_image))
    except OutOfTimeError:
        return {}
    except ecr_faults() as error:
        details = dict.fromkeys(by_image, explain_ecr_error(client.repository, error, DESCRIBE_IMAGES))
    return {lookup.reference: _details(details[image]) for image, lookups in by_image.items() for lookup in lookups}


def _details(found: DetailResult) -> _Result:
    if not isinstance(found, Mapping):
        return Unavailable(found.cause, found.help)
    pushed = found["imagePushedAt"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if "imagePushedAt" in found else ""
    return ImageDetails(tuple(sorted(found.get("imageTags", ()))), pushed)
