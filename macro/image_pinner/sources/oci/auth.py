"""Authenticate to an OCI registry: challenges, bearer tokens and basic credentials.

https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1

https://distribution.github.io/distribution/spec/auth/token/ with a password or nothing, and
https://distribution.github.io/distribution/spec/auth/oauth/ with an identity token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, assert_never
from urllib.parse import urlencode

from urllib3.util import Url

from image_pinner.core.errors import SourceError
from image_pinner.sources.concurrency import KeyedCache
from image_pinner.sources.credentials.interface import (
    Credentials,
    CredentialSource,
    IdentityToken,
    NoCredentials,
    Password,
)
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts, refuse_user_in
from image_pinner.sources.http.errors import bare, parsed
from image_pinner.sources.http.messages import Reply, Request, Sender, told
from image_pinner.sources.http.redaction import said, shown
from image_pinner.sources.interface import Deadline

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 and the two sections behind it
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PARAMETER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?=[^=, \t])")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))")
_BETWEEN = re.compile(r"[ \t,]*")
_SPACES = re.compile(r"[ \t]*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate that a server offers.

    Args:
        scheme: The scheme in lower case: `bearer`, `basic`.
        parameters: The parameters, their names in lower case.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Read the challenges of an answer.

    Args:
        headers: The values of its `WWW-Authenticate` headers; one may hold several challenges.

    Returns:
        The challenges in their order.

    Raises:
        SourceError: A header breaks the grammar, or says one thing twice.
    """
    return tuple(challenge for header in headers for challenge in _Reader(header).challenges())


class _Reader:
    """Reads one header from its left to its right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = _end(_BETWEEN.match(text))

    def challenges(self) -> list[Challenge]:
        """Read all that is there."""
        found: list[Challenge] = []
        while self._at < len(self._text):
            scheme = self._take(_TOKEN)
            if scheme is None:
                raise _unreadable("a scheme is missing", self._at)
            found.append(Challenge(scheme[0].lower(), self._parameters()))
        return found

    def _parameters(self) -> dict[str, str]:
        start = self._at
        self._take(_SPACES)
        if self._at > start and self._take(_TOKEN68):
            self._take(_BETWEEN)
            return {}
        found: dict[str, str] = {}
        self._take(_BETWEEN)
        while name := self._take(_PARAMETER):
            if name[1].lower() in found:
                raise _unreadable(f"it says {name[1].lower()!r} twice", name.start())
            found[name[1].lower()] = self._value()
        return found

    def _value(self) -> str:
        if quoted := self._take(_QUOTED):
            value = _ESCAPED.sub(r"\1", quoted[1])
        elif plain := self._take(_TOKEN):
            value = plain[0]
        else:
            raise _unreadable("a value is missing or has no end", self._at)
        start = self._at
        between = self._take(_BETWEEN)
        if self._at < len(self._text) and "," not in (between[0] if between else ""):
            raise _unreadable("a comma is missing", start)
        return value

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


def _unreadable(rule: str, position: int) -> SourceError:
    return SourceError(
        f"the registry's WWW-Authenticate header cannot be read: {rule} (at character {position + 1})",
        "Check that the host is a registry, and what stands between it and us",
    )


_OK = 200
_DENIED = (400, 401, 403)
_THROTTLED = 429
_CLIENT = "image-pinner"
# A token becomes a header: https://www.rfc-editor.org/rfc/rfc6750#section-2.1. Some services leave its alphabet.
_SENDABLE_TOKEN = re.compile(r"[!-~]{1,32768}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token is for. Equal questions get one token.

    Args:
        realm: The URL of the service, as the registry named it.
        service: The registry's name for itself, or empty.
        scope: What is to be done, `repository:library/nginx:pull` for example.
        credential: Who asks.
        home: The registry that named the service.
        peer: How near the address is at which the registry was reached.
    """

    realm: str
    service: str
    scope: str
    credential: Credentials
    home: Endpoint
    peer: AddressScope


