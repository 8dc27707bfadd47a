"""The faults of registries and their outcome. docs/registry-faults.md has this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from image_pinner.core.images.lookups import DOCKER_SCHEMA1, OCI_INDEX
from registry_faults import behaviours as it
from registry_faults.bad_certificates import (
    certificate_for_another,
    certificate_of_unknown_ca,
    early_certificate,
    expired_certificate,
)
from registry_faults.behaviours import Play
from registry_faults.scene import CANARY, Scene, Staged
from support.certificates import ServerCertificate, certificate_for
from support.images import ANOTHER, MANIFEST
from support.registries import Answer, Raw, hang, sent

HTTP, HTTPS = ("http",), ("https",)
BOTH = (*HTTP, *HTTPS)


class Outcome(Enum):
    """What happens to the template, in the words of the document."""

    RIGHT = "the right digest, exit code 0"
    TRUSTED = "the digest of the header, exit code 0"
    REFUSED = "nothing is changed, exit code 3"


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        name: Its name in tests and in the document.
        does: What the registry does, in the words of the document.
        play: Starts the servers.
        outcome: What happens to the template.
        over: The schemes to test it over.
        quick: Whether it ends at once, not after retries or a timeout.
    """

    name: str
    does: str
    play: Play
    outcome: Outcome = Outcome.REFUSED
    over: tuple[str, ...] = BOTH
    quick: bool = True


def _at_port(*, listening: bool) -> Play:
    return lambda scene: Staged(f"{scene.port(listening=listening)}/team/app:1")


def _nowhere(scene: Scene) -> Staged:
    scene.name("registry.nowhere.invalid")
    return Staged("registry.nowhere.invalid/team/app:1")


def _without_tls(scene: Scene) -> Staged:
    registry = scene.serve(lambda _: it.IMAGE, scheme="http", listed=False)
    return Staged(f"{registry.host}/team/app:1")


def _with(certificate: Callable[[Path], ServerCertificate], *, trusted: bool = True, host: str = "127.0.0.1") -> Play:
    """Start a registry with a certificate whose certificate authority is configured, or not."""

    def play(scene: Scene) -> Staged:
        bad = certificate(scene.folder("bad"))
        registry = scene.serve(lambda _: it.IMAGE, certificate=bad, listed=False, trusted=trusted)
        address = f"{host}:{registry.port}"
        scene.name(address)
        scene.name(host)
        return Staged(f"{address}/team/app:1")

    return play


def _self_signed(directory: Path) -> ServerCertificate:
    return certificate_for(directory, "127.0.0.1")


_METADATA = f"169.254.169.254/latest/meta-data/iam/security-credentials/?x={CANARY}"
_ARM64 = "Platform=linux/arm64"
_AMD64 = "Platform=linux/amd64"

