"""Bearer tokens: asked of the service that a registry names, once per scope in a run.

https://distribution.github.io/distribution/spec/auth/token/ with a password or nothing, and
https://distribution.github.io/distribution/spec/auth/oauth/ with an identity token.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import urlencode

from urllib3.util import Url

from image_pinner.core.errors import SourceError
from image_pinner.sources.credentials.interface import Credential, IdentityToken, NoCredential, Password
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.diagnostics import said
from image_pinner.sources.http.faults import bare, parsed
from image_pinner.sources.http.hosts import Endpoint, RegistryHosts, refuse_user_in
from image_pinner.sources.http.messages import Reply, Request, Sender, told
from image_pinner.sources.interface import Deadline
from image_pinner.sources.once import OncePerKey

_OK = 200
_DENIED = (400, 401, 403)
_THROTTLED = 429
_CLIENT = "image-pinner"
# A token becomes a header: https://www.rfc-editor.org/rfc/rfc6750#section-2.1. Some services leave its alphabet.
_TOKEN = re.compile(r"[!-~]{1,32768}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenQuestion:
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
    credential: Credential
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
        self._tokens: OncePerKey[TokenQuestion, str] = OncePerKey()

    def token(self, question: TokenQuestion, deadline: Deadline, *, refused: str | None = None) -> str:
        """Give a token.

        Args:
            question: What it is for.
            deadline: When to give up.
            refused: A token that the registry does not take any more.

        Returns:
            The token: printable, without white space.

        Raises:
            SourceError: There is none, or the service is one that we do not ask.
        """
        return self._tokens.get(question, lambda: self._ask(question, deadline), deadline, instead_of=refused)

    def _ask(self, question: TokenQuestion, deadline: Deadline) -> str:
        url = parsed(question.realm)
        nearest = self._nearest(url, question)
        reply = self._sender.send(_request(question, url, nearest), deadline)
        if reply.status != _OK:
            raise _refused(question, reply)
        return _token_in(reply)

    def _nearest(self, url: Url, question: TokenQuestion) -> AddressScope:
        """Give the nearest address at which the service may be, or refuse it.

        A registry inside a private network has its service there too, GitLab's for example; one on the internet has
        no business there.
        """
        refuse_user_in(url, "a token service")
        service, home = Endpoint.of(url), question.home
        listed = self._hosts.is_listed(service)
        if service.scheme == "http" and not (home.scheme == "http" and (listed or service == home)):
            raise SourceError(
                f"the registry names a token service by plain http, {bare(url)}, and no login is sent that way",
                "Ask the registry's owner; a service by plain http is asked only where the operator lists the registry "
                "and the service as insecure hosts",
            )
        if listed or service == home:
            return AddressScope.SPECIAL
        return min(question.peer, AddressScope.LOOPBACK)


def _request(question: TokenQuestion, url: Url, nearest: AddressScope) -> Request:
    credential = question.credential
    service = [("service", question.service)] if question.service else []
    match credential:
        case IdentityToken():
            form = [("grant_type", "refresh_token"), *service, ("scope", question.scope), ("client_id", _CLIENT)]
            return Request(
                url.url,
                {"Content-Type": "application/x-www-form-urlencoded"},
                "POST",
                urlencode([*form, ("refresh_token", credential.token)]).encode("ascii"),
                nearest,
            )
        case Password():
            headers = {"Authorization": credential.basic()}
        case NoCredential():
            headers = {}
        case _:
            assert_never(credential)
    query = urlencode([*service, *(("scope", scope) for scope in question.scope.split())])
    asked = url._replace(query=f"{url.query}&{query}" if url.query else query, fragment=None)
    return Request(asked.url, headers, nearest=nearest)


def secrets_of(credential: Credential) -> tuple[str, ...]:
    """Give the texts of a credential that no message may show."""
    match credential:
        case Password():
            return (credential.password, credential.basic().removeprefix("Basic "))
        case IdentityToken():
            return (credential.token,)
        case NoCredential():
            return ()
        case _:
            assert_never(credential)


def _refused(question: TokenQuestion, reply: Reply) -> SourceError:
    credential = question.credential
    answer = said(reply.body, reply.header("Content-Type"), secrets_of(credential))
    cause = (
        f"the token service {reply.url} answered {reply.status}{told(reply.tries)}"
        f"{f', {answer!r},' if answer else ''} to {credential.source}"
    )
    if reply.status in _DENIED or (reply.status == _THROTTLED and isinstance(credential, NoCredential)):
        return SourceError(cause, credential.advice)
    return SourceError(cause, "Try again in some minutes, and look at the registry's status page if it goes on")


def _token_in(reply: Reply) -> str:
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    found = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
    if not isinstance(found, str) or not _TOKEN.fullmatch(found):
        raise SourceError(
            f"the token service {reply.url} answered without a token that can be used",
            "Check that this is the registry's token service, and ask its owner",
        )
    return found
