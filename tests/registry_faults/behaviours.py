"""What registries do when they break: answers, bytes on the wire, and the plays that the faults are made of."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import BinaryIO

from image_pinner.core.images.lookups import OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest
from registry_faults.scene import CANARY, OTHER, PASSWORD, SERVICE, TOKEN, Scene, Staged, nothing_more
from support.images import config_for, descriptor, encoded, oci_image, oci_index, platform
from support.registries import Answer, Raw, Script, ScriptedRegistry, Seen, sent

Play = Callable[[Scene], Staged]
"""Has the servers of a fault stand, and says what is to be pinned."""

CONFIG = config_for("linux", "amd64")
MANIFEST, ANOTHER = oci_image(CONFIG), oci_image(CONFIG, b"another layer")
INDEX = oci_index(descriptor(OCI_MANIFEST, MANIFEST, **platform("linux", "amd64")))
SCHEMA_1 = encoded({"schemaVersion": 1, "name": "team/app", "tag": "1", "fsLayers": [], "signatures": []})
RIGHT, LIE = str(Digest.of(MANIFEST)), "sha256:" + "0" * 64
LIMIT = 4 * 1024 * 1024

IMAGE = sent(MANIFEST)
WITHOUT_HEADER = Answer(200, {"Content-Type": OCI_MANIFEST}, MANIFEST)
LYING = sent(MANIFEST, Docker_Content_Digest=LIE)
LOGIN_PAGE = Answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html><title>Who are you?</title></html>")
FOR_AMD64 = sent(INDEX, OCI_INDEX)
_WANTS_PASSWORD = {"WWW-Authenticate": 'Basic realm="registry"'}


def failing(status: int, code: str, message: str, **headers: str) -> Answer:
    """Give an error as registries write it."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/json", **named}, body)


BUSY = failing(429, "TOOMANYREQUESTS", "slow down")
BUSY_FOR_A_SECOND = failing(429, "TOOMANYREQUESTS", "slow down", Retry_After="1")
BROKEN = failing(500, "UNKNOWN", "panic")
DOWN = failing(503, "UNAVAILABLE", "maintenance")
DENIED = failing(403, "DENIED", f"not from this network, see https://help.example/why?token={CANARY}")


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
    """Send a manifest, of which a last line break may be missing, and close: such an answer has no other end."""
    wire.write(f"HTTP/1.1 200 OK\r\nContent-Type: {OCI_MANIFEST}\r\n\r\n".encode() + MANIFEST)


def half_a_head(wire: BinaryIO, _: threading.Event) -> None:
    """Begin an answer, and close in the middle of a header."""
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.im")


def close(_: BinaryIO, __: threading.Event) -> None:
    """Close without a word."""


