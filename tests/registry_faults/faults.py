"""The faults of registries: what breaks, and what becomes of the template. docs/registry-faults.md shows this table."""

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
    """What becomes of the template, in the words of the document."""

    RIGHT = "the right digest, exit code 0"
    BELIEVED = "the header's digest, exit code 0"
    REFUSED = "nothing is changed, exit code 3"


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


def _with(certificate: Callable[[Path], ServerCertificate], *, trusted: bool = True, host: str = "127.0.0.1") -> Play:
    """Have a registry with a certificate whose authority the command is told of, or not."""

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
            "answers 429 once and names a second to wait",
            it.answers(it.BUSY_FOR_A_SECOND, it.IMAGE),
            Outcome.RIGHT,
            over=HTTP,
            quick=False,
        ),
        Fault("one 408", "answers 408 once", it.answers(Answer(408), it.IMAGE), Outcome.RIGHT, over=HTTP, quick=False),
        Fault("one 500", "answers 500 once", it.answers(it.BROKEN, it.IMAGE), Outcome.RIGHT, over=HTTP, quick=False),
        Fault("429 for ever", "answers 429 each time", it.answers(it.BUSY), over=HTTP, quick=False),
        Fault(
            "429 with a Retry-After beyond the time limit",
            "answers 429 and names a day to wait",
            it.answers(it.failing(429, "TOOMANYREQUESTS", "come back tomorrow", Retry_After="86400")),
        ),
        Fault("500 for ever", "answers 500 each time", it.answers(it.BROKEN), over=HTTP, quick=False),
        Fault("503 for ever", "answers 503 each time", it.answers(it.DOWN), quick=False),
    ),
    "Slow": (
        Fault(
            "accepts and never answers",
            "accepts the connection and says nothing, not even to secure it",
            it.short_of_time(_at_port(listening=True)),
            quick=False,
        ),
        Fault(
            "takes the request and never answers",
            "reads the request and says nothing",
            it.stalls(Raw(hang)),
            quick=False,
        ),
        Fault(
            "endless drip of headers",
            "sends a header that never ends, byte by byte",
            it.stalls(Raw(it.drip_headers)),
            quick=False,
        ),
        Fault(
            "endless drip of a body",
            "sends a body that never ends, byte by byte",
            it.stalls(Raw(it.drip_body)),
            quick=False,
        ),
    ),
    "Cut short, or too long": (
        Fault("truncated body", "sends half of the body and closes", it.answers(Raw(it.half_a_body)), quick=False),
        Fault(
            "body of unknown length, cut short",
            "names neither length nor digest, and closes before the last line break",
            it.answers(Raw(it.all_but_the_end_of_a_body_of_unknown_length)),
        ),
        Fault("closes mid-response", "closes within a header", it.answers(Raw(it.half_a_head))),
        Fault(
            "closes without an answer",
            "reads the request and closes",
            it.answers(Raw(it.close)),
            over=HTTP,
            quick=False,
        ),
        Fault(
            "closes once",
            "reads the request and closes, and answers when asked again",
            it.answers(Raw(it.close), it.IMAGE),
            Outcome.RIGHT,
            over=HTTP,
            quick=False,
        ),
        Fault(
            "body bigger than the limit",
            "sends a manifest of 4 MiB and a byte",
            it.answers(sent(it.MANIFEST.ljust(it.LIMIT + 1))),
        ),
        Fault("body without an end", "sends on and on, as fast as it can", it.answers(Raw(it.flood))),
    ),
    "Wrong answers": (
        Fault("no digest header", "names no digest", it.answers(it.WITHOUT_HEADER), Outcome.RIGHT),
        Fault("lying digest header", "names the digest of something else", it.answers(it.LYING)),
        Fault(
            "digest header with sha512",
            "names a digest by sha512",
            it.answers(sent(it.MANIFEST, Docker_Content_Digest="sha512:" + "0" * 128)),
        ),
        Fault("wrong content type", "sends the manifest as text/plain", it.answers(sent(it.MANIFEST, "text/plain"))),
        Fault("another manifest's type", "calls a manifest an index", it.answers(sent(it.MANIFEST, OCI_INDEX))),
        Fault("invalid JSON", "sends a manifest without its end", it.answers(sent(it.MANIFEST[:-2]))),
        Fault(
            "schema 1", "has an image of Docker's first format only", it.answers(sent(it.SCHEMA_1, DOCKER_SCHEMA1[1]))
        ),
        Fault("index without the platform", "has the image, for linux/amd64", it.answers(it.FOR_AMD64, options=_ARM64)),
        Fault("HTML login page", "answers 200 with a page for browsers", it.answers(it.LOGIN_PAGE)),
        Fault("HTML 404", "answers 404 with a page for browsers", it.answers(replace(it.LOGIN_PAGE, status=404))),
    ),
    "Asked by HEAD, where pulls are metered": (
        Fault("HEAD 405", "knows no HEAD", it.metered(Answer(405), it.IMAGE), Outcome.RIGHT),
        Fault("HEAD 403", "refuses HEAD only", it.metered(Answer(403), it.IMAGE), Outcome.RIGHT),
        Fault(
            "no digest header to HEAD",
            "names no digest",
            it.metered(it.WITHOUT_HEADER, it.WITHOUT_HEADER),
            Outcome.RIGHT,
        ),
        Fault(
            "lying HEAD, believed",
            "names the digest of something else, as the documented exception lets it",
            it.metered(it.LYING, it.LYING),
            Outcome.BELIEVED,
        ),
        Fault(
            "lying HEAD, where none is believed",
            "does the same, and `IMAGE_PINNER_METERED_REGISTRIES` is `none`",
            it.metered(it.LYING, it.LYING, configured="none"),
        ),
        Fault(
            "another manifest by digest after HEAD",
            "names one digest, and sends another manifest when asked for it",
            it.metered(it.IMAGE, sent(it.ANOTHER), options=_AMD64),
        ),
    ),
    "Logins": (
        Fault(
            "401 for ever",
            "wants a password, whatever it gets",
            it.demands(it.failing(401, "UNAUTHORIZED", "who?")),
            over=HTTPS,
        ),
        Fault(
            "401 over plain HTTP",
            "wants a password by plain http, and gets none",
            it.demands(it.failing(401, "UNAUTHORIZED", "who?"), shown=("",)),
            over=HTTP,
        ),
        Fault(
            "401 that names no way to log in",
            "wants a login and does not say which",
            it.demands(Answer(401), header="", shown=("",)),
        ),
        Fault("403 with diagnostics", "says why not, with a token in a URL", it.answers(it.DENIED)),
        Fault(
            "token service on another host",
            "names a token service by https elsewhere, which alone sees the login",
            it.tokens(it.issued),
            Outcome.RIGHT,
            over=HTTPS,
        ),
        Fault(
            "token service on another host, all over plain HTTP",
            "refers to a token service over plain HTTP elsewhere; both are insecure registries and get no credentials",
            it.tokens(it.issued, login=""),
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
            "names 169.254.169.254 as its token service",
            it.tokens(it.issued, allowed=False, realm=f"https://{_METADATA}"),
        ),
        Fault(
            "token service refusing",
            "its token service answers 401 and repeats the login",
            it.tokens(it.refused),
            over=HTTPS,
        ),
        Fault(
            "token service slow",
            "its token service never answers",
            it.short_of_time(it.tokens(lambda _: Raw(hang))),
            over=HTTPS,
            quick=False,
        ),
        Fault(
            "token service returning no token",
            "its token service answers without one",
            it.tokens(it.without_token),
            over=HTTPS,
        ),
    ),
    "Redirects": (
        Fault("redirect loop", "redirects to itself", it.redirects(lambda seen: seen.path)),
        Fault("redirect to 169.254.169.254", "redirects to it by http", it.redirects(lambda _: f"http://{_METADATA}")),
        Fault(
            "redirect to 169.254.169.254 by https",
            "redirects to it by https",
            it.redirects(lambda _: f"https://{_METADATA}"),
        ),
        Fault(
            "redirect to loopback",
            "redirects to a server on this machine that nobody listed",
            it.redirects_to(it.other_server("https", listed=False)),
        ),
        Fault(
            "redirect to http",
            "redirects to another registry by plain http, even one that is listed as insecure",
            it.redirects_to(it.other_server("http")),
            over=HTTPS,
        ),
        Fault(
            "redirect to http from http",
            "is asked by plain http itself, and redirects to a host by plain http that is not listed",
            it.redirects_to(it.other_server("http", listed=False)),
            over=HTTP,
        ),
        Fault(
            "redirect to another host after a login",
            "redirects to a host that is listed, which never sees the login",
            it.redirects_to(it.other_server(), after_a_login=True),
            Outcome.RIGHT,
            over=HTTPS,
        ),
    ),
    "Certificates and connections": (
        Fault(
            "certificate for another name",
            "shows one of another host",
            _with(certificate_for_another, host="localhost"),
            over=HTTPS,
        ),
        Fault(
            "certificate self-signed", "shows one that it made itself", _with(_self_signed, trusted=False), over=HTTPS
        ),
        Fault(
            "certificate of a stranger",
            "shows one of an unknown authority",
            _with(certificate_of_a_stranger, trusted=False),
            over=HTTPS,
        ),
        Fault("certificate expired", "shows one that was good", _with(expired_certificate), over=HTTPS),
        Fault("certificate not yet valid", "shows one that will be good", _with(early_certificate), over=HTTPS),
        Fault("plain http", "speaks plain http and is not listed for it", _plain_where_tls_is_meant, over=HTTPS),
        Fault("DNS failure", "has no address", _nowhere, over=HTTPS),
        Fault("connection refused", "is not there", _at_port(listening=False), over=HTTPS, quick=False),
    ),
}
"""All faults, by the heading under which the document has them."""
