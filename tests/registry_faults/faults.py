"""Registry failures and their outcomes, the source of docs/registry-faults.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from image_pinner.core.images.lookups import DOCKER_SCHEMA1, OCI_INDEX
from registry_faults import behaviours as it
from registry_faults.bad_certificates import (
    certificate_for_another,
    certificate_of_a_stranger,
    early_certificate,
    expired_certificate,
)
from registry_faults.behaviours import Play
from registry_faults.scene import CANARY, Scene, Staged
from support.certificates import ServerCertificate, certificate_for
from support.registries import Answer, Raw, hang, sent

HTTP, HTTPS = ("http",), ("https",)
BOTH = (*HTTP, *HTTPS)


class Outcome(Enum):
    """The outcome for the template, as the document shows it."""

    RIGHT = "pinned, exit code 0"
    BELIEVED = "pinned to the digest in the header, exit code 0"
    REFUSED = "nothing changed, exit code 3"


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        name: Its name, of the test and in the document.
        does: What the registry does, as the document says it.
        play: Has it happen.
        outcome: What becomes of the template.
        over: The schemes over which it can happen.
        quick: Whether it is over at once, and not after tries or a time limit.
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


def _plain_where_tls_is_meant(scene: Scene) -> Staged:
    registry = scene.serve(lambda _: it.IMAGE, scheme="http", listed=False)
    return Staged(f"{registry.host}/team/app:1")


def _with(certificate: Callable[[Path], ServerCertificate], *, told: bool = True, host: str = "127.0.0.1") -> Play:
    """Have a registry with a certificate whose authority the command is told of, or not."""

    def play(scene: Scene) -> Staged:
        bad = certificate(scene.folder("bad"))
        registry = scene.serve(lambda _: it.IMAGE, certificate=bad, listed=False, trusted=told)
        asked = f"{host}:{registry.port}"
        scene.name(asked)
        scene.name(host)
        return Staged(f"{asked}/team/app:1")

    return play


def _self_signed(directory: Path) -> ServerCertificate:
    return certificate_for(directory, "127.0.0.1")


_METADATA = f"169.254.169.254/latest/meta-data/iam/security-credentials/?x={CANARY}"
_ARM64 = "Platform=linux/arm64"
_AMD64 = "Platform=linux/amd64"

FAULTS: dict[str, tuple[Fault, ...]] = {
    "Overloaded or failing": (
        Fault(
            "one 429 with Retry-After",
            "responds with 429 once, with a Retry-After of one second",
            it.answers(it.BUSY_FOR_A_SECOND, it.IMAGE),
            Outcome.RIGHT,
            over=HTTP,
            quick=False,
        ),
        Fault(
            "one 408",
            "responds with 408 once",
            it.answers(Answer(408), it.IMAGE),
            Outcome.RIGHT,
            over=HTTP,
            quick=False,
        ),
        Fault(
            "one 500", "responds with 500 once", it.answers(it.BROKEN, it.IMAGE), Outcome.RIGHT, over=HTTP, quick=False
        ),
        Fault("429 every time", "always responds with 429", it.answers(it.BUSY), over=HTTP, quick=False),
        Fault(
            "429 with a Retry-After beyond the time limit",
            "responds with 429 and a Retry-After of one day",
            it.answers(it.failing(429, "TOOMANYREQUESTS", "come back tomorrow", Retry_After="86400")),
        ),
        Fault("500 every time", "always responds with 500", it.answers(it.BROKEN), over=HTTP, quick=False),
        Fault("503 every time", "always responds with 503", it.answers(it.DOWN), quick=False),
    ),
    "Slow or hanging": (
        Fault(
            "connection without a response",
            "accepts the connection and sends nothing, not even a TLS handshake",
            it.short_of_time(_at_port(listening=True)),
            quick=False,
        ),
        Fault(
            "request without a response",
            "reads the request and sends nothing",
            it.stalls(Raw(hang)),
            quick=False,
        ),
        Fault(
            "endless header",
            "sends a header that never ends, one byte at a time",
            it.stalls(Raw(it.drip_headers)),
            quick=False,
        ),
        Fault(
            "endless slow body",
            "sends a body that never ends, one byte at a time",
            it.stalls(Raw(it.drip_body)),
            quick=False,
        ),
    ),
    "Truncated or oversized responses": (
        Fault(
            "truncated body",
            "sends half of the body and closes the connection",
            it.answers(Raw(it.half_a_body)),
            quick=False,
        ),
        Fault(
            "truncated body of unknown length",
            "sends no length and no digest, and closes the connection before the last line break",
            it.answers(Raw(it.all_but_the_end_of_a_body_of_unknown_length)),
        ),
        Fault("truncated header", "closes the connection within a header", it.answers(Raw(it.half_a_head))),
        Fault(
            "closed without a response",
            "reads the request and closes the connection",
            it.answers(Raw(it.close)),
            over=HTTP,
            quick=False,
        ),
        Fault(
            "closed once",
            "reads the request and closes the connection, and responds to the retry",
            it.answers(Raw(it.close), it.IMAGE),
            Outcome.RIGHT,
            over=HTTP,
            quick=False,
        ),
        Fault(
            "body larger than the limit",
            "sends a manifest of 4 MiB and one byte",
            it.answers(sent(it.MANIFEST.ljust(it.LIMIT + 1))),
        ),
        Fault("endless fast body", "sends a body that never ends, as fast as it can", it.answers(Raw(it.flood))),
    ),
    "Invalid responses": (
        Fault("no digest header", "sends no digest", it.answers(it.WITHOUT_HEADER), Outcome.RIGHT),
        Fault("wrong digest header", "sends the digest of another manifest", it.answers(it.LYING)),
        Fault(
            "digest header with sha512",
            "sends a SHA-512 digest",
            it.answers(sent(it.MANIFEST, Docker_Content_Digest="sha512:" + "0" * 128)),
        ),
        Fault("wrong content type", "sends the manifest as text/plain", it.answers(sent(it.MANIFEST, "text/plain"))),
        Fault(
            "wrong media type",
            "sends a manifest with the media type of an index",
            it.answers(sent(it.MANIFEST, OCI_INDEX)),
        ),
        Fault("invalid JSON", "sends a truncated manifest", it.answers(sent(it.MANIFEST[:-2]))),
        Fault(
            "schema 1",
            "has the image only as a Docker schema 1 manifest",
            it.answers(sent(it.SCHEMA_1, DOCKER_SCHEMA1[1])),
        ),
        Fault(
            "index without the platform", "has the image only for linux/amd64", it.answers(it.FOR_AMD64, options=_ARM64)
        ),
        Fault("HTML login page", "responds with 200 and an HTML page", it.answers(it.LOGIN_PAGE)),
        Fault("HTML 404", "responds with 404 and an HTML page", it.answers(replace(it.LOGIN_PAGE, status=404))),
    ),
    "HEAD requests to registries that count pulls": (
        Fault("HEAD 405", "does not support HEAD", it.metered(Answer(405), it.IMAGE), Outcome.RIGHT),
        Fault("HEAD 403", "rejects only HEAD", it.metered(Answer(403), it.IMAGE), Outcome.RIGHT),
        Fault(
            "no digest header to HEAD",
            "sends no digest",
            it.metered(it.WITHOUT_HEADER, it.WITHOUT_HEADER),
            Outcome.RIGHT,
        ),
        Fault(
            "wrong digest header, trusted",
            "sends the digest of another manifest, which the documented exception allows",
            it.metered(it.LYING, it.LYING),
            Outcome.BELIEVED,
        ),
        Fault(
            "wrong digest header, not trusted",
            "does the same, with `IMAGE_PINNER_METERED_REGISTRIES=none`",
            it.metered(it.LYING, it.LYING, said="none"),
        ),
        Fault(
            "another manifest after HEAD",
            "sends a digest, and for that digest another manifest",
            it.metered(it.IMAGE, sent(it.ANOTHER), options=_AMD64),
        ),
    ),
    "Credentials": (
        Fault(
            "401 every time",
            "rejects all credentials",
            it.demands(it.failing(401, "UNAUTHORIZED", "who?")),
            over=HTTPS,
        ),
        Fault(
            "401 over plain HTTP",
            "requires credentials over plain HTTP and receives none",
            it.demands(it.failing(401, "UNAUTHORIZED", "who?"), shown=("",)),
            over=HTTP,
        ),
        Fault(
            "401 without a challenge",
            "requires credentials without stating the scheme",
            it.demands(Answer(401), header="", shown=("",)),
        ),
        Fault("403 with diagnostics", "sends the reason, with a token in a URL", it.answers(it.DENIED)),
        Fault(
            "token service on another host",
            "uses an HTTPS token service on another host, which alone receives the credentials",
            it.tokens(it.issued),
            Outcome.RIGHT,
            over=HTTPS,
        ),
        Fault(
            "token service on another host, all over plain HTTP",
            "uses a token service on another host over plain HTTP; neither receives credentials",
            it.tokens(it.issued, login=""),
            Outcome.RIGHT,
            over=HTTP,
        ),
        Fault(
            "token service over plain HTTP",
            "uses a token service over plain HTTP",
            it.tokens(it.issued, scheme="http", allowed=False),
            over=HTTPS,
        ),
        Fault(
            "token service at the metadata address",
            "uses 169.254.169.254 as its token service",
            it.tokens(it.issued, allowed=False, realm=f"https://{_METADATA}"),
        ),
        Fault(
            "token service rejects",
            "its token service responds with 401 and repeats the credentials",
            it.tokens(it.refused),
            over=HTTPS,
        ),
        Fault(
            "token service hangs",
            "its token service never responds",
            it.short_of_time(it.tokens(lambda _: Raw(hang))),
            over=HTTPS,
            quick=False,
        ),
        Fault(
            "token service without a token",
            "its token service responds without a token",
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
            "redirect to 169.254.169.254 over HTTPS",
            "redirects to it over HTTPS",
            it.redirects(lambda _: f"https://{_METADATA}"),
        ),
        Fault(
            "redirect to loopback",
            "redirects to a server on this machine that is not configured",
            it.redirects_to(it.other_server("https", listed=False)),
        ),
        Fault(
            "redirect to plain HTTP",
            "redirects to another registry over plain HTTP, which is configured as insecure",
            it.redirects_to(it.other_server("http")),
            over=HTTPS,
        ),
        Fault(
            "redirect from plain HTTP to plain HTTP",
            "uses plain HTTP itself, and redirects to a plain HTTP host that is not configured",
            it.redirects_to(it.other_server("http", listed=False)),
            over=HTTP,
        ),
        Fault(
            "redirect to another host after authentication",
            "redirects to a configured host, which never receives the credentials",
            it.redirects_to(it.other_server(), after_a_login=True),
            Outcome.RIGHT,
            over=HTTPS,
        ),
    ),
    "Certificates and connections": (
        Fault(
            "certificate for another name",
            "sends a certificate of another host",
            _with(certificate_for_another, host="localhost"),
            over=HTTPS,
        ),
        Fault(
            "certificate self-signed", "sends a self-signed certificate", _with(_self_signed, told=False), over=HTTPS
        ),
        Fault(
            "certificate of an unknown CA",
            "sends a certificate of an unknown CA",
            _with(certificate_of_a_stranger, told=False),
            over=HTTPS,
        ),
        Fault("certificate expired", "sends an expired certificate", _with(expired_certificate), over=HTTPS),
        Fault(
            "certificate not yet valid",
            "sends a certificate that is not valid yet",
            _with(early_certificate),
            over=HTTPS,
        ),
        Fault("plain HTTP", "uses plain HTTP and is not configured for it", _plain_where_tls_is_meant, over=HTTPS),
        Fault("DNS failure", "has no DNS record", _nowhere, over=HTTPS),
        Fault("connection refused", "is not running", _at_port(listening=False), over=HTTPS, quick=False),
    ),
}
"""All faults, by the heading under which the document has them."""
