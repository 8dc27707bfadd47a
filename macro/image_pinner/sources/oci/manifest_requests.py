"""What a registry is asked: a manifest, the header that tells its digest, or the config of an image.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
"""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.core.images.configs import MAX_CONFIG_BYTES
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.manifests import MAX_MANIFEST_BYTES
from image_pinner.core.images.references import ImageReference
from image_pinner.core.images.registries import canonical_registry
from image_pinner.core.images.resolutions import ACCEPTED_MEDIA_TYPES, Missing, Resolved
from image_pinner.sources.credentials.interface import CredentialSource
from image_pinner.sources.http.hosts import RegistryHosts
from image_pinner.sources.http.messages import Request, Sender
from image_pinner.sources.http.redirects import Followed, RedirectFollower
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.authorization import Authorization, Authorizer, Subject
from image_pinner.sources.oci.manifest_replies import found_by_body, found_by_header, not_asked_for
from image_pinner.sources.oci.refusals import config_refused, missing

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

    def by_body(
        self, reference: ImageReference, secret_arn: str, deadline: Deadline, digest: Digest | None = None
    ) -> FoundManifest | Missing:
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

    def by_header(
        self, reference: ImageReference, secret_arn: str, deadline: Deadline
    ) -> FoundManifest | Missing | None:
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

    def _subject(self, reference: ImageReference, secret_arn: str) -> Subject:
        home = self._hosts.endpoint(reference.registry)
        return Subject(home, canonical_registry(reference.registry), reference.repository, secret_arn)

    def _ask(self, request: Request, subject: Subject, deadline: Deadline) -> tuple[Followed, Authorization | None]:
        authorization = self._authorizer.known(subject)
        followed = self._follower.follow(_authorized(request, authorization), deadline)
        if followed.reply.status == _UNAUTHORIZED and followed.at_home:
            authorization = self._authorizer.answer(followed.reply, subject, authorization, deadline)
            followed = self._follower.follow(_authorized(request, authorization), deadline)
        if authorization and followed.reply.status not in _DENIED:
            self._authorizer.remember(subject, authorization)
        return followed, authorization


def _manifests(subject: Subject) -> str:
    return f"{subject.home}/v2/{subject.repository}/manifests"


def _authorized(request: Request, authorization: Authorization | None) -> Request:
    if authorization is None:
        return request
    return request.with_header("Authorization", authorization.header)
