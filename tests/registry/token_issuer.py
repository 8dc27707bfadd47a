"""The real registry program with token authentication, and the service that issues tokens for a password.

https://github.com/distribution/distribution/blob/v2.8.2/docs/spec/auth/token.md
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import urllib3

from registry.libtrust import SigningKey
from support.certificates import create_ca
from support.registries import Answer, ScriptedRegistry, Seen
from support.registry_program import PASSWORD, USER, DockerRegistry, docker_registry

_SERVICE, _ISSUER = "registry of one test", "issuer of one test"
_MINUTES = 600  # seconds
_BASIC = urllib3.make_headers(basic_auth=f"{USER}:{PASSWORD}")["authorization"]
_REFUSED = Answer(401, {"Content-Type": "application/json"}, b'{"errors": [{"code": "UNAUTHORIZED"}]}')


class Guarded(NamedTuple):
    """A registry, which may be pushed to, and the service that it names for tokens."""

    registry: DockerRegistry
    service: ScriptedRegistry


@contextmanager
def token_registry(directory: Path, *repositories: str) -> Iterator[Guarded]:
    """Run a registry that accepts tokens only, and their issuer, over TLS."""
    own = create_ca(directory)
    certificate = own.issue(directory, "127.0.0.1")
    issuer = _Issuer(SigningKey(own.key))
    with ScriptedRegistry(issuer.answer, certificate=certificate.context) as service:
        names = {"service": _SERVICE, "issuer": _ISSUER}
        token = {"realm": f"{service.url}/token", "rootcertbundle": str(own.ca_file), **names}
        guard = {"auth": {"token": token}}
        with docker_registry(directory, in_memory=True, certificate=certificate, more=guard) as registry:
            pushing = issuer.token(f"repository:{repository}:pull,push" for repository in repositories)
            yield Guarded(replace(registry, authorization=f"Bearer {pushing}"), service)


@dataclass(frozen=True)
class _Issuer:
    key: SigningKey
    numbers: Iterator[int] = field(default_factory=count)

    def answer(self, seen: Seen) -> Answer:
        if seen.authorization != _BASIC or seen.query.get("service") != [_SERVICE]:
            return _REFUSED
        token = json.dumps({"token": self.token(seen.query.get("scope", []))}).encode()
        return Answer(200, {"Content-Type": "application/json"}, token)

    def token(self, scopes: Iterable[str]) -> str:
        now = int(time.time())
        times = {"iat": now, "nbf": now - _MINUTES, "exp": now + _MINUTES}
        whose = {"iss": _ISSUER, "sub": USER, "aud": _SERVICE, "jti": str(next(self.numbers))}
        return self.key.token({**whose, **times, "access": [_access(scope) for scope in scopes]})


def _access(scope: str) -> Mapping[str, Any]:
    kind, name, actions = scope.split(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}
