"""A configured certificate authority is trusted for its hosts only."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline
from support.certificates import certificate_for
from support.registries import Answer, ScriptedRegistry, local_request, open_transport


def fetch(tmp_path: Path, *hosts: str) -> bytes:
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with ScriptedRegistry(lambda _: Answer(200, {}, b"over TLS"), certificate=certificate.context) as server:
        named = {host.format(port=server.port): certificate.ca_file for host in hosts}
        with open_transport(trust=Trust(named)) as transport:
            return transport.send(local_request(server.url), Deadline.after(10)).body


@pytest.mark.parametrize("hosts", [(), ("registry.example",), ("127.0.0.1",), ("127.0.0.1:1",), ("localhost:{port}",)])
def test_a_host_that_is_not_named_with_its_port_is_not_trusted(tmp_path: Path, hosts: tuple[str, ...]) -> None:
    with pytest.raises(SourceError, match=r"the certificate of 127\.0\.0\.1:[0-9]+ is not trusted"):
        fetch(tmp_path, *hosts)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "*"])
def test_a_host_that_is_named_or_one_of_all_is_trusted(tmp_path: Path, host: str) -> None:
    assert fetch(tmp_path, host) == b"over TLS"
