"""Several sources of credentials, asked in order."""

from __future__ import annotations

from collections.abc import Sequence

from image_pinner.sources.credentials.interface import AnonymousCredentials, Credential, CredentialSource, NoCredential
from image_pinner.sources.interface import Deadline

_BEGINNING = "no credential, for "


class CredentialChain:
    """Gives the credential of the first source that has one.

    A source that fails ends the search: were the next one asked, or the registry anonymously, the answer would be about
    another login than the one that was configured, and nobody would learn why.

    Args:
        sources: The sources, the one to be asked first in front.
    """

    def __init__(self, sources: Sequence[CredentialSource]) -> None:
        self._sources = tuple(sources)

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:
        """Give the credential for a registry.

        Args:
            registry: Its host in lower case, with its port where one is written; `docker.io` for Docker Hub.
            deadline: When to give up.
            secret_arn: The ARN of the secret that the template names for the image, or empty.

        Returns:
            The first credential for exactly this host. Where there is none, the words tell all that was looked at and
            advise what the first source does that has one and may not give it, or else the last source.

        Raises:
            SourceError: A source may have one, and it cannot be had.
            ConfigurationError: Where one should stand, something stands that cannot be read.
        """
        looked_at: list[NoCredential] = []
        for source in self._sources:
            credential = source.for_registry(registry, deadline, secret_arn)
            if not isinstance(credential, NoCredential):
                return credential
            looked_at.append(credential)
        return _none(looked_at) if looked_at else AnonymousCredentials().for_registry(registry, deadline)


def _none(looked_at: Sequence[NoCredential]) -> NoCredential:
    if len(looked_at) == 1:
        return looked_at[0]
    # One that advises nothing had nothing to look at.
    telling = [one for one in looked_at if one.advice] or looked_at
    told = next((one for one in telling if one.refused), telling[-1])
    reasons = "; ".join(one.source.removeprefix(_BEGINNING) for one in telling)
    return NoCredential(f"no credential: {reasons}", told.advice, refused=told.refused)
