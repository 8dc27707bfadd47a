"""Which token services a registry may name."""

from __future__ import annotations

from pathlib import Path

import pytest
from urllib3.util import parse_url

from image_pinner.core.errors import SourceError
from image_pinner.sources.credentials.interface import NoCredentials
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import TokenRequest, TokenService
from support.certificates import certificate_for
from support.registries import Answer, ScriptedRegistry, open_transport

ON_THE_INTERNET = Endpoint.of(parse_url("https://registry.example"))
ANYBODY = NoCredentials("none are known", "get some")


def lookup(realm: str, peer: AddressScope, home: Endpoint = ON_THE_INTERNET) -> TokenRequest:
    return TokenRequest(realm, "reg", "repository:app:pull", ANYBODY, home, peer)


def issue(_: object) -> Answer:
    return Answer(200, {}, b'{"token": "issued"}')


@pytest.mark.parametrize("peer", [AddressScope.GLOBAL, AddressScope.PRIVATE])
def test_a_registry_may_not_name_a_service_that_is_nearer_than_itself(tmp_path: Path, peer: AddressScope) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with (
        ScriptedRegistry(issue, certificate=certificate.context) as service,
        open_transport(trust=Trust({"*": certificate.ca_file})) as transport,
        pytest.raises(SourceError, match="an address inside this network or machine"),
    ):
        TokenService(transport, RegistryHosts()).token(lookup(service.url, peer), Deadline.after(10))
    assert service.connections == 0


def test_not_even_a_registry_that_claims_a_special_address_may_name_one() -> None:
    wanted = lookup("https://169.254.169.254/token", AddressScope.SPECIAL)
    with open_transport() as transport, pytest.raises(SourceError, match="an address inside this network or machine"):
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
        wanted = lookup(f"{service.url}/token", AddressScope.LOOPBACK)
        assert TokenService(transport, RegistryHosts()).token(wanted, Deadline.after(10)) == "issued"


def test_a_registry_without_tls_may_be_its_own_service() -> None:
    with ScriptedRegistry(issue) as service, open_transport() as transport:
        home = Endpoint.of(parse_url(service.url))
        wanted = lookup(f"{service.url}/token", AddressScope.GLOBAL, home)
        assert TokenService(transport, RegistryHosts([service.host])).token(wanted, Deadline.after(10)) == "issued"
