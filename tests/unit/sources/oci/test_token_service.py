"""Which token services a registry may name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from urllib3 import HTTPHeaderDict
from urllib3.util import parse_url

from image_pinner.core.errors import SourceError
from image_pinner.sources.credentials.interface import NoCredentials
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts
from image_pinner.sources.http.messages import Reply, Request
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import TokenRequest, TokenService
from support.certificates import certificate_for
from support.registries import Answer, ScriptedRegistry, open_transport

ON_THE_INTERNET = Endpoint.of(parse_url("https://registry.example"))
ANONYMOUS = NoCredentials("none are known", "get some")


def lookup(realm: str, peer: AddressScope, home: Endpoint = ON_THE_INTERNET) -> TokenRequest:
    return TokenRequest(realm, "reg", "repository:app:pull", ANONYMOUS, home, peer)


def issue(_: object) -> Answer:
    return Answer(200, {}, b'{"token": "issued"}')


@pytest.mark.parametrize("peer", [AddressScope.GLOBAL, AddressScope.PRIVATE])
def test_a_registry_may_not_name_a_service_that_is_nearer_than_itself(tmp_path: Path, peer: AddressScope) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with (
        ScriptedRegistry(issue, certificate=certificate.context) as service,
        open_transport(trust=Trust({"*": certificate.ca_file}), resolve=lambda _: ("127.0.0.1",)) as transport,
    ):
        wanted = lookup(f"https://auth.registry.example:{service.port}/token", peer)
        with pytest.raises(SourceError, match="an address inside this network or machine"):
            TokenService(transport, RegistryHosts()).token(wanted, Deadline.after(10))
    assert service.connections == 0


def test_not_even_a_registry_that_claims_a_special_address_may_name_one() -> None:
    wanted = lookup("https://auth.registry.example/token", AddressScope.SPECIAL)
    with (
        open_transport(resolve=lambda _: ("169.254.169.254",)) as transport,
        pytest.raises(SourceError, match="an address inside this network or machine"),
    ):
        TokenService(transport, RegistryHosts()).token(wanted, Deadline.after(10))


def test_a_registry_with_tls_uses_no_token_service_without_it_even_if_listed() -> None:
    with (
        ScriptedRegistry(issue) as service,
        open_transport() as transport,
        pytest.raises(SourceError, match="refers to a token service over plain HTTP"),
    ):
        TokenService(transport, RegistryHosts([service.host])).token(
            lookup(service.url, AddressScope.LOOPBACK), Deadline.after(10)
        )
    assert service.seen == []


def test_a_registry_in_a_private_network_may_use_a_service_there(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with (
        ScriptedRegistry(issue, certificate=certificate.context) as service,
        open_transport(trust=Trust({"*": certificate.ca_file})) as transport,
    ):
        home = Endpoint.of(parse_url("https://127.0.0.1"))
        wanted = lookup(f"{service.url}/token", AddressScope.LOOPBACK, home)
        assert TokenService(transport, RegistryHosts()).token(wanted, Deadline.after(10)) == "issued"


def test_a_registry_without_tls_may_be_its_own_service() -> None:
    with ScriptedRegistry(issue) as service, open_transport() as transport:
        home = Endpoint.of(parse_url(service.url))
        wanted = lookup(f"{service.url}/token", AddressScope.GLOBAL, home)
        assert TokenService(transport, RegistryHosts([service.host])).token(wanted, Deadline.after(10)) == "issued"


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("registry-1.docker.io", "https://auth.docker.io/token"),
        ("mirror.example", "https://auth.docker.io/token"),
        ("ghcr.io", "https://ghcr.io/token"),
        ("lscr.io", "https://ghcr.io/token"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("registry.example.co.uk", "https://gitlab.example.co.uk/jwt/auth"),
        ("quay.io", "https://quay.io/v2/auth"),
        ("public.ecr.aws", "https://public.ecr.aws/token/"),
        ("shop.azurecr.io", "https://shop.azurecr.io/oauth2/token"),
        ("europe-docker.pkg.dev", "https://europe-docker.pkg.dev/v2/token"),
        ("harbor.example", "https://harbor.example/service/token"),
        ("shop.jfrog.io", "https://shop.jfrog.io/artifactory/api/docker/hub/v2/token"),
        ("registry.digitalocean.com", "https://api.digitalocean.com/v2/registry/auth"),
        ("rg.fr-par.scw.cloud", "https://api.scaleway.com/registry-internal/v1/regions/fr-par/tokens"),
        ("registry.cn-hangzhou.aliyuncs.com", "https://dockerauth.cn-hangzhou.aliyuncs.com/auth"),
        ("us.icr.io", "https://icr.io/oauth/token"),
        ("registry.example", "https://registry.example:8443/token"),
        ("registry.example", "https://login.elsewhere.example:8443/token"),
        ("10.0.0.1", "https://10.0.0.1:5001/auth"),
        ("registry.example", "https://registry.example/token?service=registry.example&scope=&account=robot"),
    ],
)
def test_the_token_services_of_real_registries_are_used(registry: str, realm: str) -> None:
    hosts = RegistryHosts(token_services=["login.elsewhere.example:8443"])
    home = Endpoint.of(parse_url(f"https://{registry}"))
    sender = Sender()
    assert TokenService(sender, hosts).token(lookup(realm, AddressScope.GLOBAL, home), Deadline.after(10)) == "issued"
    assert sender.paths == [parse_url(realm).path]


@pytest.mark.parametrize(
    "realm",
    [
        "https://other.example/token",
        "https://auth.docker.io:8443/token",
        "https://gitlab.other.co.uk/token",
        "https://registry.example.other/token",
        "https://xregistry-a.example.co.uk.other/token",
        "https://10.0.0.1/token",
        "https://[::1]/token",
        "https://login.elsewhere.example/token",
        "https://user@registry.example.co.uk/token",
        "https://registry.example.co.uk/admin/delete?x=",
        "https://registry.example.co.uk/admin?delete",
        "https://registry.example.co.uk/admin?service=a&%78=b",
        "http://registry.example.co.uk/token",
    ],
)
def test_any_other_token_service_gets_no_request(realm: str) -> None:
    hosts = RegistryHosts(token_services=["login.elsewhere.example:8443"])
    home = Endpoint.of(parse_url("https://registry.example.co.uk"))
    sender = Sender()
    with pytest.raises(SourceError, match="the registry refers to a token service"):
        TokenService(sender, hosts).token(lookup(realm, AddressScope.GLOBAL, home), Deadline.after(10))
    assert sender.paths == []


@dataclass
class Sender:
    """Issues a token for each request."""

    paths: list[str | None] = field(default_factory=list)

    def send(self, request: Request, deadline: Deadline) -> Reply:  # noqa: ARG002
        self.paths.append(parse_url(request.url).path)
        return Reply(request.url, 200, HTTPHeaderDict(), b'{"token": "issued"}', AddressScope.GLOBAL)
