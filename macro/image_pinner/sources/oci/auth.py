"""Authenticate to an OCI registry: challenges, bearer tokens and basic credentials.

- Challenges: https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
- Tokens for a password or anonymous access: https://distribution.github.io/distribution/spec/auth/token/
- Tokens for an identity token: https://distribution.github.io/distribution/spec/auth/oauth/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, assert_never
from urllib.parse import parse_qsl, urlencode

from urllib3.util import Url

from image_pinner.core.advice import Advice
from image_pinner.core.errors import HIDDEN, SourceError
from image_pinner.sources.concurrency import KeyedCache
from image_pinner.sources.credentials.interface import (
    Credentials,
    CredentialSource,
    IdentityToken,
    NoCredentials,
    Password,
)
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts, refuse_user
from image_pinner.sources.http.errors import Target, parse_http_url
from image_pinner.sources.http.messages import THROTTLED, Reply, Request, Sender
from image_pinner.sources.interface import Deadline

_BEARER, _BASIC = "bearer", "basic"
_MAX_SCHEMES = 5  # in a message
_SUCCESS, _DENIED = range(200, 300), (400, 401, 403)
_CLIENT = "image-pinner"
# https://distribution.github.io/distribution/spec/auth/token/#requesting-a-token
_TOKEN_PARAMETERS = frozenset({"service", "scope", "account", "client_id", "offline_token"})
# A token becomes a header: https://www.rfc-editor.org/rfc/rfc6750#section-2.1. Some services use further characters.
_SENDABLE_TOKEN = re.compile(r"[!-~]{1,32768}", re.ASCII)
# The parts of a WWW-Authenticate header. Registries leave out quotes and values, and put blanks and slashes into values
# without quotes, so that the patterns match more than the grammar. Possessive quantifiers keep matching linear.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - a pattern
_SEPARATORS = re.compile(r"[ \t,]*+")
_SCHEME = re.compile(rf"({_TOKEN})(?![ \t]*=)(?:[ \t]++|(?=,|\Z))")
_PARAMETER = re.compile(
    rf'(?P<name>{_TOKEN})[ \t]*+=[ \t]*+(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>[^,"=][^,"]*+)?)',
    re.DOTALL,
)
# To the next comma, or to a parameter without a comma before it.
_INVALID = re.compile(rf"[ \t]*+(?={_TOKEN}[ \t]*+=)|[^,]*+,?+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate that a server offers: the scheme and the names of parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Parse the `WWW-Authenticate` headers of a response, each of which may contain several challenges.

    What cannot be parsed is skipped up to the next comma, so that it does not affect the rest. Of several values of a
    parameter the last one counts, as in Docker and containerd.
    """
    return tuple(challenge for header in headers for challenge in _challenges_in(header))


