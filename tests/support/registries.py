"""Scripted HTTP registries on loopback, a token service, and lookups against them."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import parse_qs, urlsplit

from image_pinner.core.images.lookups import OCI_MANIFEST, ImageLookup, Origin, Resolution, Resolved, Unavailable
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest
from image_pinner.sources.credentials.interface import (
    AnonymousCredentials,
    Credentials,
    CredentialSource,
    IdentityToken,
    NoCredentials,
    Password,
)
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.messages import Request
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.http.transport import RetryPolicy, TimeLimits, Transport
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.resolver import OciRegistryResolver
from support.certificates import certificate_for
from support.images import lookup, oci_image


@dataclass(frozen=True)
class Seen:
    """A request that the server received."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: HTTPMessage
    body: bytes

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")


@dataclass(frozen=True)
class Answer:
    """A complete response; `Content-Length` is added unless the headers have it, and HEAD gets no body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Raw:
    """A response that the test writes to the wire itself; the event is set when the server stops."""

    write: Callable[[BinaryIO, threading.Event], object]


Script = Callable[[Seen], Answer | Raw]


def hang(_: BinaryIO, stopping: threading.Event) -> None:
    """Send nothing until the server stops."""
    stopping.wait(30)


def drip_headers(wire: BinaryIO, stopping: threading.Event) -> None:
    """Send a header that never ends, slowly."""
    wire.write(b"HTTP/1.1 200 OK\r\nA: ")
    while not stopping.wait(0.05):
        wire.write(b"x")


def drip_body(wire: BinaryIO, stopping: threading.Event) -> None:
    """Send a body that never ends, slowly."""
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not stopping.wait(0.05):
        wire.write(b" ")


class ScriptedRegistry:
    """Runs a script for each request, and records the requests."""

    def __init__(self, script: Script, *, certificate: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._certificate = certificate
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._certificate else 'http'}://{self.host}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def requests(self) -> list[tuple[str, str]]:
        """Return the methods and paths of the requests."""
        return [(seen.method, seen.path) for seen in self.seen]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.cut()
        self._server.server_close()

    def secure(self, connection: socket.socket) -> socket.socket:
        self.connections += 1
        if self._certificate is None:
            return connection
        return self._certificate.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def handle(self, seen: Seen, wire: BinaryIO) -> bool:
        """Answer one request, and return whether to close the connection."""
        with self._lock:
            self.seen.append(seen)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = self.script(seen)
        finally:
            with self._lock:
                self._at_once -= 1
        if isinstance(answer, Raw):
            answer.write(wire, self._stopping)
            return True
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        body = b"" if seen.method == "HEAD" else answer.body
        wire.write(f"HTTP/1.1 {answer.status} Scripted\r\n{lines}\r\n".encode("latin-1") + body)
        return False


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, registry: ScriptedRegistry) -> None:
        self.registry = registry
        self._open: list[socket.socket] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        secured = self.registry.secure(connection)
        self._open.append(secured)
        return secured, address

    def cut(self) -> None:
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: the tests are about clients that close connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = Seen(self.command, parts.path, parse_qs(parts.query), self.headers, body)
        self.close_connection = self.server.registry.handle(seen, self.wfile)  # type: ignore[arg-type]

    do_GET = do_POST = do_HEAD = handle_any  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Print nothing."""


QUICK = TimeLimits(connect=5.0, read=0.5)
"""For servers that stall; a busy machine may take that long to answer."""


@dataclass
class Waits:
    """Records waits instead of sleeping."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def patient(waits: Waits | None = None, **more: Any) -> RetryPolicy:
    return RetryPolicy(sleep=waits or Waits(), jitter=lambda: 0.5, **more)


def local_request(url: str, **options: Any) -> Request:
    """Return a request that may reach a server on loopback."""
    return Request(url, allowed_scope=AddressScope.LOOPBACK, **options)


@contextmanager
def open_transport(limits: TimeLimits | None = None, **more: Any) -> Iterator[Transport]:
    transport = Transport(limits, **{"retry": patient(), **more})
    try:
        yield transport
    finally:
        transport.cut()
        transport.close()


@dataclass
class FixedCredentials:
    """Has the credentials of the test, and records what is requested."""

    known: Mapping[str, Credentials]
    requested: list[str] = field(default_factory=list)
    requested_secrets: list[str] = field(default_factory=list)

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:
        assert deadline.remaining() > 0
        self.requested.append(registry)
        self.requested_secrets.append(secret_arn)
        return self.known.get(registry, NoCredentials("no credentials in this test", "pass credentials to the test"))


def resolve(
    *lookups: ImageLookup,
    insecure: tuple[str, ...] = (),
    pull_counting: tuple[str, ...] = (),
    credentials: CredentialSource | None = None,
    seconds: float = 10.0,
    transport: Mapping[str, Any] | None = None,
    **more: Any,
) -> list[Resolution]:
    """Resolve with a new resolver, and return the resolutions in the order of the lookups."""
    with open_transport(**(transport or {})) as opened:
        hosts = RegistryHosts(insecure, pull_counting=pull_counting)
        resolver = OciRegistryResolver(opened, credentials or AnonymousCredentials(), hosts, **more)
        answers = resolver.resolve_all(lookups, Deadline.after(seconds))
    assert set(answers) == set(lookups)
    return [answers[one] for one in lookups]


def sent(body: bytes, media_type: str = OCI_MANIFEST, **headers: str) -> Answer:
    """Return the response of a registry that has a manifest."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, {"Content-Type": media_type, "Docker-Content-Digest": str(Digest.of(body)), **named}, body)


