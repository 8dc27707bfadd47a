"""The words for faults that no server on loopback can be made to show in good time."""

from __future__ import annotations

import ssl

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, EmptyPoolError, HTTPError, SSLError
from urllib3.util import parse_url

from image_pinner.sources.http.errors import ConnectionLostError, Target, to_source_error

URL = parse_url("https://user:pw@registry.example/v2/app/manifests/1?signature=s")
POOL = HTTPConnectionPool("registry.example")


@pytest.mark.parametrize(
    ("error", "cause", "passing"),
    [
        (ConnectTimeoutError(HTTPConnection("h"), "slow"), "registry.example accepted no connection in time", False),
        (EmptyPoolError(POOL, "full"), "all connections to registry.example were busy until the deadline", False),
        (SSLError(ssl.SSLEOFError(8, "eof")), "registry.example closed the connection during the TLS handshake", True),
        (SSLError("odd"), "no TLS connection to registry.example: it was refused", False),
        (SSLError(), "no TLS connection to registry.example: it was refused", False),
        (HTTPError("odd"), "broke before https://registry.example/v2/app/manifests/1 responded", True),
    ],
)
def test_each_fault_has_a_message_and_is_retryable_or_not(error: HTTPError, cause: str, *, passing: bool) -> None:
    fault = to_source_error(Target(URL), error)
    assert cause in fault.cause
    assert fault.help
    assert isinstance(fault, ConnectionLostError) is passing
    assert "pw" not in fault.diagnostics()
    assert "signature" not in fault.diagnostics()
