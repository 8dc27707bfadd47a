"""How a registry is shown who asks: what it demands, the credential for it, and the header that comes of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, assert_never

from image_pinner.core.errors import SourceError
from image_pinner.sources.credentials.interface import (
    Credential,
    CredentialSource,
    IdentityToken,
    NoCredential,
    Password,
)
from image_pinner.sources.http.diagnostics import shown
from image_pinner.sources.http.hosts import Endpoint, RegistryHosts
from image_pinner.sources.http.messages import Reply, Sender
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.challenges import Challenge, parse_challenges
from image_pinner.sources.oci.token_service import TokenQuestion, TokenService, secrets_of
from image_pinner.sources.once import OncePerKey

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
    credential: Credential

    def secrets(self) -> tuple[str, ...]:
        """Give the texts that no message may show."""
        return (self.header.partition(" ")[2], *secrets_of(self.credential))


class Subject(NamedTuple):
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
        self._found: OncePerKey[tuple[str, str], Credential] = OncePerKey()
        self._known: dict[Subject, Authorization] = {}

    def known(self, subject: Subject) -> Authorization | None:
        """Give what this registry took for this repository before, so that it need not demand it again."""
        return self._known.get(subject)

    def answer(self, reply: Reply, subject: Subject, used: Authorization | None, deadline: Deadline) -> Authorization:
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
            question = _question(challenge, credential, reply, subject)
            header = f"Bearer {self._tokens.token(question, deadline, refused=refused)}"
        return Authorization(header, credential)

    def _credential(self, subject: Subject, deadline: Deadline) -> Credential:
        if subject.home.scheme != "https":
            # Who listens on the way would have it: it is not even looked for.
            return NoCredential(
                "no credential, for none is sent by plain http",
                f"Give {subject.registry} a certificate, and name its authority in IMAGE_PINNER_CA_BUNDLES",
            )
        key = (subject.registry, subject.secret_arn)
        return self._found.get(
            key, lambda: self._credentials.for_registry(subject.registry, deadline, subject.secret_arn), deadline
        )

    def remember(self, subject: Subject, authorization: Authorization) -> None:
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


def _question(challenge: Challenge, credential: Credential, reply: Reply, subject: Subject) -> TokenQuestion:
    realm = challenge.parameters.get("realm", "")
    if not realm:
        raise SourceError(f"{reply.url} demands a token and names no service for it", "Ask the registry's owner")
    return TokenQuestion(
        realm,
        challenge.parameters.get("service", ""),
        challenge.parameters.get("scope") or f"repository:{subject.repository}:pull",
        credential,
        subject.home,
        reply.peer,
    )


def _basic(reply: Reply, credential: Credential) -> str:
    match credential:
        case Password():
            return credential.basic()
        case NoCredential():
            raise SourceError(f"{reply.url} demands a user and a password; {credential.source}", credential.advice)
        case IdentityToken():
            raise SourceError(
                f"{reply.url} demands a user and a password, and {credential.source} is an identity token",
                "Log in again with a user and a password, or an access token in its place",
            )
        case _:
            assert_never(credential)
