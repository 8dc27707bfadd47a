"""Asking registries on loopback, with connections that end when the test does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from image_pinner.core.images.lookups import OCI_MANIFEST, ImageLookup, Origin, Resolution, Resolved
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.sources.credentials.interface import AnonymousCredentials, Credential, CredentialSource, NoCredential
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.transport import RetryPolicy, TimeLimits, Transport
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.resolver import OciRegistryResolver
from registry_fakes.scripted_registry import Answer, Raw, ScriptedRegistry

QUICK = TimeLimits(connect=5.0, read=0.5)
"""For servers that stall; a busy machine may take that long to answer."""


@dataclass
class Waits:
    """Remembers waits instead of making them."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def patient(waits: Waits | None = None, **more: Any) -> RetryPolicy:
    return RetryPolicy(sleep=waits or Waits(), jitter=lambda: 0.5, **more)


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
    """Has the credentials that the test gives it, and remembers who was asked for."""

    known: Mapping[str, Credential]
    asked: list[str] = field(default_factory=list)
    secrets_asked: list[str] = field(default_factory=list)

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:
        assert deadline.remaining() > 0
        self.asked.append(registry)
        self.secrets_asked.append(secret_arn)
        return self.known.get(registry, NoCredential("no credential in this test", "Give the test one"))


def lookup(reference: str, platform: str = "", *, index_allowed: bool = True) -> ImageLookup:
    wanted = Platform.parse(platform) if platform else None
    return ImageLookup(ImageReference.parse(reference).canonical(), wanted, index_allowed)


def ask(
    *lookups: ImageLookup,
    insecure: tuple[str, ...] = (),
    metered: tuple[str, ...] = (),
    credentials: CredentialSource | None = None,
    seconds: float = 10.0,
    transport: Mapping[str, Any] | None = None,
    **more: Any,
) -> list[Resolution]:
    """Ask with a resolver of its own, and give the answers in the order of the questions."""
    with open_transport(**(transport or {})) as opened:
        hosts = RegistryHosts(insecure, metered=metered)
        resolver = OciRegistryResolver(opened, credentials or AnonymousCredentials(), hosts, **more)
        answers = resolver.resolve_all(lookups, Deadline.after(seconds))
    assert set(answers) == set(lookups)
    return [answers[one] for one in lookups]


def sent(body: bytes, media_type: str = OCI_MANIFEST, **headers: str) -> Answer:
    """Give the answer of a registry that holds a manifest."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, {"Content-Type": media_type, "Docker-Content-Digest": str(Digest.of(body)), **named}, body)


def resolved(
    registry: ScriptedRegistry, body: bytes, media_type: str, platforms: tuple[Platform, ...] | None = None
) -> Resolved:
    """Give what is expected for the image team/app:1."""
    origin = Origin("registry", f"http://{registry.host}/v2/team/app/manifests/1")
    return Resolved(Digest.of(body), media_type, origin, platforms)


def asked(registry: ScriptedRegistry, answer: Answer | Raw) -> Resolution:
    """Have a registry give an answer, and ask it for the image team/app:1."""
    registry.script = lambda _: answer
    return ask(lookup(f"{registry.host}/team/app:1"), insecure=(registry.host,))[0]
