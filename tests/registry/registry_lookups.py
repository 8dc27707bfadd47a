"""Lookups at the registry program, over plain HTTP or with its certificate authority configured."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.sources.credentials.interface import AnonymousCredentials, CredentialSource
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.resolver import OciRegistryResolver
from registry.token_issuer import Guarded
from support.images import lookup
from support.registries import open_transport, resolve
from support.registry_program import USER, DockerRegistry


def resolve_at(
    registry: DockerRegistry, *lookups: ImageLookup, credentials: CredentialSource | None = None, **more: Any
) -> list[Resolution]:
    """Resolve at a registry that is insecure, or whose certificate authority is configured."""
    insecure = () if registry.ca_file else (registry.host,)
    transport = trusting(registry.host, registry.ca_file) if registry.ca_file else None
    return resolve(*lookups, insecure=insecure, credentials=credentials, transport=transport, **more)


def resolve_with_tokens(guarded: Guarded, *lookups: ImageLookup, credentials: CredentialSource) -> list[Resolution]:
    """Resolve at a registry with tokens, with the certificate authority configured for it and for the token service."""
    ca_file = guarded.registry.ca_file
    assert ca_file
    trust = Trust({guarded.registry.host: ca_file, guarded.service.host: ca_file})
    return resolve(*lookups, credentials=credentials, transport={"trust": trust})


def resolve_image(
    registry: DockerRegistry, image: str, platform: str = "", *, index_allowed: bool = True
) -> Resolution:
    """Resolve an image of a registry; `image` is written without the registry."""
    (answer,) = resolve_at(registry, lookup(f"{registry.host}/{image}", platform, index_allowed=index_allowed))
    return answer


def resolve_with_head(
    registry: DockerRegistry, image: str, platform: str = "", *, index_allowed: bool = True
) -> Resolution:
    """Resolve at a registry over plain HTTP as one that counts pulls."""
    wanted = lookup(f"{registry.host}/{image}", platform, index_allowed=index_allowed)
    hosts = RegistryHosts((registry.host,), pull_counting=(registry.host,))
    with open_transport() as transport:
        answers = OciRegistryResolver(transport, AnonymousCredentials(), hosts).resolve_all(
            [wanted], Deadline.after(10)
        )
    return answers[wanted]


def trusting(host: str, ca_file: Path) -> Mapping[str, Any]:
    """Return the arguments of a transport that trusts a CA for one host."""
    return {"trust": Trust({host: ca_file})}


def write_docker_config(directory: Path, registry: DockerRegistry, password: str) -> Path:
    """Write a docker config file with credentials for a registry."""
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    path = directory / "config.json"
    path.write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
    return path
