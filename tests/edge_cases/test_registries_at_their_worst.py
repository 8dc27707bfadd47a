"""Registries that hang, lie or attack: bugs of other tools, one by one.

Each line has an affected project, an issue, or [ran], [src] or [doc] for what was seen, read in a source or documented,
and the test that shows what happens here.

Hung registry
    sigstore/policy-controller #1863, crane [ran]: test_hung_registry__policy_controller_1863_crane
    sigstore/helm-charts #249: test_hung_registry__helm_charts_249
    kyverno/kyverno #7224: test_hung_registry__kyverno_7224
A self-signed CA reported as success; a proxy that returns a stale digest
    kyverno/kyverno #3984: test_self_signed_ca_is_refused__kyverno_3984
    digestabot, README registry-map [doc]: test_proxy_returning_a_stale_digest__digestabot
Redirect to the metadata address; oversized error body and manifest; redaction in errors
    go-containerregistry, checkRedirectSSRF [src]: test_redirect_to_metadata_ip__checkredirectssrf
    go-containerregistry, its limits [src]: test_oversized_error_body
    go-containerregistry, its limits [src]: test_oversized_manifest
    go-containerregistry, redaction [src]: test_token_redaction_in_errors
    go-containerregistry, redaction [src]: test_url_redaction_in_errors
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from edge_cases.edge_pins import (
    APP,
    INDEX,
    MANIFEST,
    OF_DOCKER,
    failing,
    image,
    pin_from,
    pinned,
    refusal,
    refusals,
    reported,
)
from image_pinner.core.images.lookups import (
    OCI_INDEX,
)
from image_pinner.core.images.references import Digest
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.http.transport import PER_HOST
from support.certificates import certificate_for
from support.registries import (
    PASSWORD,
    QUICK,
    Answer,
    FixedCredentials,
    Raw,
    Realm,
    ScriptedRegistry,
    Seen,
    hang,
    patient,
    sent,
)


def test_hung_registry__policy_controller_1863_crane(registry: ScriptedRegistry) -> None:
    """sigstore/policy-controller #1863, crane [ran]: a registry that never responds causes a timeout."""
    registry.script = lambda _: Raw(hang)
    message = refusal(pin_from(registry, APP, transport={"limits": QUICK}))
    assert f"{registry.url}/v2/team/app/manifests/1 stopped responding; help: " in message
    assert "check the status of the registry" in message


def test_hung_registry__helm_charts_249(registry: ScriptedRegistry) -> None:
    """sigstore/helm-charts #249: the timeout is not multiplied by the number of images."""
    registry.script = lambda _: Raw(hang)
    started = time.monotonic()
    message = refusals(
        pin_from(registry, *(f"team/app{number}:1" for number in range(64)), transport={"limits": QUICK})
    )
    assert len(message) == 64
    assert len(registry.seen) <= PER_HOST
    assert time.monotonic() - started < 10


def test_hung_registry__kyverno_7224(registry: ScriptedRegistry) -> None:
    """kyverno/kyverno #7224: the answer comes before the caller's own time is up, and reports what did not respond."""
    registry.script = lambda _: Raw(hang)
    started = time.monotonic()
    message = refusal(pin_from(registry, APP, seconds=0.5))
    assert time.monotonic() - started < 5
    assert "timed out before" in message
    assert registry.host in message


def test_self_signed_ca_is_refused__kyverno_3984(tmp_path: Path) -> None:
    """kyverno/kyverno #3984: a certificate of a private CA is a failure until the CA is configured for that host."""
    certificate = certificate_for(tmp_path, "127.0.0.1")
    with ScriptedRegistry(lambda _: sent(MANIFEST), certificate=certificate.context) as registry:
        message = refusal(pin_from(registry, APP, hosts=RegistryHosts()))
        assert f"the certificate of {registry.host} is not trusted: self-signed certificate; help: " in message
        assert "set its CA file in IMAGE_PINNER_CA_BUNDLES" in message
        assert registry.seen == []
        other = {"trust": Trust({"registry.example.com": certificate.ca_file})}
        assert "is not trusted" in refusal(pin_from(registry, APP, hosts=RegistryHosts(), transport=other))
        named = {"trust": Trust({registry.host: certificate.ca_file})}
        assert image(pin_from(registry, APP, hosts=RegistryHosts(), transport=named)) == pinned(registry, MANIFEST)


def test_proxy_returning_a_stale_digest__digestabot(registry: ScriptedRegistry) -> None:
    """digestabot, README registry-map [doc]: an old header with a new body is rejected; nothing is cached."""
    registry.script = lambda _: sent(INDEX, OCI_INDEX, Docker_Content_Digest=str(Digest.of(MANIFEST)))
    assert f"with digest {Digest.of(INDEX)} and the header Docker-Content-Digest: '{Digest.of(MANIFEST)}'" in refusal(
        pin_from(registry, APP)
    )
    for moved in (MANIFEST, OF_DOCKER, MANIFEST):
        registry.script = lambda _, moved=moved: sent(moved, json.loads(moved)["mediaType"])
        result = pin_from(registry, APP)
        assert image(result) == pinned(registry, moved)
        assert reported(result)["request"] == f"{registry.url}/v2/team/app/manifests/1"
    assert not any(seen.headers.get("If-None-Match") for seen in registry.seen)


