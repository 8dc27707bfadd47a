"""What a registry's answer to a request for a manifest says: its digest and media type, if both can be believed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from image_pinner.core.errors import SourceError
from image_pinner.core.images.digests import Digest, is_digest
from image_pinner.core.images.manifests import PUSH_AGAIN, read_manifest
from image_pinner.core.images.resolutions import DOCKER_SCHEMA1, Origin, Resolved
from image_pinner.sources.http.diagnostics import shown
from image_pinner.sources.http.messages import Reply

_DIGEST_HEADER = "Docker-Content-Digest"
_JSON_TYPES = ("", "application/json")
_MANIFEST_TYPES = "application/vnd."
_SHA256 = "sha256:"
_CHANGED = "Look for a proxy or a mirror that changes manifests, and tell the registry's owner"

# A manifest of 4 MiB can become a hundred times that in memory, and a hostile registry can send one to every thread.
_LARGE_BYTES = 256 * 1024
_one_large_at_a_time = threading.Lock()


def reading(manifest: bytes) -> AbstractContextManager[object]:
    """Give what to hold while a manifest is read: large ones are read one at a time."""
    return _one_large_at_a_time if len(manifest) > _LARGE_BYTES else nullcontext()


def found_by_body(reply: Reply, url: str) -> Resolved:
    """Give what a manifest is, from its bytes.

    Args:
        reply: The answer with the manifest.
        url: The URL that was asked.

    Returns:
        The digest of the bytes, and the media type that header and body agree on; that of schema 1 for whoever
        refuses it.

    Raises:
        SourceError: The header tells another digest, or this is no manifest.
    """
    digest = Digest.of(reply.body)
    if _sent_type(reply) in DOCKER_SCHEMA1:
        # Registries sign it anew for each answer, and their header is the digest without signatures.
        return Resolved(digest, DOCKER_SCHEMA1[0], Origin("registry", url))
    claimed = reply.header(_DIGEST_HEADER)
    if claimed and claimed != str(digest):
        raise _contradiction(reply, digest, claimed)
    return Resolved(digest, _media_type(reply), Origin("registry", url))


def found_by_header(reply: Reply, url: str) -> Resolved | None:
    """Give what a manifest is, from the headers of an answer to HEAD.

    Args:
        reply: The answer.
        url: The URL that was asked.

    Returns:
        The digest and the media type as the headers say them, or `None` where they do not say both.
    """
    digest, media_type = reply.header(_DIGEST_HEADER), _sent_type(reply)
    if "Content-Length" not in reply.headers:
        return None  # as where the connection broke within the headers
    if not is_digest(digest) or not media_type.startswith(_MANIFEST_TYPES):
        return None
    return Resolved(Digest(digest), media_type, Origin("registry", f"HEAD {url}"))


def not_asked_for(reply: Reply, digest: Digest) -> SourceError:
    """Give the error for a manifest that was asked for by its digest and has another."""
    return SourceError(f"{reply.url} sent a manifest that hashes to {digest}", _CHANGED)


def _contradiction(reply: Reply, digest: Digest, claimed: str) -> SourceError:
    if not claimed.startswith(_SHA256):
        return SourceError(
            f"{reply.url} names its manifest by {shown(claimed)!r}, and only sha256 can be pinned",
            "Push the image to a registry that names manifests by sha256",
        )
    return SourceError(f"{reply.url} sent a manifest that hashes to {digest} and called it {shown(claimed)}", _CHANGED)


def _sent_type(reply: Reply) -> str:
    return reply.header("Content-Type").partition(";")[0].strip().lower()


def _media_type(reply: Reply) -> str:
    """Give the media type that header and body agree on; the body need not name it in OCI's formats."""
    sent = _sent_type(reply)
    is_manifest = sent.startswith(_MANIFEST_TYPES)
    document = _document(reply) if is_manifest or sent in _JSON_TYPES else {}
    if document.get("schemaVersion") == 1:
        return DOCKER_SCHEMA1[0]
    if not is_manifest:
        raise SourceError(
            f"{reply.url} sent something that is no manifest, its Content-Type is {shown(sent)!r}",
            "Check that the host is a registry, and that no login page or proxy stands before it",
        )
    named = document.get("mediaType", sent)
    if named != sent:
        raise SourceError(
            f"{reply.url} sent a manifest as {shown(sent)!r} that calls itself {shown(str(named))!r}", PUSH_AGAIN
        )
    return sent


def _document(reply: Reply) -> Mapping[str, Any]:
    try:
        with reading(reply.body):
            return read_manifest(reply.body)
    except SourceError as error:
        raise SourceError(f"{reply.url} sent something that cannot be used: {error.cause}", error.remedy) from None