class TokenService:
    """Gets tokens from whichever service a registry names, and keeps them for the run.

    Args:
        sender: Sends the requests.
        hosts: Knows which hosts the operator listed.
    """

    def __init__(self, sender: Sender, hosts: RegistryHosts) -> None:
        self._sender = sender
        self._hosts = hosts
        self._tokens: KeyedCache[TokenRequest, str] = KeyedCache()

    def token(self, lookup: TokenRequest, deadline: Deadline, *, refused: str | None = None) -> str:
        """Give a token.

        Args:
            lookup: What it is for.
            deadline: When to give up.
            refused: A token that the registry does not take any more.

        Returns:
            The token: printable, without white space.

        Raises:
            SourceError: There is none, or the service is one that we do not ask.
        """
        return self._tokens.get(lookup, lambda: self._ask(lookup, deadline), deadline, stale=refused)

    def _ask(self, lookup: TokenRequest, deadline: Deadline) -> str:
        url = parsed(lookup.realm)
        allowed_scope = self._nearest(url, lookup)
        reply = self._sender.send(_request(lookup, url, allowed_scope), deadline)
        if reply.status != _OK:
            raise _refused(lookup, reply)
        return _token_in(reply)

    def _nearest(self, url: Url, lookup: TokenRequest) -> AddressScope:
        """Give the nearest address at which the service may be, or refuse it.

        A registry inside a private network has its service there too, GitLab's for example; one on the internet has
        no business there.
        """
        refuse_user_in(url, "a token service")
        service, home = Endpoint.of(url), lookup.home
        listed = self._hosts.is_listed(service)
        if service.scheme == "http" and not (home.scheme == "http" and (listed or service == home)):
            raise SourceError(
                f"the registry names a token service by plain http, {bare(url)}, and no login is sent that way",
                "Ask the registry's owner; a service by plain http is asked only where the operator lists the registry "
                "and the service as insecure hosts",
            )
        if listed or service == home:
            return AddressScope.SPECIAL
        return min(lookup.peer, AddressScope.LOOPBACK)


def _request(lookup: TokenRequest, url: Url, allowed_scope: AddressScope) -> Request:
    credential = lookup.credential
    service = [("service", lookup.service)] if lookup.service else []
    match credential:
        case IdentityToken():
            form = [("grant_type", "refresh_token"), *service, ("scope", lookup.scope), ("client_id", _CLIENT)]
            return Request(
                url.url,
                {"Content-Type": "application/x-www-form-urlencoded"},
                "POST",
                urlencode([*form, ("refresh_token", credential.token)]).encode("ascii"),
                allowed_scope,
            )
        case Password():
            headers = {"Authorization": credential.basic()}
        case NoCredentials():
            headers = {}
        case _:
            assert_never(credential)
    query = urlencode([*service, *(("scope", scope) for scope in lookup.scope.split())])
    asked = url._replace(query=f"{url.query}&{query}" if url.query else query, fragment=None)
    return Request(asked.url, headers, allowed_scope=allowed_scope)


def secrets_of(credential: Credentials) -> tuple[str, ...]:
    """Give the texts of a credential that no message may show."""
    match credential:
        case Password():
            return (credential.password, credential.basic().removeprefix("Basic "))
        case IdentityToken():
            return (credential.token,)
        case NoCredentials():
            return ()
        case _:
            assert_never(credential)


def _refused(lookup: TokenRequest, reply: Reply) -> SourceError:
    credential = lookup.credential
    answer = said(reply.body, reply.header("Content-Type"), secrets_of(credential))
    cause = (
        f"the token service {reply.url} answered {reply.status}{told(reply.attempts)}"
        f"{f', {answer!r},' if answer else ''} to {credential.source}"
    )
    if reply.status in _DENIED or (reply.status == _THROTTLED and isinstance(credential, NoCredentials)):
        return SourceError(cause, credential.help)
    return SourceError(cause, "Try again in some minutes, and look at the registry's status page if it goes on")


def _token_in(reply: Reply) -> str:
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    found = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
    if not isinstance(found, str) or not _SENDABLE_TOKEN.fullmatch(found):
        raise SourceError(
            f"the token service {reply.url} answered without a token that can be used",
            "Check that this is the registry's token service, and ask its owner",
        )
    return found


_BEARER, _BASIC = "bearer", "basic"
_MAX_SCHEMES = 5  # that a message names


@dataclass(frozen=True, slots=True)
class Authorization:
    """What is sent to a registry, and the words about it.

    Args:
        header: The value of the `Authorization` header; it is never shown.
        credential: The credential behind it.
    """

    header: str = field(repr=False)
    credential: Credentials

    def secrets(self) -> tuple[str, ...]:
        """Give the texts that no message may show."""
        return (self.header.partition(" ")[2], *secrets_of(self.credential))