@pytest.mark.parametrize(
    ("location", "cause"),
    [
        ("http://169.254.169.254/latest/meta-data/", "redirects to http://169.254.169.254, over plain HTTP"),
        ("https://169.254.169.254/latest/meta-data/", "refers to 169.254.169.254, an address inside this network"),
        ("http://169.254.170.2/v2/credentials/", "redirects to http://169.254.170.2, over plain HTTP"),
        ("https://[fd00:ec2::254]/latest/meta-data/", "refers to [fd00:ec2::254], an address inside this network"),
        ("https://[::ffff:169.254.169.254]/latest/", "an address inside this network"),
        ("https://2852039166/latest/meta-data/", "refers to 2852039166, an address inside this network"),
        ("https://0xa9fea9fe/latest/meta-data/", "refers to 0xa9fea9fe, an address inside this network"),
    ],
)
def test_redirect_to_metadata_ip__checkredirectssrf(registry: ScriptedRegistry, location: str, cause: str) -> None:
    """go-containerregistry, checkRedirectSSRF [src]: no registry gets the credentials of the machine."""
    registry.script = lambda _: Answer(307, {"Location": location})
    message = refusal(pin_from(registry, APP))
    assert cause in message
    assert "meta-data" not in message
    assert len(registry.seen) == 1


@pytest.mark.parametrize("status", [404, 500])
def test_oversized_error_body(registry: ScriptedRegistry, status: int) -> None:
    """go-containerregistry, its limits [src]: only the start of an error body is read, and less is shown."""
    written: list[int] = []
    registry.script = lambda _: Raw(_endless(status, written))
    message = refusal(pin_from(registry, APP, transport={"retry": patient(attempts=1)}))
    assert f"returned {status}" in message
    assert len(message) < 1000
    assert sum(written) < 16 * 1024 * 1024


def test_oversized_manifest(registry: ScriptedRegistry) -> None:
    """go-containerregistry, its limits [src]: a manifest may have 4 MiB and no byte more."""
    limit = 4 * 1024 * 1024
    registry.script = lambda _: sent(MANIFEST.ljust(limit + 1))
    assert "sent more than 4194304 bytes" in refusal(pin_from(registry, APP))
    written: list[int] = []
    registry.script = lambda _: Raw(_endless(200, written))
    assert "sent more than 4194304 bytes" in refusal(pin_from(registry, APP))
    assert sum(written) < 64 * 1024 * 1024
    registry.script = lambda _: sent(MANIFEST.ljust(limit))
    assert image(pin_from(registry, APP)) == pinned(registry, MANIFEST.ljust(limit))


def _endless(status: int, written: list[int]) -> Callable[[BinaryIO, threading.Event], None]:
    def write(wire: BinaryIO, stopping: threading.Event) -> None:
        head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: text/plain\r\nContent-Length: 1000000000\r\n\r\n"
        wire.write(head.encode())
        while not stopping.is_set():
            wire.write(b"x" * 65536)
            written.append(65536)

    return write


@pytest.mark.parametrize("status", [403, 429, 500])
def test_token_redaction_in_errors(realm: Realm, status: int) -> None:
    """go-containerregistry, redaction [src]: credentials that a registry repeats are in no message."""

    def script(seen: Seen) -> Answer:
        if not seen.authorization:
            return realm.serve(seen)
        return failing(
            status, "DENIED", f"not with {seen.authorization} nor with {PASSWORD.basic()} of {PASSWORD.password}"
        )

    realm.registry.script = script
    credentials = FixedCredentials({realm.registry.host: PASSWORD})
    trusting = {"trust": realm.trust}
    result = pin_from(realm.registry, APP, hosts=RegistryHosts(), credentials=credentials, transport=trusting)
    message = refusal(result) + json.dumps(result.report.to_json()) + repr(result)
    assert f"returned {status}" in message
    # Nothing that a registry writes after it got credentials is shown, apart from the status.
    assert "not with" not in message
    for secret in ("token-1", PASSWORD.password, PASSWORD.basic().removeprefix("Basic ")):
        assert secret not in message


def test_url_redaction_in_errors(registry: ScriptedRegistry) -> None:
    """go-containerregistry, redaction [src]: URLs in messages have neither a query nor a user."""
    signed = "/elsewhere?X-Amz-Signature=5ec4e7&X-Amz-Security-Token=s3cr3t"
    refused = failing(403, "DENIED", "see https://user:pa55@help.example.com/why?X-Amz-Signature=5ec4e7")
    registry.script = lambda seen: refused if seen.path == "/elsewhere" else Answer(307, {"Location": signed})
    message = refusal(pin_from(registry, APP))
    assert f"{registry.url}/elsewhere returned 403, 'DENIED: see https://help.example.com/why'" in message
    registry.script = lambda _: Answer(307, {"Location": f"https://user:pa55@example.com{signed}"})
    message += refusal(pin_from(registry, APP))
    for secret in ("5ec4e7", "s3cr3t", "pa55", "X-Amz"):
        assert secret not in message
