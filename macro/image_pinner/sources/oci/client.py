"""Requests for manifests and configs of an OCI registry, and their responses.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    NotFound,
    Origin,
    Resolved,
    Unsuitable,
)
from image_pinner.core.images.manifests import MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, PUSH_AGAIN, read_manifest
from image_pinner.core.images.references import Digest, ImageReference, is_digest
from image_pinner.core.images.registries import canonical_registry
from image_pinner.sources.credentials.interface import CredentialSource, NoCredentials
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.messages import Reply, Request, Sender, told
from image_pinner.sources.http.redaction import errors_in, said, shown
from image_pinner.sources.http.transport import RETRYABLE_STATUSES, Followed, RedirectFollower
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import Authorization, Authorizer, AuthScope

_NOT_FOUND, _SERVER_ERRORS = 404, 500
_SHOWN_WAIT = 40  # characters: a date has 29


def missing(
    followed: Followed, reference: ImageReference, authorization: Authorization | None
) -> NotFound | Unsuitable:
    """Give the answer for an image that is not there, and raise for every other refusal.

    Args:
        followed: The registry's answer, whose status is not 200.
        reference: The image.
        authorization: What the registry was shown last, or `None`.

    Returns:
        That the image is missing; `absent` only where a registry's error code says so, for any web server knows 404.

    Raises:
        SourceError: The registry does not say whether the image is there.
    """
    reply = followed.reply
    cause = _cause(followed, authorization)
    match reply.status:
        case 404:
            return _not_found(followed, reference, cause)
        case 401 | 403:
            raise SourceError(cause, _advice_when_denied(followed, reference, authorization))
        case 429:
            raise SourceError(cause, _advice_when_throttled(reference, authorization))
        case status if status >= _SERVER_ERRORS:
            raise SourceError(cause, "Try again in some minutes, and look at the registry's status page if it goes on")
        case _:
            raise SourceError(cause, f"Check that {reference.registry} is a registry and that the image is named right")


def config_refused(followed: Followed, reference: ImageReference, authorization: Authorization | None) -> SourceError:
    """Give the error for a config that a registry does not give, although it gave the manifest that names it.

    Args:
        followed: The registry's answer, whose status is not 200.
        reference: The image.
        authorization: What the registry was shown last, or `None`.

    Returns:
        The error.
    """
    return SourceError(
        f"the image's platform is not known: {_cause(followed, authorization)}",
        f"Push {reference} again, or say Platform=Any, which asks for no platform",
    )


def _cause(followed: Followed, authorization: Authorization | None) -> str:
    reply = followed.reply
    secrets = authorization.secrets() if authorization else ()
    answer = said(reply.body, reply.header("Content-Type"), secrets)
    shown_credential = authorization.credential.source if authorization and followed.same_origin else ""
    return (
        f"{reply.url} answered {reply.status}{told(reply.attempts)}"
        + (f", {answer!r}" if answer else "")
        + _wish(reply)
        + (f", to {shown_credential}" if shown_credential and reply.status != _NOT_FOUND else "")
    )


def _wish(reply: Reply) -> str:
    """Give the wait that a registry asks for, which is longer than the run has time for, as a clause."""
    asked = reply.header("Retry-After")
    is_asked = reply.status in RETRYABLE_STATUSES and asked
    return f", and asks to wait {shown(asked, limit=_SHOWN_WAIT)}{' s' if asked.isdigit() else ''}" if is_asked else ""


def _not_found(followed: Followed, reference: ImageReference, cause: str) -> NotFound | Unsuitable:
    codes = [error.code for error in errors_in(followed.reply.body) if error.code]
    if not codes:
        return Unsuitable(
            f"{cause}, without an error code of a registry",
            f"Check that {reference.registry} is a registry, and the spelling of {reference.repository}",
        )
    if "NAME_UNKNOWN" in codes:
        return NotFound(cause, f"Check the spelling of the repository {reference.repository}, or push the image first")
    return NotFound(
        cause, f"Push the tag {reference.tag or 'latest'} to {reference.repository}, or name a tag that is there"
    )


def _advice_when_denied(followed: Followed, reference: ImageReference, authorization: Authorization | None) -> str:
    if not followed.same_origin:
        return f"No login is sent to where {reference.registry} redirects; name the image by the host it comes from"
    if authorization is None:
        return f"Ask the owner of {reference.registry} who may read {reference.repository} from here"
    # Docker Hub and others do not tell strangers whether a repository exists.
    return f"Check that {reference.repository} exists and may be read with it; if so: {authorization.credential.help}"


def _advice_when_throttled(reference: ImageReference, authorization: Authorization | None) -> str:
    if authorization is not None and isinstance(authorization.credential, NoCredentials):
        return f"Log in, which raises the limit: {authorization.credential.help}"
    if authorization is None:
        return f"Log in to {reference.registry} where it allows that, which raises the limit, or try again later"
    return "Try again later, or use an account with a higher limit"


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
        raise SourceError(f"{reply.url} sent something that cannot be used: {error.cause}", error.help) from None


_OK, _UNAUTHORIZED, _DENIED = 200, 401, (401, 403)
# What the answer to a HEAD says for the registry as a whole; to any other a GET may still give the manifest, for some
# registries know no HEAD (405), and none can say in an answer without a body why it refuses.
_NO_USE_TO_ASK_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_ACCEPT = ", ".join(ACCEPTED_MEDIA_TYPES)


class FoundManifest(NamedTuple):
    """What a tag means.

    Args:
        resolved: The digest, the media type and who said so.
        manifest: The bytes, or `None` where only a header was asked for.
    """

    resolved: Resolved
    manifest: bytes | None


class ManifestRequests:
    """Asks registries, for one run.

    Args:
        sender: Sends the requests.
        hosts: Knows where registries are.
        credentials: Knows the credentials.
    """

    def __init__(self, sender: Sender, hosts: RegistryHosts, credentials: CredentialSource) -> None:
        self._hosts = hosts
        self._follower = RedirectFollower(sender, hosts)
        self._authorizer = Authorizer(sender, hosts, credentials)

    def get_manifest(
        self, reference: ImageReference, secret_arn: str, deadline: Deadline, digest: Digest | None = None
    ) -> FoundManifest | NotFound | Unsuitable:
        """Ask for a manifest and hash it.

        Args:
            reference: The image.
            secret_arn: The ARN of the secret that the template names for it, or empty.
            deadline: When to give up.
            digest: The digest to ask for, where it is known; the tag by default.

        Returns:
            The digest of its bytes with the bytes, or that there is none.

        Raises:
            SourceError: The registry does not say, or says what cannot be true.
            ConfigurationError: A credential is configured in a way that cannot be read.
        """
        subject = self._subject(reference, secret_arn)
        url = f"{_manifests(subject)}/{digest or reference.tag or 'latest'}"
        request = Request(url, {"Accept": _ACCEPT}, limit=MAX_MANIFEST_BYTES)
        followed, authorization = self._ask(request, subject, deadline)
        if followed.reply.status != _OK:
            return missing(followed, reference, authorization)
        resolved = found_by_body(followed.reply, url)
        if digest is not None and resolved.digest != digest:
            raise not_asked_for(followed.reply, resolved.digest)
        return FoundManifest(resolved, followed.reply.body)

    def head_manifest(
        self, reference: ImageReference, secret_arn: str, deadline: Deadline
    ) -> FoundManifest | NotFound | Unsuitable | None:
        """Ask for the header that tells a manifest's digest, which registries that meter pulls do not count.

        Args:
            reference: The image.
            secret_arn: The ARN of the secret that the template names for it, or empty.
            deadline: When to give up.

        Returns:
            The digest without bytes, that there is no such image, or `None` where only a GET can tell.

        Raises:
            SourceError: The registry does not say.
            ConfigurationError: A credential is configured in a way that cannot be read.
        """
        subject = self._subject(reference, secret_arn)
        url = f"{_manifests(subject)}/{reference.tag or 'latest'}"
        followed, authorization = self._ask(Request(url, {"Accept": _ACCEPT}, "HEAD"), subject, deadline)
        if followed.reply.status in _NO_USE_TO_ASK_AGAIN:
            return missing(followed, reference, authorization)
        resolved = found_by_header(followed.reply, url) if followed.reply.status == _OK else None
        return FoundManifest(resolved, None) if resolved else None

    def config(self, reference: ImageReference, secret_arn: str, config: Digest, deadline: Deadline) -> bytes:
        """Ask for the config of an image.

        Args:
            reference: The image.
            secret_arn: The ARN of the secret that the template names for it, or empty.
            config: The digest of the config.
            deadline: When to give up.

        Returns:
            The bytes as they came; whether they hash to the digest is for the reader to check.

        Raises:
            SourceError: The registry does not give it.
            ConfigurationError: A credential is configured in a way that cannot be read.
        """
        subject = self._subject(reference, secret_arn)
        url = f"{subject.home}/v2/{subject.repository}/blobs/{config}"
        followed, authorization = self._ask(Request(url, limit=MAX_CONFIG_BYTES), subject, deadline)
        if followed.reply.status != _OK:
            raise config_refused(followed, reference, authorization)
        return followed.reply.body

    def _subject(self, reference: ImageReference, secret_arn: str) -> AuthScope:
        home = self._hosts.endpoint(reference.registry)
        return AuthScope(home, canonical_registry(reference.registry), reference.repository, secret_arn)

    def _ask(self, request: Request, subject: AuthScope, deadline: Deadline) -> tuple[Followed, Authorization | None]:
        authorization = self._authorizer.known(subject)
        followed = self._follower.follow(_authorized(request, authorization), deadline)
        if followed.reply.status == _UNAUTHORIZED and followed.same_origin:
            authorization = self._authorizer.answer(followed.reply, subject, authorization, deadline)
            followed = self._follower.follow(_authorized(request, authorization), deadline)
        if authorization and followed.reply.status not in _DENIED:
            self._authorizer.remember(subject, authorization)
        return followed, authorization


def _manifests(subject: AuthScope) -> str:
    return f"{subject.home}/v2/{subject.repository}/manifests"


def _authorized(request: Request, authorization: Authorization | None) -> Request:
    if authorization is None:
        return request
    return request.with_header("Authorization", authorization.header)
