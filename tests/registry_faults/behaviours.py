"""What broken registries do: responses, bytes on the wire, and how to start their servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import BinaryIO

from image_pinner.core.images.lookups import OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest
from registry_faults.scene import CANARY, OTHER, PASSWORD, SERVICE, TOKEN, Scene, Staged, nothing_more
from support.images import INDEX, MANIFEST, encoded
from support.registries import Answer, Raw, Script, ScriptedRegistry, Seen, sent

Play = Callable[[Scene], Staged]
"""Starts the servers of a fault and returns what to pin."""

SCHEMA_1 = encoded({"schemaVersion": 1, "name": "team/app", "tag": "1", "fsLayers": [], "signatures": []})
RIGHT, LIE = str(Digest.of(MANIFEST)), "sha256:" + "0" * 64
LIMIT = 4 * 1024 * 1024

IMAGE = sent(MANIFEST)
WITHOUT_HEADER = Answer(200, {"Content-Type": OCI_MANIFEST}, MANIFEST)
LYING = sent(MANIFEST, Docker_Content_Digest=LIE)
LOGIN_PAGE = Answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html><title>Who are you?</title></html>")
FOR_AMD64 = sent(INDEX, OCI_INDEX)
_REQUIRES_PASSWORD = {"WWW-Authenticate": 'Basic realm="registry"'}


def error(status: int, code: str, message: str, **headers: str) -> Answer:
    """Return an error response in the format of registries."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/json", **named}, body)


BUSY = error(429, "TOOMANYREQUESTS", "slow down")
BUSY_FOR_A_SECOND = error(429, "TOOMANYREQUESTS", "slow down", Retry_After="1")
BROKEN = error(500, "UNKNOWN", "panic")
DOWN = error(503, "UNAVAILABLE", "maintenance")
DENIED = error(403, "DENIED", f"not from this network, see https://help.example/why?token={CANARY}")


def drip_headers(wire: BinaryIO, stopping: threading.Event) -> None:
    """Send a header that never ends, now and then a byte of it."""
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: ")
    while not stopping.wait(0.05):
        wire.write(b"x")


def drip_body(wire: BinaryIO, stopping: threading.Event) -> None:
    """Send a body that never ends, now and then a byte of it."""
    wire.write(_head(OCI_MANIFEST, LIMIT))
    while not stopping.wait(0.05):
        wire.write(b" ")


def flood(wire: BinaryIO, stopping: threading.Event) -> None:
    """Send a body that never ends, as fast as it is read."""
    wire.write(_head(OCI_MANIFEST, 1 << 40))
    while not stopping.is_set():
        wire.write(b" " * 65536)


