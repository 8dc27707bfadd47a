"""Credentials that the operator configured, each for one registry.

A Lambda function takes them from Secrets Manager or the Parameter Store only: its environment variables can be read by
who may read its configuration, and its files by who may download its code.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import assert_never

from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.registry_places import CredentialPlace, FilePlace, SecretPlace, VariablePlace
from image_pinner.sources.credentials.contents import Found, read_content
from image_pinner.sources.credentials.interface import Credential, NoCredential, SecretReader
from image_pinner.sources.interface import Deadline

SETTING = "IMAGE_PINNER_CREDENTIALS"
"""The setting that says where credentials are."""

_MAX_BYTES = 64 * 1024  # what Secrets Manager takes at most


class ConfiguredCredentials:
    """Gives the credential that is configured for exactly this registry.

    Args:
        places: Where the credentials are.
        secrets: Reads those that AWS keeps.
        environment: The environment variables.
        local: Whether this is a person's machine, where variables and files may hold credentials.

    Raises:
        ConfigurationError: Two places are configured for one registry, or one that may not be used here.
    """

    def __init__(
        self, places: Iterable[CredentialPlace], secrets: SecretReader, environment: Mapping[str, str], *, local: bool
    ) -> None:
        self._places: dict[str, CredentialPlace] = {}
        self._secrets = secrets
        self._environment = environment
        for place in places:
            if place.registry in self._places:
                raise ConfigurationError(
                    f"{SETTING} has two places for the credential for {place.registry}", "Leave one of them"
                )
            if not local:
                _refuse_what_others_can_read(place)
            self._places[place.registry] = place

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:  # noqa: ARG002 - the template's
        """Give the credential that is configured for a registry. It is read with every call.

        Args:
            registry: Its host in lower case, with its port where one is written; `docker.io` for Docker Hub.
            deadline: When to give up.
            secret_arn: Not looked at: what a template names is no configuration.

        Returns:
            The credential for exactly this host, or none where none is configured.

        Raises:
            SourceError: AWS does not give it.
            ConfigurationError: The variable or file is not there, or what it says cannot be used.
        """
        entry = self._places.get(registry)
        if entry is None:
            return NoCredential(
                f"no credential, for none is configured for {registry}",
                f"Configure one with {SETTING}={registry}=<ARN of a secret>",
            )
        found = Found(registry, str(entry.place))
        match entry.place:
            case SecretPlace():
                return read_content(self._secrets.read(entry.place, deadline), found)
            case VariablePlace(name):
                return read_content(self._variable(name, found), found)
            case FilePlace(path):
                return read_content(_file(Path(path), found), found)
            case _:
                assert_never(entry.place)

    def _variable(self, name: str, found: Found) -> str:
        content = self._environment.get(name)
        if content is None:
            raise ConfigurationError(
                f"{found.source} cannot be had: the variable is not set", f"Set {name}, or correct {SETTING}"
            )
        return content


def _refuse_what_others_can_read(entry: CredentialPlace) -> None:
    match entry.place:
        case SecretPlace():
            return
        case VariablePlace():
            why = "who can read the function's configuration can read that"
        case FilePlace():
            why = "who can download the function's code can read that"
        case _:
            assert_never(entry.place)
    raise ConfigurationError(
        f"the credential for {entry.registry} is configured to be in {entry.place}, and {why}",
        f"Keep it in Secrets Manager or in a SecureString parameter, and give {SETTING} its ARN",
    )


def _file(path: Path, found: Found) -> str:
    unusable = f"{found.source} cannot be had"
    try:
        # A pipe or a device might never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError(f"{unusable}: it is no regular file", "Name a file that holds the credential")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{unusable}: there is no such file", f"Create the file, or correct {SETTING}"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{unusable}: {error.strerror}", "Give this user the right to read it") from None
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(
            f"{unusable}: the file has more than {_MAX_BYTES} bytes", "Name a file that holds only the credential"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise found.fault("it is not UTF-8") from None
