"""Whom we connect to: addresses and certificates."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.messages import Request
from image_pinner.sources.http.tls import Trust, ssl_context
from image_pinner.sources.interface import Deadline
from support.certificates import certificate_for
from support.registries import Answer, ScriptedRegistry, local_request, open_transport

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def server() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: Answer(200, {}, b"good")) as running:
        yield running


@pytest.mark.parametrize("allowed_scope", [AddressScope.GLOBAL, AddressScope.PRIVATE])
def test_an_address_nearer_than_allowed_is_not_connected_to(
    server: ScriptedRegistry, allowed_scope: AddressScope
) -> None:
    with open_transport() as transport, pytest.raises(SourceError, match="an address inside this network"):
        transport.send(Request(server.url, allowed_scope=allowed_scope), Deadline.after(10.0))
    assert server.connections == 0


def test_a_request_does_not_enter_this_network_or_machine_by_default(server: ScriptedRegistry) -> None:
    with open_transport() as transport:
        for host in (server.host, f"localhost:{server.port}", "10.0.0.1", "169.254.169.254"):
            with pytest.raises(SourceError, match="an address inside this network"):
                transport.send(Request(f"http://{host}"), Deadline.after(10.0))
    assert server.connections == 0


def test_a_name_that_changes_its_meaning_after_it_was_checked_gets_no_request(server: ScriptedRegistry) -> None:
    with (
        open_transport(resolve=lambda _: ("1.1.1.1",)) as transport,
        pytest.raises(SourceError, match="an address inside this network"),
    ):
        transport.send(
            Request(f"http://localhost:{server.port}", allowed_scope=AddressScope.GLOBAL), Deadline.after(10.0)
        )
    assert server.seen == []


def test_the_reply_has_the_scope_of_the_address(server: ScriptedRegistry) -> None:
    with open_transport() as transport:
        assert transport.send(local_request(server.url), Deadline.after(10.0)).peer is AddressScope.LOOPBACK


def test_an_untrusted_certificate_is_refused_before_a_request_is_sent(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with (
        ScriptedRegistry(lambda _: Answer(), certificate=certificate.context) as server,
        open_transport() as transport,
        pytest.raises(SourceError) as found,
    ):
        transport.send(local_request(server.url), Deadline.after(10.0))
    assert f"the certificate of {server.host} is not trusted: self-signed certificate" in found.value.cause
    assert " attempts" not in found.value.cause
    assert server.seen == []


def test_a_certificate_for_another_host_is_refused_even_if_its_ca_is_trusted(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path, "registry.example")
    with (
        ScriptedRegistry(lambda _: Answer(), certificate=certificate.context) as server,
        open_transport(trust=Trust({"*": certificate.ca_file})) as transport,
        pytest.raises(SourceError, match="IP address mismatch"),
    ):
        transport.send(local_request(server.url), Deadline.after(10.0))
    assert server.seen == []


def test_a_server_without_tls_is_reported_as_such(server: ScriptedRegistry) -> None:
    with open_transport() as transport, pytest.raises(SourceError, match="no TLS connection") as found:
        transport.send(local_request(f"https://{server.host}"), Deadline.after(10.0))
    assert f"if it uses plain HTTP, add {server.host} to IMAGE_PINNER_INSECURE_REGISTRIES" in found.value.help


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_without_certificates_to_trust_is_refused_at_once(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match="a CA file in IMAGE_PINNER_CA_BUNDLES cannot be used"):
        Trust({"registry.example": file})


def test_where_the_system_has_no_certificates_those_of_certifi_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("certifi", reason="certifi is not installed")
    nowhere = ssl.DefaultVerifyPaths(None, None, "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    assert ssl_context(None).cert_store_stats()["x509_ca"] > 50


def test_a_configured_ca_is_trusted_in_addition_to_those_of_the_system(tmp_path: Path) -> None:
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with (
        ScriptedRegistry(lambda _: Answer(200, {}, b"over TLS"), certificate=certificate.context) as server,
        open_transport(trust=Trust({"*": certificate.ca_file})) as transport,
    ):
        assert transport.send(local_request(server.url), Deadline.after(10.0)).body == b"over TLS"