def _challenges_in(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    parameters: dict[str, str] = {}
    within_scope = False
    position = _after(_SEPARATORS, header, 0)
    while position < len(header):
        scheme = _SCHEME.match(header, position)
        position = scheme.end() if scheme else position
        parameter = _PARAMETER.match(header, position)
        # In a scope without quotes the comma is part of the value: `scope=repository:team/app:pull,push`.
        if scheme and (parameter or not within_scope or scheme[1].lower() in {_BEARER, _BASIC}):
            parameters, within_scope = {}, False
            found.append(Challenge(scheme[1].lower(), parameters))
        if parameter:
            name, quoted, plain = parameter["name"].lower(), parameter["quoted"], (parameter["plain"] or "").rstrip()
            position, within_scope = parameter.end(), name == "scope" and bool(plain)
            if quoted is not None or plain:
                parameters[name] = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
        position = _after(_SEPARATORS, header, _after(_INVALID, header, position))
    return found


def _after(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


class AuthScope(NamedTuple):
    """What a request to a registry is about.

    Args:
        home: The server of the registry.
        registry: The canonical name of the registry, by which its credential is found.
        repository: The repository.
        secret_arn: The ARN of the secret that the template sets for the image, or empty.
    """

    home: Endpoint
    registry: str
    repository: str
    secret_arn: str = ""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token is for; equal requests get the same token.

    Args:
        realm: The URL of the token service, as sent by the registry.
        service: The name that the registry has for itself, or empty.
        scope: The permission, such as `repository:library/nginx:pull`.
        credential: The credential to authenticate with.
        home: The server of the registry.
        peer: The scope of the address at which the registry was reached.
        alias: What messages call the service instead of its URL, or empty. See `Request`.
    """

    realm: str
    service: str
    scope: str
    credential: Credentials
    home: Endpoint
    peer: AddressScope
    alias: str = field(default="", compare=False)


class TokenService:
    """Gets tokens with `sender` from the services that registries refer to, and keeps them for the run.

    `hosts` lists the servers that may have an address inside this network.
    """

    def __init__(self, sender: Sender, hosts: RegistryHosts) -> None:
        self._sender = sender
        self._hosts = hosts
        self._tokens: KeyedCache[TokenRequest, str] = KeyedCache()

    def token(self, request: TokenRequest, deadline: Deadline, *, refused: str | None = None) -> str:
        """Return a token other than `refused`, which the registry does not accept any more.

        Raises:
            SourceError: The service must not be used, or returns no token.
        """
        return self._tokens.get(request, lambda: self._fetch(request, deadline), deadline, stale=refused)

    def _fetch(self, request: TokenRequest, deadline: Deadline) -> str:
        url = parse_http_url(request.realm)
        reply = self._sender.send(_http_request(request, url, self._allowed_scope(url, request)), deadline)
        if reply.status not in _SUCCESS:
            raise _token_refused(request, reply)
        return _token_in(request, reply)

    def _allowed_scope(self, url: Url, request: TokenRequest) -> AddressScope:
        """Return the closest addresses at which the service may be, or refuse it.

        The service of a registry in a private network is there too, for example GitLab's. A registry on the internet
        must not refer to a service in a private network.
        """
        refuse_user(url, "a token service", request.alias)
        service, home = Endpoint.of(url), request.home
        if not {name for name, _ in parse_qsl(url.query or "", keep_blank_values=True)} <= _TOKEN_PARAMETERS:
            raise SourceError(
                "the registry refers to a token service with other parameters than those of a token request",
                "contact the registry owner to remove them from the URL",
            )
        listed = self._hosts.is_listed(service)
        if service.scheme == "http" and not (home.scheme == "http" and (listed or service == home)):
            target, help = Target(url, request.alias), "contact the registry owner"
            if home.scheme == "http" and not request.alias:
                help += f", or {Advice.INSECURE_REGISTRY.format(target.server)}"
            raise SourceError(
                f"the registry refers to a token service over plain HTTP, {target.resource}, which gets no credentials",
                help,
            )
        if not self._hosts.may_be_token_service(service, home):
            raise SourceError(
                f"the registry refers to a token service at another domain, {HIDDEN if request.alias else url.host}",
                f"if {home} may use it, list it in IMAGE_PINNER_TOKEN_SERVICES; otherwise contact the registry owner",
            )
        if listed or service == home:
            return AddressScope.SPECIAL
        return min(request.peer, AddressScope.LOOPBACK)


def _http_request(request: TokenRequest, url: Url, allowed_scope: AddressScope) -> Request:
    credential = request.credential
    service = [("service", request.service)] if request.service else []
    match credential:
        case IdentityToken():
            form = [("grant_type", "refresh_token"), *service, ("scope", request.scope), ("client_id", _CLIENT)]
            return Request(
                url.url,
                {"Content-Type": "application/x-www-form-urlencoded"},
                "POST",
                urlencode([*form, ("refresh_token", credential.token)]).encode("ascii"),
                allowed_scope,
                alias=request.alias,
            )
        case Password():
            headers = {"Authorization": credential.basic()}
        case NoCredentials():
            headers = {}
        case _:
            assert_never(credential)
    query = urlencode([*service, *(("scope", scope) for scope in request.scope.split())])
    target = url._replace(query=f"{url.query}&{query}" if url.query else query, fragment=None)
    return Request(target.url, headers, allowed_scope=allowed_scope, alias=request.alias)


def _name_service(request: TokenRequest, reply: Reply) -> str:
    return reply.url if request.alias else f"token service {reply.url}"


def _token_refused(request: TokenRequest, reply: Reply) -> SourceError:
    # Nothing of the response is shown: the service knows the credentials, and the registry chose its URL.
    credential = request.credential
    cause = f"{'' if request.alias else 'token service '}{reply} for {credential.source}"
    if reply.status in _DENIED or (reply.status == THROTTLED and isinstance(credential, NoCredentials)):
        return SourceError(cause, credential.help)
    return SourceError(cause, "retry in a few minutes; if it fails again, check the registry's status page")


def _token_in(request: TokenRequest, reply: Reply) -> str:
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    found = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
    if not isinstance(found, str) or not _SENDABLE_TOKEN.fullmatch(found):
        raise SourceError(
            f"{_name_service(request, reply)} returned no usable token",
            "check that this is the token service of the registry, and contact its owner",
        )
    return found


@dataclass(frozen=True, slots=True)
class Authorization:
    """The value of an `Authorization` header, which is never printed, and the credential behind it."""

    header: str = field(repr=False)
    credential: Credentials

    @property
    def token(self) -> str:
        """The header without its scheme."""
        return self.header.partition(" ")[2]


class Authorizer:
    """Answers the challenges of registries, for one run."""

    def __init__(self, sender: Sender, hosts: RegistryHosts, credentials: CredentialSource) -> None:
        self._credentials = credentials
        self._tokens = TokenService(sender, hosts)
        self._found: KeyedCache[tuple[str, str], Credentials] = KeyedCache()
        self._accepted: dict[AuthScope, Authorization] = {}
        self._given: set[Endpoint] = set()

    def knows_credentials(self, home: Endpoint) -> bool:
        """Return whether this registry, or its token service, may have got credentials in this run."""
        return home in self._given

    def accepted(self, scope: AuthScope) -> Authorization | None:
        """Return what the registry has accepted for this repository, so that it need not send a challenge again."""
        return self._accepted.get(scope)

    def remember(self, scope: AuthScope, authorization: Authorization) -> None:
        """Keep what the registry has accepted for this repository.

        What it has not accepted is not kept: its next challenge gets the same token, not a new one.
        """
        self._accepted[scope] = authorization

    def has_credentials(self, scope: AuthScope, deadline: Deadline) -> bool:
        """Return whether there are credentials for a repository.

        Raises:
            ConfigurationError: A credential is configured and cannot be read.
        """
        return not isinstance(self._credential(scope, deadline), NoCredentials)

    def answer(
        self,
        reply: Reply,
        scope: AuthScope,
        used: Authorization | None,
        deadline: Deadline,
        *,
        about_repository: bool = True,
    ) -> Authorization:
        """Return what to send after a response with status 401 to a request that sent `used`.

        The permission in a challenge for another request than one `about_repository` is ignored.

        Raises:
            SourceError: The registry requires something that is not available.
            ConfigurationError: A credential is configured and cannot be read.
        """
        challenge = _choose(reply, parse_challenges(reply.headers.getlist("WWW-Authenticate")))
        credential = self._credential(scope, deadline)
        alias = f"the token service of {scope.home}" if self.knows_credentials(scope.home) else ""
        if not isinstance(credential, NoCredentials):
            self._given.add(scope.home)
        if challenge.scheme == _BASIC:
            return Authorization(_basic(reply, credential), credential)
        realm = challenge.parameters.get("realm", "")
        if not realm:
            raise SourceError(f"{reply.url} requires a token without a service for it", "contact the registry owner")
        permission = challenge.parameters.get("scope") if about_repository else ""
        request = TokenRequest(
            realm,
            challenge.parameters.get("service", ""),
            permission or f"repository:{scope.repository}:pull",
            credential,
            scope.home,
            reply.peer,
            alias,
        )
        token = self._tokens.token(request, deadline, refused=used.token if used else None)
        return Authorization(f"Bearer {token}", credential)

    def _credential(self, scope: AuthScope, deadline: Deadline) -> Credentials:
        if scope.home.scheme != "https":
            # Anyone on the network could read it, so it is not even looked up.
            return NoCredentials(
                "none are sent over plain HTTP",
                f"install a certificate for {scope.registry} and set its CA file in IMAGE_PINNER_CA_BUNDLES",
            )
        found = self._found.get(
            (scope.registry, scope.secret_arn),
            lambda: self._credentials.for_registry(scope.registry, deadline, scope.secret_arn),
            deadline,
        )
        return found.of(scope.repository)


def _choose(reply: Reply, challenges: tuple[Challenge, ...]) -> Challenge:
    supported = [challenge for challenge in challenges if challenge.scheme in {_BEARER, _BASIC}]
    for is_preferred in (_has_realm, lambda challenge: challenge.scheme == _BASIC, lambda _: True):
        for challenge in supported:
            if is_preferred(challenge):
                return challenge
    offered = ", ".join(challenge.scheme for challenge in challenges[:_MAX_SCHEMES])
    raise SourceError(
        f"{reply.url} requires credentials and "
        + (f"accepts only the schemes {reply.quote(offered)}" if offered else "sent no challenge for them"),
        "contact the registry owner: the supported schemes are Bearer and Basic",
    )


def _has_realm(challenge: Challenge) -> bool:
    """Return whether a challenge for a token has a service that can be requested."""
    if challenge.scheme != _BEARER:
        return False
    try:
        parse_http_url(challenge.parameters.get("realm", ""))
    except SourceError:
        return False
    return True


def _basic(reply: Reply, credential: Credentials) -> str:
    match credential:
        case Password():
            return credential.basic()
        case NoCredentials():
            raise SourceError(f"{reply.url} requires a user and a password; {credential.source}", credential.help)
        case IdentityToken():
            raise SourceError(
                f"{reply.url} requires a user and a password, but {credential.source} contain an identity token",
                "configure a user and a password, or an access token as the password",
            )
        case _:
            assert_never(credential)
