"""Responses that are not trusted, and refusals of a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from image_pinner.core.images.lookups import (
    DOCKER_LIST,
    DOCKER_SCHEMA1,
    OCI_INDEX,
    OCI_MANIFEST,
    NotFound,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import Digest
from support.images import attestation, descriptor, docker_image, encoded, oci_image, oci_index, platform
from support.registries import Answer, ScriptedRegistry, resolve_answer, sent

AMD64, ARM64 = oci_image(b'{"architecture": "amd64"}'), oci_image(b'{"architecture": "arm64"}')
INDEX = oci_index(
    descriptor(OCI_MANIFEST, AMD64, **platform("linux", "amd64")),
    descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64")),
    attestation(OCI_MANIFEST, b"{}", AMD64),
)


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: sent(AMD64)) as running:
        yield running


def errors(code: str, message: str = "") -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": {"Tag": "1"}}]}).encode()


def test_a_digest_header_that_contradicts_the_body_is_refused_with_both(
    registry: ScriptedRegistry,
) -> None:
    lie = "sha256:" + "0" * 64
    answer = resolve_answer(registry, sent(AMD64, Docker_Content_Digest=lie))
    assert isinstance(answer, Unavailable)
    assert lie in answer.cause
    assert str(Digest.of(AMD64)) in answer.cause


def test_a_digest_header_with_another_algorithm_is_refused(registry: ScriptedRegistry) -> None:
    answer = resolve_answer(registry, sent(AMD64, Docker_Content_Digest="sha512:" + "0" * 128))
    assert isinstance(answer, Unavailable)


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "", "application/octet-stream"])
def test_another_content_type_is_refused(registry: ScriptedRegistry, media_type: str) -> None:
    answer = resolve_answer(registry, sent(AMD64, media_type))
    assert isinstance(answer, Unavailable)
    assert "is not a manifest, with Content-Type" in answer.cause


def test_a_login_page_is_not_taken_for_a_manifest(registry: ScriptedRegistry) -> None:
    answer = resolve_answer(registry, sent(b"<html>Please log in</html>", "text/html"))
    assert isinstance(answer, Unavailable)
    assert "login page" in answer.help


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(INDEX, OCI_MANIFEST), (INDEX, DOCKER_LIST), (AMD64, OCI_INDEX), (docker_image(), OCI_MANIFEST)],
)
def test_a_media_type_that_contradicts_the_header_is_refused(
    registry: ScriptedRegistry, body: bytes, media_type: str
) -> None:
    answer = resolve_answer(registry, sent(body, media_type))
    assert isinstance(answer, Unavailable)
    assert "and mediaType" in answer.cause


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"mediaType": ', b"[" * 100_000, b"\xff\xfe", b"1e999999"])
def test_an_invalid_manifest_is_refused(registry: ScriptedRegistry, body: bytes) -> None:
    answer = resolve_answer(registry, sent(body))
    assert isinstance(answer, Unavailable)
    assert f"http://{registry.host}/v2/team/app/manifests/1 sent an invalid manifest" in answer.cause


def test_a_manifest_that_could_be_an_index_too_is_refused(registry: ScriptedRegistry) -> None:
    both = encoded({"schemaVersion": 2, "manifests": [], "config": {}, "layers": []})
    assert isinstance(resolve_answer(registry, sent(both)), Unavailable)


@pytest.mark.parametrize("media_type", [*DOCKER_SCHEMA1, "application/json", OCI_MANIFEST])
def test_schema_1_is_refused_whatever_it_is_sent_as(registry: ScriptedRegistry, media_type: str) -> None:
    old = encoded({"schemaVersion": 1, "name": "team/app", "tag": "1", "fsLayers": []})
    answer = resolve_answer(registry, sent(old, media_type))
    assert isinstance(answer, Unsuitable)
    assert "schema 1" in answer.cause


def test_a_manifest_beyond_4_mib_is_refused(registry: ScriptedRegistry) -> None:
    answer = resolve_answer(registry, sent(b" " * (4 * 1024 * 1024 + 1)))
    assert isinstance(answer, Unavailable)
    assert "sent more than 4194304 bytes" in answer.cause


def test_an_uncompressed_answer_is_requested(registry: ScriptedRegistry) -> None:
    assert isinstance(resolve_answer(registry, sent(AMD64)), Resolved)
    assert registry.seen[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"])
def test_404_with_a_registry_s_error_code_is_an_absent_image(registry: ScriptedRegistry, code: str) -> None:
    answer = resolve_answer(registry, Answer(404, {"Content-Type": "application/json"}, errors(code, "not here")))
    assert isinstance(answer, NotFound)
    assert f"{code}: not here" in answer.cause
    assert "team/app" in answer.help


@pytest.mark.parametrize("body", [b"", b"<html>nothing here</html>", errors("not a code"), b'{"errors": 3}'])
def test_404_of_what_may_be_no_registry_is_not_taken_for_an_absent_image(
    registry: ScriptedRegistry, body: bytes
) -> None:
    answer = resolve_answer(registry, Answer(404, {"Content-Type": "text/html"}, body))
    assert isinstance(answer, Unsuitable)


@pytest.mark.parametrize("status", [202, 204, 206, 304, 400, 405, 418, 501])
def test_any_other_status_is_unavailable(registry: ScriptedRegistry, status: int) -> None:
    answer = resolve_answer(registry, Answer(status))
    assert isinstance(answer, Unavailable)
    assert f"returned {status}" in answer.cause
    assert len(registry.seen) == 1


def test_the_message_of_a_registry_is_sanitized(
    registry: ScriptedRegistry,
) -> None:
    message = "see https://user:pw@help.example/why?sig=abc123 \x1b[31m\u202e Bearer eyJhbGciOiJ.eyJzdWIi.c2ln"
    answer = resolve_answer(registry, Answer(501, {"Content-Type": "application/json"}, errors("UNKNOWN", message)))
    assert isinstance(answer, Unavailable)
    assert "UNKNOWN: see https://help.example/why [31m Bearer" in answer.cause
    for hidden in ("sig=", "abc123", "pw@", "\x1b", "\u202e", "eyJ"):
        assert hidden not in answer.cause


def test_a_page_in_html_is_not_repeated(registry: ScriptedRegistry) -> None:
    answer = resolve_answer(registry, Answer(500, {"Content-Type": "text/html"}, b"<html>boom</html>"))
    assert isinstance(answer, Unavailable)
    assert "html" not in answer.cause


def test_a_long_error_is_cut(registry: ScriptedRegistry) -> None:
    answer = resolve_answer(registry, Answer(500, {"Content-Type": "text/plain"}, b"e" * 1_000_000))
    assert isinstance(answer, Unavailable)
    assert len(answer.cause) < 400
