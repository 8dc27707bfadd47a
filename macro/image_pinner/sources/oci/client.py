"""Get manifests and configs from an OCI registry, and verify them.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

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
from image_pinner.core.images.selection import NeedsConfig
from image_pinner.sources.concurrency import KeyedCache
from image_pinner.sources.credentials.interface import CredentialSource, NoCredentials
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts
from image_pinner.sources.http.errors import Target, parse_http_url
from image_pinner.sources.http.memory import PARSING
from image_pinner.sources.http.messages import RETRYABLE_STATUSES, THROTTLED, Reply, Request, Sender
from image_pinner.sources.http.redaction import MAX_ERROR_BYTES, errors_in, sanitize
from image_pinner.sources.http.redirects import RedirectFollower
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import Authorization, Authorizer, AuthScope

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SERVER_ERRORS = 200, 401, 403, 404, 500
_DENIED_OR_MISSING = frozenset({_FORBIDDEN, _NOT_FOUND})
_MAX_WAIT = 40  # characters of a Retry-After in a message: a date has 29
_DIGEST_HEADER = "Docker-Content-Digest"
_JSON_TYPES = ("", "application/json")
_MANIFESTS = "manifests/"
_MANIFEST_TYPES = "application/vnd."
_ACCEPT = ", ".join(ACCEPTED_MEDIA_TYPES)
_CHANGED_HELP = "check for a proxy or mirror that changes manifests, and contact the registry owner"


class Image(NamedTuple):
    """An image to request, and the ARN of the secret that the template sets for it, or empty.

    The secret is part of the key: an image that one credential can read, another may not.
    """

    reference: ImageReference
    secret_arn: str = ""


class FoundManifest(NamedTuple):
    """The image of a reference, with the bytes of the manifest, or `None` after a HEAD request."""

    resolved: Resolved
    manifest: bytes | None


class ManifestRequests:
    """Sends requests to registries, for one run."""

    def __init__(self, sender: Sender, hosts: RegistryHosts, credentials: CredentialSource) -> None:
        self._hosts = hosts
        self._follower = RedirectFollower(sender, hosts)
        self._authorizer = Authorizer(sender, hosts, credentials)
        self._version_checks: KeyedCache[Endpoint, tuple[Reply, bool]] = KeyedCache()

    def get_manifest(
        self, image: Image, deadline: Deadline, head: Resolved | None = None
    ) -> FoundManifest | NotFound | Unsuitable:
        """Get the manifest of an image, by the digest in a response to HEAD if there is one, and hash it.

        Raises:
            SourceError: The registry does not respond, refuses, or sends something that is not a valid manifest.
            ConfigurationError: A credential is configured and cannot be read.
        """
        digest = head.digest if head else image.reference.digest
        path = f"{_MANIFESTS}{digest or image.reference.manifest}"
        exchange = self._exchange(image, path, deadline, limit=MAX_MANIFEST_BYTES, found=head)
        reply = exchange.reply
        if reply.status != _OK:
            return exchange.missing()
        resolved = resolve_from_body(reply, exchange.url)
        if digest is not None and resolved.digest != digest:
            raise SourceError(f"{reply.url} sent a manifest with digest {resolved.digest}", _CHANGED_HELP)
        return FoundManifest(resolved, reply.body)

    def head_manifest(self, image: Image, deadline: Deadline) -> FoundManifest | NotFound | Unsuitable | None:
        """Get the digest of an image from a HEAD response, or `None` if only a GET request can.

        Registries that count pulls do not count these requests. See `get_manifest`.
        """
        path = f"{_MANIFESTS}{image.reference.manifest}"
        exchange = self._exchange(image, path, deadline, method="HEAD")
        # These statuses are about the registry as a whole. After any other, a GET may still return the manifest: some
        # registries do not support HEAD (405), and a response without a body has no error code.
        if exchange.reply.status in RETRYABLE_STATUSES:
            return exchange.missing()
        digest = image.reference.digest
        resolved = resolve_from_headers(exchange.reply, exchange.url, digest) if exchange.reply.status == _OK else None
        return FoundManifest(resolved, None) if resolved else None

    def config(self, image: Image, needs: NeedsConfig, deadline: Deadline) -> bytes:
        """Get the config of an image; the caller verifies its digest. See `get_manifest`.

        Raises:
            SourceError: The registry does not return it.
        """
        path = f"blobs/{needs.config}"
        exchange = self._exchange(image, path, deadline, limit=MAX_CONFIG_BYTES, found=needs.resolved)
        if exchange.reply.status != _OK:
            raise SourceError(
                f"the platform of the image is unknown: {exchange.cause()}",
                f"push {image.reference} again, or set Platform=Any to accept any platform",
            )
        return exchange.reply.body

    def _exchange(
        self,
        image: Image,
        path: str,
        deadline: Deadline,
        *,
        method: str = "GET",
        limit: int = MAX_ERROR_BYTES,
        found: Resolved | None = None,
    ) -> _Exchange:
        """Send a request, and get authorization if the registry requires it.

        The path has a digest that the registry sent with what was `found`, if anything was.
        """
        reference = image.reference
        home = self._hosts.endpoint(reference.registry)
        scope = AuthScope(home, canonical_registry(reference.registry), reference.repository, image.secret_arn)
        request = Request(
            f"{home}/v2/{reference.repository}/{path}",
            {"Accept": _ACCEPT} if path.startswith(_MANIFESTS) else {},
            method,
            # The template names this host, not a registry, so it may be inside this network.
            allowed_scope=AddressScope.SPECIAL,
            limit=limit,
            alias=Target(parse_http_url(str(home))).server if found and found.origin.confidential else "",
        )
        authorization = self._authorizer.accepted(scope)
        reply, same_origin = self._send(request, scope, authorization, deadline)
        if reply.status == _UNAUTHORIZED and same_origin:
            authorization = self._authorizer.answer(reply, scope, authorization, deadline)
            reply, same_origin = self._send(request, scope, authorization, deadline)
        elif reply.status in _DENIED_OR_MISSING and same_origin and authorization is None:
            authorization = self._unrequested(scope, deadline)
            if authorization:
                reply, same_origin = self._send(request, scope, authorization, deadline)
        if authorization and reply.status not in {_UNAUTHORIZED, _FORBIDDEN}:
            self._authorizer.remember(scope, authorization)
        return _Exchange(request.url, reference, reply, authorization, same_origin)

    def _unrequested(self, scope: AuthScope, deadline: Deadline) -> Authorization | None:
        """Return the authorization for a registry that did not request any for the image, or `None` if it has none.

        Some registries report to anonymous clients that a private repository does not exist, and send a challenge only
        for `/v2/`: https://distribution.github.io/distribution/spec/api/#api-version-check
        """
        if not self._authorizer.has_credentials(scope, deadline):
            return None

        def check() -> tuple[Reply, bool]:
            request = Request(f"{scope.home}/v2/", allowed_scope=AddressScope.SPECIAL)
            return self._send(request, scope, None, deadline)

        reply, same_origin = self._version_checks.get(scope.home, check, deadline)
        if reply.status in RETRYABLE_STATUSES:
            raise SourceError(
                f"{reply}, so that it is unknown whether the registry requires credentials",
                "retry in a few minutes; if it fails again, check the registry's status page",
            )
        if reply.status != _UNAUTHORIZED or not same_origin:
            return None
        return self._authorizer.answer(reply, scope, None, deadline, about_repository=False)

    def _send(
        self, request: Request, scope: AuthScope, authorization: Authorization | None, deadline: Deadline
    ) -> tuple[Reply, bool]:
        if authorization:
            request = request.with_header("Authorization", authorization.header)

        def knows_credentials() -> bool:
            return authorization is not None or self._authorizer.knows_credentials(scope.home)

        reply, same_origin = self._follower.follow(request, deadline, knows_credentials)
        return replace(reply, confidential=reply.confidential or knows_credentials()), same_origin


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A request and the final response to it; `same_origin` if that is from the registry, not from a redirect."""

    url: str
    reference: ImageReference
    reply: Reply
    authorization: Authorization | None
    same_origin: bool

    def missing(self) -> NotFound | Unsuitable:
        """Return that the image does not exist, and raise `SourceError` if the registry does not report that."""
        reference, status = self.reference, self.reply.status
        if status == _NOT_FOUND:
            return self._not_found()
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            advice = self._denied_help()
        elif status == THROTTLED:
            advice = self._throttled_help()
        elif status >= _SERVER_ERRORS:
            advice = "retry in a few minutes; if it fails again, check the registry's status page"
        else:
            advice = f"check that {reference.registry} is a registry, and the spelling of the image"
        raise SourceError(self.cause(), advice)

    def cause(self) -> str:
        """Return what the registry responded, to which credential."""
        reply, authorization = self.reply, self.authorization
        body = reply.describe()
        shows_wait = reply.status in RETRYABLE_STATUSES and not reply.confidential
        wait = reply.header("Retry-After") if shows_wait else ""
        return (
            str(reply)
            + (f", {body}" if body else "")
            + (f", retry after {sanitize(wait, limit=_MAX_WAIT)}{' s' if wait.isdigit() else ''}" if wait else "")
            + (
                f", for {authorization.credential.source}"
                if authorization and self.same_origin and reply.status != _NOT_FOUND
                else ""
            )
        )

    def _not_found(self) -> NotFound | Unsuitable:
        reference, cause = self.reference, self.cause()
        codes = [error.code for error in errors_in(self.reply.body) if error.code]
        if not codes:
            # Any web server can return 404: only the error code of a registry proves that the image does not exist.
            return Unsuitable(
                f"{cause}, without the error code of a registry",
                f"check that {reference.registry} is a registry, and the spelling of the repository "
                f"{reference.repository!r}",
            )
        if "NAME_UNKNOWN" in codes:
            return NotFound(cause, f"check the spelling of the repository {reference.repository!r}, or push the image")
        if reference.digest:
            return NotFound(
                f"{reference.repository} has no image with this digest: {cause}",
                f"push the image to {reference.repository} again, or use an existing digest",
            )
        return NotFound(cause, f"push the tag {reference.manifest} to {reference.repository}, or use an existing tag")

    def _denied_help(self) -> str:
        reference = self.reference
        if not self.same_origin:
            return (
                f"no credentials are sent to the target of a redirect by {reference.registry}; write the host that "
                "serves the image in the image reference"
            )
        if self.authorization is None:
            return f"contact the owner of {reference.registry} to allow reading {reference.repository} from here"
        # Docker Hub and others do not report to anonymous clients whether a repository exists.
        advice = self.authorization.credential.help
        return f"check that {reference.repository} exists and that the credential may read it; if so: {advice}"

    def _throttled_help(self) -> str:
        if self.authorization is None:
            return (
                f"if {self.reference.registry} has a higher limit for authenticated clients, configure credentials "
                "with IMAGE_PINNER_CREDENTIALS; otherwise retry later"
            )
        if isinstance(self.authorization.credential, NoCredentials):
            return f"configure credentials, which have a higher limit: {self.authorization.credential.help}"
        return "retry later, or use an account with a higher limit"


