"""Find the credentials that Docker and podman use on a user's machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from image_pinner.cli.credentials.docker_config import (
    DockerConfigCredentials,
    docker_config_path,
    parse_docker_config,
    read_auths,
)
from image_pinner.core.errors import ConfigurationError
from image_pinner.sources.credentials.interface import Credentials, CredentialSource, NoCredentials
from image_pinner.sources.interface import Deadline

_VARIABLE = "DOCKER_AUTH_CONFIG"


def local_credentials(environment: Mapping[str, str], home: Path) -> list[CredentialSource]:
    """Return the sources in their order: what a variable sets explicitly, Docker's config file, podman's auth files."""
    sources: list[CredentialSource] = []
    if content := environment.get(_VARIABLE):
        sources.append(DockerAuthConfig(content))
    if explicit := environment.get("REGISTRY_AUTH_FILE"):
        sources.append(DockerConfigCredentials(Path(explicit)))
    sources.append(DockerConfigCredentials(docker_config_path(environment, home)))
    if not explicit:
        sources += [DockerConfigCredentials(path, if_present=True) for path in auth_file_paths(environment, home)]
    return sources


def auth_file_paths(environment: Mapping[str, str], home: Path) -> tuple[Path, Path]:
    """Return the paths at which podman stores credentials, for this session and permanently.

    https://github.com/containers/image/blob/v5.36.2/docs/containers-auth.json.5.md
    """
    runtime = environment.get("XDG_RUNTIME_DIR")
    user = os.getuid() if hasattr(os, "getuid") else 0
    session = Path(runtime, "containers") if runtime else Path(f"/run/containers/{user}")
    permanent = Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "containers")
    return session / "auth.json", permanent / "auth.json"


class DockerAuthConfig:
    """Reads credentials in `content`, the value of `DOCKER_AUTH_CONFIG`: the `auths` of Docker's config file.

    https://docs.docker.com/reference/cli/docker/#environment-variables
    """

    def __init__(self, content: str) -> None:
        self._content = content

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:  # noqa: ARG002 - an AWS secret
        """See `CredentialSource.for_registry`."""
        help = f"store current credentials in {_VARIABLE}, or unset it"
        try:
            config = parse_docker_config(Path(_VARIABLE), self._content.encode("utf-8", "surrogateescape"))
        except ConfigurationError as error:
            raise ConfigurationError(error.cause.replace("the file is", "the value is"), help) from None
        # Docker does not use helpers that this variable names.
        found = read_auths(config, registry, NoCredentials(f"{_VARIABLE} has none", help))
        # Messages do not mention it without help.
        return replace(found, help="") if isinstance(found, NoCredentials) else found
