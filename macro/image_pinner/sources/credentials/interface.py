"""Registry credentials, and the protocol that each source of them implements."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

from image_pinner.core.registry_config import SecretLocation
from image_pinner.sources.interface import Deadline

FindCredentials = Callable[[str], "Credentials | None"]
"""Returns the credentials for the part of a registry that a repository is in; `None` if there are none."""


@dataclass(frozen=True, slots=True)
class _ForRegistry:
    """The credentials for a registry; `parts` find those for parts of it, which take precedence in this order."""

    parts: tuple[FindCredentials, ...] = field(default=(), repr=False, compare=False, kw_only=True)

    def of(self, repository: str) -> Credentials:
        """Return the credentials for a repository of the registry."""
        found = (find(repository) for find in self.parts)
        return next((credentials for credentials in found if credentials), cast("Credentials", self))


@dataclass(frozen=True, slots=True)
class NoCredentials(_ForRegistry):
    """There are no credentials for the registry, so that requests to it are anonymous.

    `reason` is a clause, and `help` is how to provide credentials; it is empty where the source has nothing to add.
    `refused` is set where credentials exist but must not be used.
    """

    reason: str
    help: str
    refused: bool = False

    @property
    def source(self) -> str:
        """Describe the credentials in a message, as the other kinds do."""
        return f"no credentials ({self.reason})"


@dataclass(frozen=True, slots=True)
class Password(_ForRegistry):
    """A user name and a password, or an access token instead.

    `source` is a noun phrase that names the credentials in messages, and `help` is how to renew them.
    """

    user: str = field(repr=False)
    password: str = field(repr=False)
    source: str
    help: str

    def basic(self) -> str:
        """Return the value of an `Authorization` header: https://www.rfc-editor.org/rfc/rfc7617."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class IdentityToken(_ForRegistry):
    """A token that is exchanged for access tokens: https://distribution.github.io/distribution/spec/auth/oauth/.

    `source` and `help` are those of `Password`.
    """

    token: str = field(repr=False)
    source: str
    help: str


Credentials = NoCredentials | Password | IdentityToken


class CredentialSource(Protocol):
    """Provides registry credentials."""

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:
        """Return the credentials for exactly this registry.

        `registry` is a host in lower case, with its port if it has one; `docker.io` for Docker Hub. `secret_arn` is the
        secret that the template sets for the image, or empty. The source that reads it decides whether it may be used
        for this registry.

        Raises:
            SourceError: Credentials may exist, but reading them failed.
            ConfigurationError: Credentials are configured, but invalid.
        """
        ...


class SecretReader(Protocol):
    """Reads secrets from AWS."""

    def read(self, location: SecretLocation, deadline: Deadline, /) -> str:
        """Return the content of a secret.

        Raises:
            SourceError: The secret cannot be read.
        """
        ...


class AnonymousCredentials:
    """A source without any credentials."""

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:  # noqa: ARG002 - none to choose from
        """See `CredentialSource.for_registry`."""
        return NoCredentials(
            "registry requests are anonymous here",
            f"copy the image from {registry} to an ECR repository, which needs no further credentials, and use it from "
            "there",
        )