def resolve_from_body(reply: Reply, url: str) -> Resolved:
    """Return the digest of the bytes, and the media type that header and body agree on.

    Raises:
        SourceError: The header has another digest, or the body is not a manifest.
    """
    digest = Digest.of(reply.body)
    if _media_type(reply) in DOCKER_SCHEMA1:
        # Registries sign it for each response, and their header has the digest without signatures. It is refused later.
        return Resolved(digest, DOCKER_SCHEMA1[0], _origin(url, reply))
    claimed = reply.header(_DIGEST_HEADER)
    if claimed and claimed != str(digest):
        if not claimed.startswith("sha256:"):
            raise SourceError(
                f"{reply.url} uses the digest {reply.quote(claimed)}, and only sha256 is supported",
                "push the image to a registry that uses sha256 digests",
            )
        raise SourceError(
            f"{reply.url} sent a manifest with digest {digest} and the header {_DIGEST_HEADER}: {reply.quote(claimed)}",
            _CHANGED_HELP,
        )
    return Resolved(digest, _verified_media_type(reply), _origin(url, reply))


def resolve_from_headers(reply: Reply, url: str, expected: Digest | None = None) -> Resolved | None:
    """Return digest and media type from a response to HEAD, or `None` if it lacks one of them.

    A response to a request by digest, `expected`, may omit it. It is safe not to hash the manifest: the digest comes
    from the caller, and every client that pulls the image verifies it. A false response can only claim that a missing
    image exists, or another media type; then the image cannot be pulled or run, and no other one is.

    Raises:
        SourceError: The header has another digest than the expected one.
    """
    digest, media_type = reply.header(_DIGEST_HEADER) or str(expected or ""), _media_type(reply)
    if expected and is_digest(digest) and digest != str(expected):
        raise SourceError(f"{reply.url} sent the header {_DIGEST_HEADER}: {reply.quote(digest)}", _CHANGED_HELP)
    if "Content-Length" not in reply.headers:
        return None  # the connection may have broken within the headers
    if not is_digest(digest) or not media_type.startswith(_MANIFEST_TYPES):
        return None
    return Resolved(Digest(digest), media_type, _origin(f"HEAD {url}", reply))


