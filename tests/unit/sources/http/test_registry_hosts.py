from __future__ import annotations

import pytest
from urllib3.util import parse_url

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.images.registries import canonical_registry
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts


@pytest.mark.parametrize(
    "host", ["http://localhost:5000", "localhost:5000/", "user@localhost", "localhost:port", "", "*", "a b", "name"]
)
def test_an_invalid_insecure_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a valid registry: write a host"):
        RegistryHosts([host])


def test_a_registry_with_an_impossible_port_is_refused() -> None:
    with pytest.raises(SourceError):
        RegistryHosts().endpoint("registry.example:99999")


@pytest.mark.parametrize(
    "name", ["docker.io", "index.docker.io", "registry.hub.docker.com", "registry-1.docker.io", "Docker.IO"]
)
def test_every_name_of_docker_hub_has_the_endpoint_of_its_registry(name: str) -> None:
    assert str(RegistryHosts().endpoint(name)) == "https://registry-1.docker.io"
    assert canonical_registry(name) == "docker.io"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("ghcr.io", "https://ghcr.io"),
        ("Registry.Example:5000", "https://registry.example:5000"),
        ("registry.example:443", "https://registry.example"),
        ("[::1]:5000", "https://[::1]:5000"),
        ("localhost", "https://localhost"),
    ],
)
def test_every_other_registry_has_its_own_host_over_https(name: str, url: str) -> None:
    assert str(RegistryHosts(["localhost:5000"]).endpoint(name)) == url


@pytest.mark.parametrize("name", ["localhost:5000", "LOCALHOST:5000"])
def test_only_hosts_listed_with_their_port_use_http_without_tls(name: str) -> None:
    assert str(RegistryHosts(["LocalHost:5000"]).endpoint(name)) == "http://localhost:5000"


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://localhost:5000/x", True),
        ("https://localhost:5000/x", True),
        ("http://localhost/x", False),
        ("http://localhost:5001/x", False),
        ("http://other:5000/x", False),
    ],
)
def test_a_listed_host_is_known_by_its_port(url: str, listed: bool) -> None:  # noqa: FBT001 - a column of the table
    assert RegistryHosts(["localhost:5000"]).is_listed(Endpoint.of(parse_url(url))) is listed