FAULTS: dict[str, tuple[Fault, ...]] = {
    "Busy or broken": (
        Fault(
            "one 429 with Retry-After",
            "returns 429 once with a Retry-After of one second",
            it.answers(it.BUSY_FOR_A_SECOND, it.IMAGE),
            Outcome.RIGHT,
            over=HTTP,
            quick=False,
        ),
        Fault("one 408", "returns 408 once", it.answers(Answer(408), it.IMAGE), Outcome.RIGHT, over=HTTP, quick=False),
        Fault("one 500", "returns 500 once", it.answers(it.BROKEN, it.IMAGE), Outcome.RIGHT, over=HTTP, quick=False),
        Fault("429 permanently", "returns 429 each time", it.answers(it.BUSY), over=HTTP, quick=False),
        Fault(
            "429 with a Retry-After beyond the time limit",
            "returns 429 with a Retry-After of one day",
            it.answers(it.error(429, "TOOMANYREQUESTS", "come back tomorrow", Retry_After="86400")),
        ),
        Fault("500 permanently", "returns 500 each time", it.answers(it.BROKEN), over=HTTP, quick=False),
        Fault("503 permanently", "returns 503 each time", it.answers(it.DOWN), quick=False),
    ),
    "Slow": (
        Fault(
            "accepts and never responds",
            "accepts the connection and sends nothing, not even a TLS handshake",
            it.short_of_time(_at_port(listening=True)),
            quick=False,
        ),
        Fault(
            "reads the request and never responds",
            "reads the request and sends nothing",
            it.stalls(Raw(hang)),
            quick=False,
        ),
        Fault(
            "endless header",
            "sends a header that never ends, byte by byte",
            it.stalls(Raw(it.drip_headers)),
            quick=False,
        ),
        Fault(
            "endless slow body",
            "sends a body that never ends, byte by byte",
            it.stalls(Raw(it.drip_body)),
            quick=False,
        ),
    ),
    "Cut short, or too long": (
        Fault("truncated body", "sends half of the body and closes", it.answers(Raw(it.half_a_body)), quick=False),
        Fault(
            "body of unknown length, cut short",
            "sends neither length nor digest, and closes before the last line break",
            it.answers(Raw(it.all_but_the_end_of_a_body_of_unknown_length)),
        ),
        Fault("closes mid-response", "closes within a header", it.answers(Raw(it.half_a_head))),
        Fault(
            "closes without a response",
            "reads the request and closes",
            it.answers(Raw(it.close)),
            over=HTTP,
            quick=False,
        ),
        Fault(
            "closes once",
            "reads the request and closes, and responds to the retry",
            it.answers(Raw(it.close), it.IMAGE),
            Outcome.RIGHT,
            over=HTTP,
            quick=False,
        ),
        Fault(
            "body bigger than the limit",
            "sends a manifest of 4 MiB and a byte",
            it.answers(sent(MANIFEST.ljust(it.LIMIT + 1))),
        ),
        Fault("body without an end", "sends without an end, as fast as it can", it.answers(Raw(it.flood))),
    ),
    "Wrong responses": (
        Fault("no digest header", "sends no digest", it.answers(it.WITHOUT_HEADER), Outcome.RIGHT),
        Fault("wrong digest header", "sends the digest of something else", it.answers(it.LYING)),
        Fault(
            "digest header with sha512",
            "sends a sha512 digest",
            it.answers(sent(MANIFEST, Docker_Content_Digest="sha512:" + "0" * 128)),
        ),
        Fault("wrong content type", "sends the manifest as text/plain", it.answers(sent(MANIFEST, "text/plain"))),
        Fault(
            "another manifest's type",
            "sends a manifest with the media type of an index",
            it.answers(sent(MANIFEST, OCI_INDEX)),
        ),
        Fault("invalid JSON", "sends a manifest without its end", it.answers(sent(MANIFEST[:-2]))),
        Fault(
            "schema 1", "has an image of Docker's first format only", it.answers(sent(it.SCHEMA_1, DOCKER_SCHEMA1[1]))
        ),
        Fault("index without the platform", "has the image, for linux/amd64", it.answers(it.FOR_AMD64, options=_ARM64)),
        Fault("HTML login page", "returns 200 with an HTML page", it.answers(it.LOGIN_PAGE)),
        Fault("HTML 404", "returns 404 with an HTML page", it.answers(replace(it.LOGIN_PAGE, status=404))),
    ),
    "HEAD requests to registries that count pulls": (
        Fault("HEAD 405", "does not support HEAD", it.counts_pulls(Answer(405), it.IMAGE), Outcome.RIGHT),
        Fault("HEAD 403", "refuses HEAD only", it.counts_pulls(Answer(403), it.IMAGE), Outcome.RIGHT),
        Fault(
            "no digest header to HEAD",
            "sends no digest",
            it.counts_pulls(it.WITHOUT_HEADER, it.WITHOUT_HEADER),
            Outcome.RIGHT,
        ),
        Fault(
            "wrong HEAD, trusted",
            "sends the digest of something else, which is the documented exception",
            it.counts_pulls(it.LYING, it.LYING),
            Outcome.TRUSTED,
        ),
        Fault(
            "wrong HEAD, with HEAD disabled",
            "does the same, and `IMAGE_PINNER_METERED_REGISTRIES` is `none`",
            it.counts_pulls(it.LYING, it.LYING, configured="none"),
        ),
        Fault(
            "another manifest by digest after HEAD",
            "sends one digest, and another manifest for that digest",
            it.counts_pulls(it.IMAGE, sent(ANOTHER), options=_AMD64),
        ),
    ),
    "Credentials": (
        Fault(
            "401 permanently",
            "requires a password and accepts none",
            it.requires_password(it.error(401, "UNAUTHORIZED", "who?")),
            over=HTTPS,
        ),
        Fault(
            "401 over plain HTTP",
            "requires a password over plain HTTP, and gets none",
            it.requires_password(it.error(401, "UNAUTHORIZED", "who?"), received=("",)),
            over=HTTP,
        ),
        Fault(
            "401 without a challenge",
            "requires credentials without a challenge",
            it.requires_password(Answer(401), header="", received=("",)),
        ),
        Fault("403 with an error message", "sends an error message with a token in a URL", it.answers(it.DENIED)),
        Fault(
            "token service on another host",
            "refers to a token service on another host over TLS, the only one that gets the credentials",
            it.tokens(it.issued),
            Outcome.RIGHT,
            over=HTTPS,
        ),
        Fault(
            "token service on another host, all over plain HTTP",
            "refers to a token service over plain HTTP elsewhere; both are insecure registries and get no credentials",
            it.tokens(it.issued, token_credential=""),
            Outcome.RIGHT,
            over=HTTP,
        ),
        Fault(
            "token service on http",
            "refers to a token service over plain HTTP",
            it.tokens(it.issued, scheme="http", allowed=False),
            over=HTTPS,
        ),
        Fault(
            "token service at the metadata address",
            "refers to 169.254.169.254 as its token service",
            it.tokens(it.issued, allowed=False, realm=f"https://{_METADATA.partition('?')[0]}"),
        ),
        Fault(
            "token service with other parameters",
            "refers to a token service whose URL has a parameter that token requests do not have",
            it.tokens(it.issued, allowed=False, realm=f"https://{_METADATA}"),
        ),
        Fault(
            "token service refusing",
            "its token service returns 401 and repeats the credentials",
            it.tokens(it.refused),
            over=HTTPS,
        ),
        Fault(
            "token service slow",
            "its token service never responds",
            it.short_of_time(it.tokens(lambda _: Raw(hang))),
            over=HTTPS,
            quick=False,
        ),
        Fault(
            "token service returning no token",
            "its token service returns a response without one",
            it.tokens(it.without_token),
            over=HTTPS,
        ),
    ),
    "Redirects": (
        Fault("redirect loop", "redirects to itself", it.redirects(lambda seen: seen.path)),
        Fault(
            "redirect to 169.254.169.254",
            "redirects to it over plain HTTP",
            it.redirects(lambda _: f"http://{_METADATA}"),
        ),
        Fault(
            "redirect to 169.254.169.254 over TLS",
            "redirects to it over TLS",
            it.redirects(lambda _: f"https://{_METADATA}"),
        ),
        Fault(
            "redirect to loopback",
            "redirects to a server on this machine that is not in the configuration",
            it.redirects_to(it.other_server("https", listed=False)),
        ),
        Fault(
            "redirect to http",
            "redirects to an insecure registry over plain HTTP",
            it.redirects_to(it.other_server("http")),
            over=HTTPS,
        ),
        Fault(
            "redirect over plain HTTP",
            "uses plain HTTP itself, and redirects over plain HTTP to a host that is not listed",
            it.redirects_to(it.other_server("http", listed=False)),
            over=HTTP,
        ),
        Fault(
            "redirect to another host with credentials",
            "redirects to a configured host, which never gets the credentials",
            it.redirects_to(it.other_server(), with_credentials=True),
            Outcome.RIGHT,
            over=HTTPS,
        ),
    ),
    "Certificates and connections": (
        Fault(
            "certificate for another name",
            "has one for another host",
            _with(certificate_for_another, host="localhost"),
            over=HTTPS,
        ),
        Fault("certificate self-signed", "has a self-signed one", _with(_self_signed, trusted=False), over=HTTPS),
        Fault(
            "certificate of an unknown CA",
            "has one of an unknown certificate authority",
            _with(certificate_of_unknown_ca, trusted=False),
            over=HTTPS,
        ),
        Fault("certificate expired", "has an expired one", _with(expired_certificate), over=HTTPS),
        Fault("certificate not yet valid", "has one that is not valid yet", _with(early_certificate), over=HTTPS),
        Fault("plain HTTP", "uses plain HTTP and is not configured as an insecure registry", _without_tls, over=HTTPS),
        Fault("DNS failure", "has no address", _nowhere, over=HTTPS),
        Fault("connection refused", "accepts no connection", _at_port(listening=False), over=HTTPS, quick=False),
    ),
}
"""All faults by their heading in the document."""
