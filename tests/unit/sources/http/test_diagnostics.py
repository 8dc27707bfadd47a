from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.sources.http.redaction import RegistryError, describe_body, errors_in, sanitize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer ***"),
        ("basic dXNlcjpwYXNzd29yZA==", "basic ***"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln!", "got ***!"),
        ('{"access_token": "abcdefgh"}', '{"access_token=***"}'),
        ("password=hunter22hunter", "password=***"),
        ("https://h.example/a?X-Amz-Signature=1&b=2#c and more", "https://h.example/a and more"),
        ("https://user:secret@h.example/a", "https://h.example/a"),
        ("one\r\ntwo\x00\x1b[0m\u202ethree", "one two [0m three"),
    ],
)
def test_tokens_queries_and_control_characters_are_removed(text: str, expected: str) -> None:
    assert sanitize(text) == expected


@pytest.mark.parametrize(
    "text",
    ["requested access to the resource is denied", "manifest sha256:" + "a" * 64 + " unknown", "unknown tag: 1.2.3"],
)
def test_ordinary_messages_are_unchanged(text: str) -> None:
    assert sanitize(text) == text


def test_a_long_text_is_shortened() -> None:
    assert sanitize("abc", limit=2) == "ab…"


@given(st.text())
def test_sanitized_text_is_one_short_printable_line(text: str) -> None:
    line = sanitize(text)
    assert len(line) <= 241
    assert line.isprintable()


@given(st.binary())
def test_no_body_causes_an_error(body: bytes) -> None:
    assert all(isinstance(error, RegistryError) for error in errors_in(body))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"3", b'{"errors": {}}', b'{"errors": [1, null]}', b"[" * 60_000, b"\xff"]
)
def test_a_body_without_a_list_of_errors_has_no_errors(body: bytes) -> None:
    assert errors_in(body) == ()


def test_errors_are_read_and_bounded() -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": "no"}, {"code": "x y", "message": 3}, *[{}] * 9]})
    assert errors_in(body.encode()) == (RegistryError("DENIED", "no"), RegistryError("", ""), RegistryError("", ""))


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [
        (b'{"errors": [{"code": "A1", "message": "x"}, {"code": "B2"}]}', "text/html", "A1: x; B2"),
        (b"too many requests\n", "text/plain; charset=utf-8", "too many requests"),
        (b'{"details": "not an error list"}', "application/json", '{"details": "not an error list"}'),
        (b"<html>", "text/html", ""),
        (b"bytes", "", "bytes"),
    ],
)
def test_only_errors_and_text_are_described(body: bytes, media_type: str, expected: str) -> None:
    assert describe_body(body, media_type) == expected


def test_only_codes_of_the_specification_are_shown_of_a_server_that_knows_credentials() -> None:
    body = b'{"errors": [{"code": "DENIED", "message": "no"}, {"code": "MY_SECRET"}, {"code": "NAME_UNKNOWN"}]}'
    assert describe_body(body, "application/json", only_codes=True) == "DENIED; NAME_UNKNOWN"
    assert describe_body(b"text", "text/plain", only_codes=True) == ""