class AuthScope(NamedTuple):
    """What a registry is asked about.

    Args:
        home: The registry's server.
        registry: The name under which its credential is kept.
        repository: The repository.
        secret_arn: The ARN of the secret that the template names for the image, or empty.
    """

    home: Endpoint
    registry: str
    repository: str
    secret_arn: str = ""


class Authorizer:
    """Answers the challenges of registries, for one run.

    Args:
        sender: Sends the requests for tokens.
        hosts: Knows which hosts the operator listed.
        credentials: Knows the credentials.
    """

    def __init__(self, sender: Sender, hosts: RegistryHosts, credentials: CredentialSource) -> None:
        self._credentials = credentials
        self._tokens = TokenService(sender, hosts)
        self._found: KeyedCache[tuple[str, str], Credentials] = KeyedCache()
        self._known: dict[AuthScope, Authorization] = {}

    def known(self, subject: AuthScope) -> Authorization | None:
        """Give what this registry took for this repository before, so that it need not demand it again."""
        return self._known.get(subject)

    def answer(self, reply: Reply, subject: AuthScope, used: Authorization | None, deadline: Deadline) -> Authorization:
        """Answer a registry that demands to know who asks.

        Args:
            reply: The registry's answer, a 401.
            subject: What is asked about.
            used: What was sent with the request, or `None`.
            deadline: When to give up.

        Returns:
            What to send with the next request.

        Raises:
            SourceError: The demand cannot be met.
            ConfigurationError: A credential is configured in a way that cannot be read.
        """
        challenge = _chosen(reply, parse_challenges(reply.headers.getlist("WWW-Authenticate")))
        credential = self._credential(subject, deadline)
        if challenge.scheme == _BASIC:
            header = _basic(reply, credential)
        else:
            refused = used.header.partition(" ")[2] if used else None
            lookup = _question(challenge, credential, reply, subject)
            header = f"Bearer {self._tokens.token(lookup, deadline, refused=refused)}"
        return Authorization(header, credential)

    def _credential(self, subject: AuthScope, deadline: Deadline) -> Credentials:
        if subject.home.scheme != "https":
            # Who listens on the way would have it: it is not even looked for.
            return NoCredentials(
                "none are sent over plain HTTP",
                f"Give {subject.registry} a certificate, and name its authority in IMAGE_PINNER_CA_BUNDLES",
            )
        key = (subject.registry, subject.secret_arn)
        return self._found.get(
            key, lambda: self._credentials.for_registry(subject.registry, deadline, subject.secret_arn), deadline
        )

    def remember(self, subject: AuthScope, authorization: Authorization) -> None:
        """Keep what a registry took, so that it is sent at once for the next image of this repository.

        What it did not take is not kept: its next demand is met with the same token, not with a new one.
        """
        self._known[subject] = authorization


def _chosen(reply: Reply, challenges: Sequence[Challenge]) -> Challenge:
    for scheme in (_BEARER, _BASIC):
        for challenge in challenges:
            if challenge.scheme == scheme:
                return challenge
    offered = ", ".join(challenge.scheme for challenge in challenges[:_MAX_SCHEMES])
    raise SourceError(
        f"{reply.url} demands a login and " + (f"takes only {shown(offered)}" if offered else "does not say which"),
        "Bearer and Basic are what we know; ask the registry's owner",
    )


def _question(challenge: Challenge, credential: Credentials, reply: Reply, subject: AuthScope) -> TokenRequest:
    realm = challenge.parameters.get("realm", "")
    if not realm:
        raise SourceError(f"{reply.url} demands a token and names no service for it", "Ask the registry's owner")
    return TokenRequest(
        realm,
        challenge.parameters.get("service", ""),
        challenge.parameters.get("scope") or f"repository:{subject.repository}:pull",
        credential,
        subject.home,
        reply.peer,
    )


def _basic(reply: Reply, credential: Credentials) -> str:
    match credential:
        case Password():
            return credential.basic()
        case NoCredentials():
            raise SourceError(f"{reply.url} demands a user and a password; {credential.source}", credential.help)
        case IdentityToken():
            raise SourceError(
                f"{reply.url} demands a user and a password, but {credential.source} are an identity token",
                "Log in again with a user and a password, or an access token in its place",
            )
        case _:
            assert_never(credential)
