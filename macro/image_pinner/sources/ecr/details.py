"""Read the tags and the age of images in ECR: one request for up to 100 images of a repository."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC
from functools import partial

from image_pinner.core.images.lookups import ImageDetails, ImageLookup, Resolution, Resolved, Unavailable
from image_pinner.core.images.references import ImageReference
from image_pinner.core.registry_config import RegistryRole
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

_Result = ImageDetails | Unavailable


class EcrImageDetails:
    """Read details of images in private ECR registries; other registries record none. See `ImageDetailsSource`.

    Args:
        clients: Creates the clients.
        workers: The maximum number of concurrent requests.
        roles: The roles to assume, by the account of the registry.
    """

    def __init__(self, clients: AwsClients, *, workers: int = 16, roles: Sequence[RegistryRole] = ()) -> None:
        self._clients = clients
        self._workers = workers
        self._roles = {role.account_id: role for role in roles}

    def read_details(
        self, images: Collection[ImageReference], deadline: Deadline
    ) -> Mapping[ImageReference, ImageDetails | Unavailable]:
        """See `ImageDetailsSource.read_details`."""
        late = Unavailable(*explain_timeout("ECR", deadline.remaining()))
        found: dict[ImageReference, _Result] = dict.fromkeys(images, late)
        refused: dict[ImageLookup, Resolution] = {}
        batches: list[tuple[RepositoryClient, LookupsByImage]] = []
        for (registry, repository), by_image in group_by_repository(map(ImageLookup, images), refused).items():
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
