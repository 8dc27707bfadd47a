"""Fuzz the responses of registries: manifests with their headers, redirects and tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise, product

from urllib3 import HTTPHeaderDict
from urllib3.util import parse_url

from image_pinner.core.errors import ImagePinnerError, SourceError
from image_pinner.core.images.lookups import DOCKER_SCHEMA1, Resolved
from image_pinner.core.images.references import Digest
from image_pinner.sources.credentials.interface import Credentials, IdentityToken, NoCredentials, Password
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts
from image_pinner.sources.http.errors import parse_http_url, safe_url
from image_pinner.sources.http.messages import Reply, Request
from image_pinner.sources.http.redirects import MAX_REDIRECTS, RedirectFollower
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import TokenRequest, TokenService
from image_pinner.sources.oci.client import resolve_from_body, resolve_from_headers
from support.untrusted_input import readable

SECRET = "s3cr3t-passw0rd"
LISTED = RegistryHosts(["localhost:5000"])
_HOMES = ("https://registry.example/v2/app/manifests/1", "http://localhost:5000/v2/app/manifests/1")
_AUTHORIZATION = "Basic cm9ib3Q6czNjcjN0LXBhc3N3MHJk"
_CREDENTIALS: tuple[Credentials, ...] = (
    NoCredentials("none are known", "get some"),
    Password("robot", SECRET, "the credentials of the test", "renew them"),
    IdentityToken(SECRET, "the credentials of the test", "renew them"),
)
# What can be sent: http.client rejects the rest with its own errors.
_SENDABLE_URL = re.compile(r"[!-~]+")
_SENDABLE_VALUE = re.compile(r"[\t -~\x80-\xff]*")


@dataclass
class ScriptedSender:
    """Responds to each request according to the input, after checking that it can be sent."""

    answer: Callable[[int], tuple[int, dict[str, str], bytes]]
    sent: list[Request] = field(default_factory=list)

    def send(self, request: Request, deadline: Deadline) -> Reply:
        assert deadline.remaining() > 0
        assert _SENDABLE_URL.fullmatch(request.url), request.url
        assert all(_SENDABLE_VALUE.fullmatch(value) for value in request.headers.values())
        assert parse_url(request.url).auth is None
        self.sent.append(request)
        status, headers, body = self.answer(len(self.sent))
        return Reply(safe_url(parse_http_url(request.url)), status, HTTPHeaderDict(headers), body, AddressScope.GLOBAL)


def redirects(data: bytes) -> None:
    """A redirect chain, one `Location` per line, neither weakens the scheme nor sends credentials to another server."""
    locations = data.decode("latin-1").split("\n")
    home = _HOMES[len(data) % len(_HOMES)]
    sender = ScriptedSender(lambda number: _redirect(locations, number))
    follower = RedirectFollower(sender, LISTED)
    followed = readable(follower.follow, Request(home, {"Authorization": _AUTHORIZATION}), Deadline.after(5))
    assert not isinstance(followed, ImagePinnerError) or isinstance(followed, SourceError)
    assert 1 <= len(sender.sent) <= MAX_REDIRECTS + 1
    _expect_safe_requests(sender.sent)


def _redirect(locations: list[str], number: int) -> tuple[int, dict[str, str], bytes]:
    return (307, {"Location": locations[number - 1]}, b"") if number <= len(locations) else (200, {}, b"")


def _expect_safe_requests(sent: list[Request]) -> None:
    home = Endpoint.of(parse_url(sent[0].url))
    same_origin = True
    for before, request in pairwise(sent):
        server, last = Endpoint.of(parse_url(request.url)), Endpoint.of(parse_url(before.url))
        same_origin = same_origin and server == home
        assert same_origin or "Authorization" not in request.headers
        assert server.scheme == "https" or (last.scheme == "http" and LISTED.is_listed(server))
        named = server == home or LISTED.is_listed(server)
        assert named or request.allowed_scope is AddressScope.GLOBAL


def replies(data: bytes) -> None:
    """Parse a response: a line with the media type, a line with the digest header, and the body."""
    media_type, digest, *body_lines = (data + b"\n\n").split(b"\n", 2)
    body = b"".join(body_lines)[:-2]
    headers = {
        "Content-Length": str(len(body)),
        "Content-Type": media_type.decode("latin-1"),
        "Docker-Content-Digest": digest.decode("latin-1"),
    }
    reply = Reply(_HOMES[0], 200, HTTPHeaderDict(headers), body, AddressScope.GLOBAL)
    get_manifest, head_manifest, head_digest = (
        readable(resolve_from_body, reply, _HOMES[0]),
        readable(resolve_from_headers, reply, _HOMES[0]),
        readable(resolve_from_headers, reply, _HOMES[0], Digest.of(body)),
    )
    if isinstance(get_manifest, Resolved):
        assert get_manifest.digest == Digest.of(body)
        assert reply.header("Docker-Content-Digest") in {"", str(get_manifest.digest)}
        assert get_manifest.media_type == DOCKER_SCHEMA1[0] or get_manifest.media_type.startswith("application/vnd.")
    else:
        assert isinstance(get_manifest, SourceError)
    if head_manifest is not None:
        assert isinstance(head_manifest, Resolved)
        assert str(head_manifest.digest) == reply.header("Docker-Content-Digest")
    if isinstance(head_digest, Resolved):
        assert head_digest.digest == Digest.of(body)
        assert reply.header("Docker-Content-Digest") in {"", str(head_digest.digest)}
    else:
        assert head_digest is None or isinstance(head_digest, SourceError)


def tokens(data: bytes) -> None:
    """Request a token: a line each for the URL of the token service, its name and the scope, and the response."""
    realm, service, scope, *body_lines = (data + b"\n\n\n").split(b"\n", 3)
    body = b"".join(body_lines)[:-3]
    for home, status in product(_HOMES, (200, 401)):
        lookup = TokenRequest(
            realm.decode("latin-1"),
            service.decode("latin-1"),
            scope.decode("latin-1"),
            _CREDENTIALS[len(data) % len(_CREDENTIALS)],
            Endpoint.of(parse_url(home)),
            AddressScope.GLOBAL,
        )
        _request_token(lookup, status, body)


def _request_token(lookup: TokenRequest, status: int, body: bytes) -> None:
    sender = ScriptedSender(lambda _: (status, {"Content-Type": "application/json"}, body))
    read = readable(TokenService(sender, LISTED).token, lookup, Deadline.after(5))
    if isinstance(read, ImagePinnerError):
        assert isinstance(read, SourceError)
        assert not _is_kept(lookup) or SECRET not in read.diagnostics()
    else:
        assert status == 200
        assert _SENDABLE_URL.fullmatch(read)
    for request in sender.sent:
        server = Endpoint.of(parse_url(request.url))
        assert server.scheme == "https" or (lookup.home.scheme == "http" and LISTED.is_listed(server))
        assert not _is_kept(lookup) or SECRET not in request.url


def _is_kept(lookup: TokenRequest) -> bool:
    """Return whether there is a secret that is not part of the input."""
    named = (lookup.realm, lookup.service, lookup.scope)
    return not isinstance(lookup.credential, NoCredentials) and not any(SECRET in text for text in named)