def resolved(
    registry: ScriptedRegistry, body: bytes, media_type: str, platforms: tuple[Platform, ...] | None = None
) -> Resolved:
    """Return the expected resolution of the image team/app:1."""
    origin = Origin("registry", f"http://{registry.host}/v2/team/app/manifests/1")
    return Resolved(Digest.of(body), media_type, origin, platforms)


def cause_of(answer: Resolution) -> str:
    assert isinstance(answer, Unavailable)
    return answer.cause


def resolve_answer(registry: ScriptedRegistry, answer: Answer | Raw) -> Resolution:
    """Have a registry send a response, and resolve the image team/app:1 there."""
    registry.script = lambda _: answer
    return resolve(lookup(f"{registry.host}/team/app:1"), insecure=(registry.host,))[0]


MANIFEST = Answer(200, {"Content-Type": OCI_MANIFEST}, oci_image())
DENIED = json.dumps({"errors": [{"code": "DENIED", "message": "requested access is denied"}]}).encode()
PASSWORD = Password("robot", "pass-w0rd:äö", "the credentials from the vault", "renew them in the vault")
IDENTITY_TOKEN = IdentityToken("identity-t0ken", "the credentials from the store", "log in to the store again")


@dataclass
class Realm:
    """A scripted registry and its token service, on two ports."""

    registry: ScriptedRegistry
    service: ScriptedRegistry
    trust: Trust | None = None
    challenge: str = 'Bearer realm="{service}/token",service="reg",scope="repository:{repository}:pull"'
    valid: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, seen: Seen) -> Answer:
        if seen.authorization.removeprefix("Bearer ") in self.valid:
            return MANIFEST
        repository = seen.path.removeprefix("/v2/").partition("/manifests/")[0]
        demand = self.challenge.format(service=self.service.url, repository=repository)
        return Answer(401, {"WWW-Authenticate": demand, "Content-Type": "application/json"}, DENIED)

    def issue(self, _: Seen) -> Answer:
        with self.lock:
            token = f"token-{len(self.valid) + 1}"
            self.valid.add(token)
        return Answer(200, {"Content-Type": "application/json"}, json.dumps({"token": token}).encode())

    @property
    def insecure(self) -> tuple[str, ...]:
        return () if self.trust else (self.registry.host, self.service.host)

    def resolve_all(
        self, *lookups: ImageLookup, credentials: CredentialSource | None = None, **more: Any
    ) -> list[Resolution]:
        transport = {"trust": self.trust} if self.trust else {}
        return resolve(*lookups, insecure=self.insecure, credentials=credentials, transport=transport, **more)

    def resolve(self, credentials: CredentialSource | None = None, *, image: str = "team/app:1") -> Resolution:
        return self.resolve_all(lookup(f"{self.registry.host}/{image}"), credentials=credentials)[0]

    def resolve_as(self, credential: Credentials) -> Resolution:
        return self.resolve(FixedCredentials({self.registry.host: credential}))


@contextmanager
def token_realm(*, secure: bool = True) -> Iterator[Realm]:
    """Run both over TLS, since no credentials are sent over plain HTTP, or over plain HTTP."""
    with ExitStack() as stack:
        context, trust = None, None
        if secure:
            certificate = certificate_for(Path(stack.enter_context(tempfile.TemporaryDirectory())), "127.0.0.1")
            context, trust = certificate.context, Trust({"*": certificate.ca_file})
        registry, service = (
            stack.enter_context(ScriptedRegistry(lambda _: Answer(500), certificate=context)) for _ in range(2)
        )
        realm = Realm(registry, service, trust)
        registry.script, service.script = realm.serve, realm.issue
        yield realm
