"""Fuzz the parsers of manifests, indexes, image configs and the config file of Docker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never, cast

from image_pinner.cli.credentials.docker_config import (
    DOCKER_HUB_SERVER,
    DockerConfigCredentials,
    HelperCredentials,
    check_helper_name,
    parse_docker_config,
)
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
from image_pinner.sources.credentials.interface import Credentials, IdentityToken, NoCredentials, Password
from image_pinner.sources.interface import Deadline
from support.untrusted_input import LOOKUPS, ORIGIN, HeldFile, expect_answer, expect_message, readable

HOSTS = ("docker.io", "ghcr.io", "registry.example:5000", "[::1]:5000", "unnamed.example")
_UNKNOWN_HOST = "unnamed.example"


def manifests(data: bytes) -> None:
    """Parse a manifest or an index, for every lookup and media type of its family."""
    read = readable(read_manifest, data)
    entries = readable(parse_index, data)
    assert isinstance(read, Mapping | SourceError)
    assert isinstance(entries, tuple | SourceError)
    listed = entries if isinstance(entries, tuple) else ()
    types = (OCI_INDEX, OCI_MANIFEST) if len(data) % 2 else (DOCKER_LIST, DOCKER_MANIFEST)
    for media_type in types:
        found = Resolved(Digest.of(data), media_type, ORIGIN)
        for lookup in LOOKUPS:
            expect_answer(lookup, found, listed, select_from_manifest(lookup, found, data))


def configs(data: bytes) -> None:
    """Parse the config of a single-platform image."""
    digest = Digest.of(data)
    offered = readable(read_config_platform, data, digest)
    assert isinstance(offered, Platform | SourceError)
    needs = NeedsConfig(Resolved(Digest.of(b"manifest"), OCI_MANIFEST, ORIGIN), digest)
    for lookup in LOOKUPS:
        if lookup.platform is None:
            continue
        answer = select_from_config(lookup, needs, data)
        expect_answer(lookup, needs.resolved, (), answer)
        assert not isinstance(answer, Resolved) or answer.platforms == (offered,)


def docker_configs(data: bytes) -> None:
    """Parse the config file of Docker, and look up the credentials of a few hosts."""
    path = cast("Path", HeldFile(data))
    config = readable(parse_docker_config, path, data)
    source = DockerConfigCredentials(path, _run_helper)
    for host in HOSTS:
        credential = readable(source.for_registry, host, Deadline.after(5))
        assert not isinstance(config, ConfigurationError) or isinstance(credential, ConfigurationError)
        if isinstance(credential, ImagePinnerError):
            assert isinstance(credential, ConfigurationError | SourceError)
        else:
            _expect_credential(credential, host, data)


def _expect_credential(credential: Credentials, host: str, data: bytes) -> None:
    expect_message(credential.source)
    expect_message(credential.help)
    assert "s3cr3t" not in repr(credential)
    match credential:
        case NoCredentials():
            return
        case Password():
            assert credential.basic().isascii()
        case IdentityToken():
            credential.token.encode()
        case _:
            assert_never(credential)
    from_helper = "docker-credential-" in credential.source
    assert host != _UNKNOWN_HOST or from_helper or _UNKNOWN_HOST in data.decode().lower()


def _run_helper(name: str, server: str, _: Deadline) -> HelperCredentials | None:
    assert server in {DOCKER_HUB_SERVER, *HOSTS}
    check_helper_name(name, server)
    if len(name) % 3 == 0:
        raise SourceError("the helper failed", "fix it")
    return HelperCredentials("<token>" if len(name) % 2 else "user", "s3cr3t") if "login" in name else None
