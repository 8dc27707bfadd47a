"""A registry that wants a token, and the service that issues it."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_pinner.core.images.lookups import OCI_MANIFEST, ImageLookup, Resolution
from image_pinner.sources.credentials.interface import Credential, CredentialSource, IdentityToken, Password
from image_pinner.sources.http.tls import Trust
from registry_fakes.asking import FixedCredentials, ask, lookup
from registry_fakes.manifests import oci_image
from registry_fakes.scripted_registry import Answer, ScriptedRegistry, Seen
from registry_fakes.tls import certificate_for

MANIFEST = Answer(200, {"Content-Type": OCI_MANIFEST}, oci_image())
DENIED = json.dumps({"errors": [{"code": "DENIED", "message": "requested access is denied"}]}).encode()
LOGIN = Password("robot", "pass-w0rd:äö", "the credential from the vault", "Renew it in the vault")
TOKEN_LOGIN = IdentityToken("identity-t0ken", "the credential from the store", "Log in to the store again")


@dataclass
class Realm:
    """A registry with its token service, both scripted, on two ports."""

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

    def ask_all(
        self, *lookups: ImageLookup, credentials: CredentialSource | None = None, **more: Any
    ) -> list[Resolution]:
        transport = {"trust": self.trust} if self.trust else {}
        return ask(*lookups, insecure=self.insecure, credentials=credentials, transport=transport, **more)

    def ask(self, credentials: CredentialSource | None = None, *, image: str = "team/app:1") -> Resolution:
        return self.ask_all(lookup(f"{self.registry.host}/{image}"), credentials=credentials)[0]

    def ask_as(self, credential: Credential) -> Resolution:
        return self.ask(FixedCredentials({self.registry.host: credential}))


@contextmanager
def token_realm(*, secure: bool = True) -> Iterator[Realm]:
    """Run both by TLS, for no login is sent by plain http, or by plain http."""
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