def _origin(request: str, reply: Reply) -> Origin:
    return Origin("registry", request, confidential=reply.confidential)


def _media_type(reply: Reply) -> str:
    return reply.header("Content-Type").partition(";")[0].strip().lower()


def _verified_media_type(reply: Reply) -> str:
    """Return the media type that header and body agree on; in OCI's formats the body may omit it."""
    sent = _media_type(reply)
    is_manifest = sent.startswith(_MANIFEST_TYPES)
    is_schema1, named = _inspect(reply, sent) if is_manifest or sent in _JSON_TYPES else (False, sent)
    if is_schema1:
        return DOCKER_SCHEMA1[0]
    if not is_manifest:
        raise SourceError(
            f"{reply.url} sent something that is not a manifest, with Content-Type {reply.quote(sent)}",
            "check that the host is a registry, without a login page or proxy in front of it",
        )
    if named != sent:
        raise SourceError(
            f"{reply.url} sent a manifest with Content-Type {reply.quote(sent)} and mediaType {reply.quote(named)}",
            PUSH_AGAIN,
        )
    return sent


def _inspect(reply: Reply, default: str) -> tuple[bool, str]:
    """Return whether a manifest has schema 1, and the media type in it or else `default`."""
    try:
        with PARSING:
            document = read_manifest(reply.body)
            is_schema1, named = document.get("schemaVersion") == 1, document.get("mediaType", default)
            del document  # before another thread parses
            return is_schema1, named if isinstance(named, str) else type(named).__name__
    except SourceError as error:
        raise SourceError(f"{reply.url} sent an invalid manifest: {error.cause}", error.help) from None
