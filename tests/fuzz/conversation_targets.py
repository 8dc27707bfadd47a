"""What a registry answers: a manifest with its headers, redirects, a token service with its tokens."""

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
from image_pinner.sources.credentials.interface import Credential, IdentityToken, NoCredential, Password
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts
from image_pinner.sources.http.errors import parse_http_url, safe_url
from image_pinner.sources.http.messages import Reply, Request
from image_pinner.sources.http.transport import MAX_REDIRECTS, RedirectFollower
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import TokenRequest, TokenService
from image_pinner.sources.oci.client import resolve_from_body, resolve_from_headers
from support.untrusted_input import readable

SECRET = "s3cr3t-passw0rd"
LISTED = RegistryHosts(["localhost:5000"])
_HOMES = ("https://registry.example/v2/app/manifests/1", "http://localhost:5000/v2/app/manifests/1")
_LOGIN = "Basic cm9ib3Q6czNjcjN0LXBhc3N3MHJk"
_CREDENTIALS: tuple[Credential, ...] = (
    NoCredential("no credential", "Get one"),
    Password("robot", SECRET, "the credential of the test", "Renew it"),
    IdentityToken(SECRET, "the credential of the test", "Renew it"),
)
# What the wire takes: http.client refuses the rest with errors of its own.
_SENDABLE_URL = re.compile(r"[!-~]+")
_SENDABLE_VALUE = re.compile(r"[\t -~\x80-\xff]*")


@dataclass
class ScriptedSender:
    """Answers each request as the input says, after a look at whether it could go over the wire."""

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
    """A chain of `Location` headers, a line each; none leads to a worse scheme, or the login to another server."""
    locations = data.decode("latin-1").split("\n")
    home = _HOMES[len(data) % len(_HOMES)]
    sender = ScriptedSender(lambda number: _redirect(locations, number))
    follower = RedirectFollower(sender, LISTED)
    followed = readable(follower.follow, Request(home, {"Authorization": _LOGIN}), Deadline.after(5))
    assert not isinstance(followed, ImagePinnerError) or isinstance(followed, SourceError)
    assert 1 <= len(sender.sent) <= MAX_REDIRECTS + 1
    _expect_no_detour_with_login(sender.sent)


def _redirect(locations: list[str], number: int) -> tuple[int, dict[str, str], bytes]:
    return (307, {"Location": locations[number - 1]}, b"") if number <= len(locations) else (200, {}, b"")


def _expect_no_detour_with_login(sent: list[Request]) -> None:
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
    """A registry's answer: the media type and the digest in its headers, a line each, and the body."""
    media_type, digest, *rest = (data + b"\n\n").split(b"\n", 2)
    body = b"".join(rest)[:-2]
    headers = {"Content-Type": media_type.decode("latin-1"), "Docker-Content-Digest": digest.decode("latin-1")}
    reply = Reply(_HOMES[0], 200, HTTPHeaderDict(headers), body, AddressScope.GLOBAL)
    get_manifest, head_manifest = (
        readable(resolve_from_body, reply, _HOMES[0]),
        readable(resolve_from_headers, reply, _HOMES[0]),
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


def tokens(data: bytes) -> None:
    """The URL of a token service, the service's name, the scope, and the answer: three lines and the rest."""
    realm, service, scope, *rest = (data + b"\n\n\n").split(b"\n", 3)
    body = b"".join(rest)[:-3]
    for home, status in product(_HOMES, (200, 401)):
        lookup = TokenRequest(
            realm.decode("latin-1"),
            service.decode("latin-1"),
            scope.decode("latin-1"),
            _CREDENTIALS[len(data) % len(_CREDENTIALS)],
            Endpoint.of(parse_url(home)),
            AddressScope.GLOBAL,
        )
        _ask_for_token(lookup, status, body)


def _ask_for_token(lookup: TokenRequest, status: int, body: bytes) -> None:
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
    """Tell whether there is a secret that the other side does not name by itself."""
    named = (lookup.realm, lookup.service, lookup.scope)
    return not isinstance(lookup.credential, NoCredential) and not any(SECRET in text for text in named)
