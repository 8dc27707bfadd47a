"""Media types: what a tag may point to."""

from __future__ import annotations

import re

from image_pinner.core.images.resolutions import ACCEPTED_MEDIA_TYPES, DOCKER_SCHEMA1, Missing

# What may be shown to a person: a manifest is a stranger's text.
MEDIA_TYPE = re.compile(r"[\w.+-]{1,120}/[\w.+-]{1,120}", re.ASCII)
"""The form of a media type."""


def refusal(media_type: str) -> Missing | None:
    """Tell why nothing of this media type can be pinned, or give `None` where it can.

    Args:
        media_type: The media type of what a tag points to.

    Returns:
        The refusal of a schema 1 manifest, whose digest changes with its signature, and of what is no image.
    """
    if media_type in ACCEPTED_MEDIA_TYPES:
        return None
    if media_type in DOCKER_SCHEMA1:
        return Missing(
            "the tag points to a Docker schema 1 manifest, which container runtimes no longer pull",
            "Build and push the image again with a current version of Docker or BuildKit",
            absent=False,
        )
    return no_image(f"its media type is {shown(media_type)}")


def shown(media_type: str) -> str:
    """Give a media type as a message may show it."""
    return repr(media_type) if MEDIA_TYPE.fullmatch(media_type) else "unknown"


def no_image(why: str) -> Missing:
    """Give the refusal of what is no container image.

    Args:
        why: What tells so, as a clause.
    """
    return Missing(
        f"the tag points to something that is no container image, {why}",
        "Name the tag of a container image",
        absent=False,
    )
