"""A deployed image as a service reports it, before its record is read."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.core.deployed import NotDeployed, NotKnown
from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.template.records import record_for
from image_pinner.sources.deployed.calls import NotKnownError


class FoundImage(NamedTuple):
    """A deployed image.

    Args:
        image: The registry and repository as deployed, with the digest.
        written: The reference that the digest comes from, `None` if only the Metadata of the stack's template can have
            it.
        origin: What deployed it.
        is_labelled: Whether a record next to the image is what is written; scripts copy it to other images.
    """

    image: ImageReference
    written: str | None
    origin: str
    is_labelled: bool = False


ServiceState = FoundImage | NotDeployed | NotKnown


def parse_deployed(text: str, origin: str) -> ImageReference:
    """Parse the image that a service reports.

    Raises:
        NotKnownError: It is not a reference.
    """
    try:
        return ImageReference.parse(text)
    except InvalidReferenceError as error:
        raise NotKnownError(f"the image of {origin} cannot be read: {error.cause}", "set Refresh=Always") from error


def found_image(reference: ImageReference, digest: str, origin: str, record: str | None = None) -> FoundImage:
    """Return a deployed image with its digest, and the reference that the digest comes from.

    Args:
        reference: The image as deployed. A tag in it is what the digest comes from: scripts that change the image copy
            the record of the former one.
        digest: The digest.
        origin: What deployed it.
        record: The record next to the image, `None` if there is none. One for another repository is out of date.

    Raises:
        NotKnownError: The digest is not valid.
    """
    try:
        image = ImageReference.parse(reference.pinned(Digest(digest)))
    except InvalidReferenceError as error:
        raise NotKnownError(f"the digest of {origin} cannot be read: {error.cause}", "set Refresh=Always") from error
    if reference.tag or reference.digest is None:
        return FoundImage(image, str(reference.without_digest()), origin)
    if record is None:
        return FoundImage(image, None, origin)
    return FoundImage(image, record_for(image, record), origin, is_labelled=True)
