"""Documents: manifests and indexes, configs of images, docker's config file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never, cast

from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError
from image_pinner.core.images.lookups import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Resolved,
)
from image_pinner.core.images.manifests import parse_index, read_config_platform, read_manifest
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest
from image_pinner.core.images.selection import NeedsConfig, select_from_config, select_from_manifest
from image_pinner.sources.credentials.docker_config import (
    DOCKER_HUB_SERVER,
    DockerConfigCredentials,
    Login,
    parse_docker_config,
)
from image_pinner.sources.credentials.interface import Credential, IdentityToken, NoCredential, Password
from image_pinner.sources.interface import Deadline
from support.untrusted_input import ORIGIN, QUESTIONS, HeldFile, expect_answer, expect_message, readable

HOSTS = ("docker.io", "ghcr.io", "registry.example:5000", "[::1]:5000", "unnamed.example")
_NOBODYS_HOST = "unnamed.example"


def manifests(data: bytes) -> None:
    """A manifest or an index, asked every question under each media type of its family."""
    read = readable(read_manifest, data)
    entries = readable(parse_index, data)
    assert isinstance(read, Mapping | SourceError)
    assert isinstance(entries, tuple | SourceError)
    listed = entries if isinstance(entries, tuple) else ()
    types = (OCI_INDEX, OCI_MANIFEST) if len(data) % 2 else (DOCKER_LIST, DOCKER_MANIFEST)
    for media_type in types:
        found = Resolved(Digest.of(data), media_type, ORIGIN)
        for lookup in QUESTIONS:
            expect_answer(lookup, found, listed, select_from_manifest(lookup, found, data))


def configs(data: bytes) -> None:
    """The config of an image for a single platform."""
    digest = Digest.of(data)
    offered = readable(read_config_platform, data, digest)
    assert isinstance(offered, Platform | SourceError)
    needs = NeedsConfig(Resolved(Digest.of(b"manifest"), OCI_MANIFEST, ORIGIN), digest)
    for lookup in QUESTIONS:
        if lookup.platform is None:
            continue
        answer = select_from_config(lookup, needs, data)
        expect_answer(lookup, needs.resolved, (), answer)
        assert not isinstance(answer, Resolved) or answer.platforms == (offered,)


def docker_configs(data: bytes) -> None:
    """Docker's config file, and the logins that it gives to a few hosts."""
    path = cast("Path", HeldFile(data))
    config = readable(parse_docker_config, path, data)
    source = DockerConfigCredentials(path, _ask_helper)
    for host in HOSTS:
        credential = readable(source.for_registry, host, Deadline.after(5))
        assert not isinstance(config, ConfigurationError) or isinstance(credential, ConfigurationError)
        if isinstance(credential, ImagePinnerError):
            assert isinstance(credential, ConfigurationError | SourceError)
        else:
            _expect_credential(credential, host, data)


def _expect_credential(credential: Credential, host: str, data: bytes) -> None:
    expect_message(credential.source)
    expect_message(credential.advice)
    assert "s3cr3t" not in repr(credential)
    match credential:
        case NoCredential():
            return
        case Password():
            assert credential.basic().isascii()
        case IdentityToken():
            credential.token.encode()
        case _:
            assert_never(credential)
    from_helper = "docker-credential-" in credential.source
    assert host != _NOBODYS_HOST or from_helper or _NOBODYS_HOST in data.decode().lower()


def _ask_helper(name: str, server: str, _: Deadline) -> Login | None:
    assert server in {DOCKER_HUB_SERVER, *HOSTS}
    # The one that runs programs takes fewer names still.
    if not name.isprintable() or len(name) % 3 == 0:
        raise SourceError("the helper failed", "Mend it")
    return Login("<token>" if len(name) % 2 else "user", "s3cr3t") if "login" in name else None
