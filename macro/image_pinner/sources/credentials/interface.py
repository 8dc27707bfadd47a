"""Credentials: what a source of them gives for one registry, each with the words about it that a person may read."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Protocol

from image_pinner.core.registry_config import SecretLocation
from image_pinner.sources.interface import Deadline


@dataclass(frozen=True, slots=True)
class NoCredential:
    """There is none: the registry is asked as anybody could.

    Args:
        source: Where one was looked for, as a clause that begins with `no credential`.
        advice: How to give one, as a sentence without a full stop; empty where another source knows better.
        refused: Whether there is one that may not be used.
    """

    source: str
    advice: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Password:
    """A user and a password, or a token in its place.

    Args:
        user: The user.
        password: The password; it is never shown.
        source: Where it was found, as a clause that begins with `the credential`.
        advice: How to renew it, as a sentence without a full stop.
    """

    user: str = field(repr=False)
    password: str = field(repr=False)
    source: str
    advice: str

    def basic(self) -> str:
        """Give the `Authorization` header of https://www.rfc-editor.org/rfc/rfc7617."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """A token that is exchanged for others: https://distribution.github.io/distribution/spec/auth/oauth/.

    Args:
        token: The token; it is never shown.
        source: Where it was found, as a clause that begins with `the credential`.
        advice: How to renew it, as a sentence without a full stop.
    """

    token: str = field(repr=False)
    source: str
    advice: str


Credential = NoCredential | Password | IdentityToken


class CredentialSource(Protocol):
    """Knows credentials."""

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:
        """Give the credential for a registry.

        Args:
            registry: Its host in lower case, with its port where one is written; `docker.io` for Docker Hub.
            deadline: When to give up.
            secret_arn: The ARN of the secret that the template names for the image, or empty. Who reads it decides
                whether it may be used for this registry.

        Returns:
            The credential for exactly this host.

        Raises:
            SourceError: One may exist, and it cannot be had.
            ConfigurationError: Where it should stand, something stands that cannot be read.
        """
        ...


class SecretReader(Protocol):
    """Reads secrets that AWS keeps."""

    def read(self, place: SecretLocation, deadline: Deadline) -> str:
        """Read a secret.

        Args:
            place: Which one.
            deadline: When to give up.

        Returns:
            What it holds.

        Raises:
            SourceError: It cannot be had.
        """
        ...


class AnonymousCredentials:
    """Has none for anybody."""

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:  # noqa: ARG002 - asks nobody
        """Say that there is none for a registry, and what to do about it."""
        return NoCredential(
            "no credential, for registries are asked anonymously here",
            f"Copy the image from {registry} to a repository in ECR, which needs no further login, and name it there",
        )