def half_a_body(wire: BinaryIO, _: threading.Event) -> None:
    """Send half of the manifest, and close."""
    wire.write(_head(OCI_MANIFEST, len(MANIFEST)) + MANIFEST[: len(MANIFEST) // 2])


def all_but_the_end_of_a_body_of_unknown_length(wire: BinaryIO, _: threading.Event) -> None:
    """Send a manifest, of which a last line break may be missing, and close, which is the end of such a response."""
    wire.write(f"HTTP/1.1 200 OK\r\nContent-Type: {OCI_MANIFEST}\r\n\r\n".encode() + MANIFEST)


def half_a_head(wire: BinaryIO, _: threading.Event) -> None:
    """Send the beginning of a response, and close within a header."""
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.im")


def close(_: BinaryIO, __: threading.Event) -> None:
    """Close without a response."""


def _head(media_type: str, length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n".encode()


def answers(*in_order: Answer | Raw, options: str = "") -> Play:
    """Start a registry that sends responses one after the other, and then always the last one."""

    def play(scene: Scene) -> Staged:
        return Staged(f"{scene.serve(_one_after_the_other(in_order)).host}/team/app:1", options)

    return play


def stalls(answer: Raw) -> Play:
    """Start a registry that stalls, with a timeout of a second, so that the others have time."""
    return short_of_time(answers(answer))


def short_of_time(play: Play) -> Play:
    """Set timeouts: a second for a registry, three for the run."""

    def in_short(scene: Scene) -> Staged:
        scene.settings |= {"HOST_TIMEOUT": "1", "TIMEOUT": "3"}
        return play(scene)

    return in_short


def counts_pulls(head: Answer, get: Answer, *, options: str = "", configured: str = "") -> Play:
    """Start a registry with responses to HEAD and GET, and configure it, or `configured`, as one that counts pulls."""

    def play(scene: Scene) -> Staged:
        registry = scene.serve(lambda seen: replace(head, body=b"") if seen.method == "HEAD" else get)
        scene.list("METERED_REGISTRIES", configured or registry.host)
        return Staged(f"{registry.host}/team/app:1", options)

    return play


def redirects(location: Callable[[Seen], str]) -> Play:
    """Start a registry that redirects."""

    def play(scene: Scene) -> Staged:
        registry = scene.serve(lambda seen: Answer(307, {"Location": location(seen)}))
        return Staged(f"{registry.host}/team/app:1")

    return play


def redirects_to(target: Callable[[Scene], ScriptedRegistry], *, with_credentials: bool = False) -> Play:
    """Start a registry that redirects to another server, which has the image.

    Without credentials, the server must get no connection; with them, it must not get the credentials.
    """

    def play(scene: Scene) -> Staged:
        other = target(scene)
        moved = Answer(307, {"Location": f"{other.url}/v2/team/app/manifests/1?signature={CANARY}"})

        def script(seen: Seen) -> Answer:
            known = seen.authorization or not with_credentials
            return moved if known else replace(error(401, "UNAUTHORIZED", "who?"), headers=_REQUIRES_PASSWORD)

        registry = scene.serve(script)
        image = f"{registry.host}/team/app:1"
        if not with_credentials:
            return Staged(image, untouched=(other,))
        scene.add_credential(registry)

        def check() -> None:
            assert [seen.authorization for seen in registry.seen] == ["", PASSWORD.basic()]
            assert [seen.authorization for seen in other.seen] == [""]

        return Staged(image, check=check)

    return play


def other_server(scheme: str = "", *, listed: bool = True) -> Callable[[Scene], ScriptedRegistry]:
    """Return what starts another server, which has the image."""

    def start(scene: Scene) -> ScriptedRegistry:
        return scene.serve(lambda _: IMAGE, OTHER, scheme=scheme, listed=listed)

    return start


def requires_password(
    answer: Answer,
    *,
    header: str = _REQUIRES_PASSWORD["WWW-Authenticate"],
    received: Sequence[str] = ("", PASSWORD.basic()),
) -> Play:
    """Start a registry that refuses every credential; one is configured for it."""

    def play(scene: Scene) -> Staged:
        registry = scene.serve(lambda _: replace(answer, headers={**answer.headers, "WWW-Authenticate": header}))
        scene.add_credential(registry)

        def check() -> None:
            assert [seen.authorization for seen in registry.seen] == list(received)

        return Staged(f"{registry.host}/team/app:1", check=check)

    return play


def tokens(
    issue: Script, *, scheme: str = "", allowed: bool = True, realm: str = "", token_credential: str = PASSWORD.basic()
) -> Play:
    """Start a registry that requires a token from a service on another host; a credential is configured for it.

    Args:
        issue: What the service does.
        scheme: The scheme of the service, by default that of the registry.
        allowed: Whether the service may get a connection.
        realm: The URL of the service, if it is not the one that is started here.
        token_credential: The `Authorization` header that the service gets.
    """

    def play(scene: Scene) -> Staged:
        service = scene.serve(issue, SERVICE, scheme=scheme)
        url = realm or f"{service.url}/token"
        challenge = f'Bearer realm="{url}",service="registry",scope="repository:team/app:pull"'

        def script(seen: Seen) -> Answer:
            if seen.authorization == f"Bearer {TOKEN}":
                return IMAGE
            return replace(error(401, "UNAUTHORIZED", "who?"), headers={"WWW-Authenticate": challenge})

        registry = scene.serve(script)
        scene.add_credential(registry)

        def check() -> None:
            """The credential goes to the service only, the token to the registry."""
            assert {seen.authorization for seen in service.seen} == {token_credential}
            assert {seen.authorization for seen in registry.seen} <= {"", f"Bearer {TOKEN}"}

        untouched = () if allowed else (service,)
        return Staged(f"{registry.host}/team/app:1", untouched=untouched, check=check if allowed else nothing_more)

    return play


def issued(_: Seen) -> Answer:
    """Return a token."""
    return Answer(200, {"Content-Type": "application/json"}, json.dumps({"token": TOKEN}).encode())


def refused(seen: Seen) -> Answer:
    """Refuse, and repeat the credential."""
    return Answer(401, {"Content-Type": "text/plain"}, f"no: {seen.authorization} / {PASSWORD.password}".encode())


def without_token(_: Seen) -> Answer:
    """Return a response without a token."""
    return Answer(200, {"Content-Type": "application/json"}, b'{"expires_in": 300}')


def _one_after_the_other(in_order: Sequence[Answer | Raw]) -> Script:
    lock, left = threading.Lock(), list(in_order)

    def script(_: Seen) -> Answer | Raw:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script