def _head(media_type: str, length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n".encode()


def answers(*in_order: Answer | Raw, options: str = "") -> Play:
    """Have a registry give answers one after the other, and the last one for ever."""

    def play(scene: Scene) -> Staged:
        return Staged(f"{scene.serve(_one_after_the_other(in_order)).host}/team/app:1", options)

    return play


def stalls(answer: Raw) -> Play:
    """Have a registry keep the command waiting; it gets a second, so that the others have time."""
    return short_of_time(answers(answer))


def short_of_time(play: Play) -> Play:
    """Give a registry a second, and the run three."""

    def in_short(scene: Scene) -> Staged:
        scene.settings |= {"HOST_TIMEOUT": "1", "TIMEOUT": "3"}
        return play(scene)

    return in_short


def metered(head: Answer, get: Answer, *, options: str = "", configured: str = "") -> Play:
    """Have a registry that meters pulls, or one of which that is said, answer to HEAD and to GET."""

    def play(scene: Scene) -> Staged:
        registry = scene.serve(lambda seen: replace(head, body=b"") if seen.method == "HEAD" else get)
        scene.list("METERED_REGISTRIES", configured or registry.host)
        return Staged(f"{registry.host}/team/app:1", options)

    return play


def redirects(location: Callable[[Seen], str]) -> Play:
    """Have a registry send the command elsewhere."""

    def play(scene: Scene) -> Staged:
        registry = scene.serve(lambda seen: Answer(307, {"Location": location(seen)}))
        return Staged(f"{registry.host}/team/app:1")

    return play


def redirects_to(target: Callable[[Scene], ScriptedRegistry], *, after_a_login: bool = False) -> Play:
    """Have a registry send the command to another server of the scene, which has the image.

    Without a login the server is one that nobody may connect to; with it, one that must not see the login.
    """

    def play(scene: Scene) -> Staged:
        other = target(scene)
        moved = Answer(307, {"Location": f"{other.url}/v2/team/app/manifests/1?signature={CANARY}"})

        def script(seen: Seen) -> Answer:
            known = seen.authorization or not after_a_login
            return moved if known else replace(failing(401, "UNAUTHORIZED", "who?"), headers=_WANTS_PASSWORD)

        registry = scene.serve(script)
        image = f"{registry.host}/team/app:1"
        if not after_a_login:
            return Staged(image, untouched=(other,))
        scene.add_credential(registry)

        def check() -> None:
            assert [seen.authorization for seen in registry.seen] == ["", PASSWORD.basic()]
            assert [seen.authorization for seen in other.seen] == [""]

        return Staged(image, check=check)

    return play


def other_server(scheme: str = "", *, listed: bool = True) -> Callable[[Scene], ScriptedRegistry]:
    """Give what has another server stand, which has the image."""

    def stand(scene: Scene) -> ScriptedRegistry:
        return scene.serve(lambda _: IMAGE, OTHER, scheme=scheme, listed=listed)

    return stand


def demands(
    answer: Answer,
    *,
    header: str = _WANTS_PASSWORD["WWW-Authenticate"],
    shown: Sequence[str] = ("", PASSWORD.basic()),
) -> Play:
    """Have a registry answer the same whatever it is shown; the command has a login for it."""

    def play(scene: Scene) -> Staged:
        registry = scene.serve(lambda _: replace(answer, headers={**answer.headers, "WWW-Authenticate": header}))
        scene.add_credential(registry)

        def check() -> None:
            assert [seen.authorization for seen in registry.seen] == list(shown)

        return Staged(f"{registry.host}/team/app:1", check=check)

    return play


def tokens(
    issue: Script, *, scheme: str = "", allowed: bool = True, realm: str = "", login: str = PASSWORD.basic()
) -> Play:
    """Have a registry demand a token of a service on another host; the command has a login for the registry.

    Args:
        issue: What the service does.
        scheme: How the service is asked, as the registry by default.
        allowed: Whether the service may be asked.
        realm: The URL of the service, where it is none of ours.
        login: What the service is shown.
    """

    def play(scene: Scene) -> Staged:
        service = scene.serve(issue, SERVICE, scheme=scheme)
        url = realm or f"{service.url}/token"
        demand = f'Bearer realm="{url}",service="registry",scope="repository:team/app:pull"'

        def script(seen: Seen) -> Answer:
            if seen.authorization == f"Bearer {TOKEN}":
                return IMAGE
            return replace(failing(401, "UNAUTHORIZED", "who?"), headers={"WWW-Authenticate": demand})

        registry = scene.serve(script)
        scene.add_credential(registry)

        def check() -> None:
            """The login goes to the service and not to the registry, the token to the registry."""
            assert {seen.authorization for seen in service.seen} == {login}
            assert {seen.authorization for seen in registry.seen} <= {"", f"Bearer {TOKEN}"}

        untouched = () if allowed else (service,)
        return Staged(f"{registry.host}/team/app:1", untouched=untouched, check=check if allowed else nothing_more)

    return play


def issued(_: Seen) -> Answer:
    """Give a token."""
    return Answer(200, {"Content-Type": "application/json"}, json.dumps({"token": TOKEN}).encode())


def refused(seen: Seen) -> Answer:
    """Refuse, and repeat what was shown."""
    return Answer(401, {"Content-Type": "text/plain"}, f"no: {seen.authorization} / {PASSWORD.password}".encode())


def without_token(_: Seen) -> Answer:
    """Give an answer that has no token."""
    return Answer(200, {"Content-Type": "application/json"}, b'{"expires_in": 300}')


def _one_after_the_other(in_order: Sequence[Answer | Raw]) -> Script:
    lock, left = threading.Lock(), list(in_order)

    def script(_: Seen) -> Answer | Raw:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script
