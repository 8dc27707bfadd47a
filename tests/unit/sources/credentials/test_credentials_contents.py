"""What a secret, a variable or a file says: read in the forms that AWS and people give it, else refused unseen."""

from __future__ import annotations

import json

import pytest

from image_pinner.core.errors import ConfigurationError
from image_pinner.sources.credentials.configured import Found, read_content
from image_pinner.sources.credentials.interface import IdentityToken, Password

FOUND = Found("ghcr.io", "the secret arn:x")
SOURCE, ADVICE = "the credential for ghcr.io from the secret arn:x", "Put a current one into the secret arn:x"


def refused(content: str) -> str:
    with pytest.raises(ConfigurationError) as fault:
        read_content(content, FOUND)
    assert fault.value.cause.startswith(f"{SOURCE} cannot be used: ")
    assert '"username": "…"' in fault.value.help
    assert "hunter2" not in fault.value.diagnostics()
    return fault.value.cause.removeprefix(f"{SOURCE} cannot be used: ")


@pytest.mark.parametrize("content", ["", "\n", "  ", "\ufeff", "\r\n\r\n"])
def test_nothing_is_no_credential(content: str) -> None:
    assert refused(content) == "it is empty"


@pytest.mark.parametrize("content", ["hunter2", ":hunter2", "hunter2:"])
def test_a_text_without_user_and_password_is_refused(content: str) -> None:
    assert refused(content) == "it is neither JSON nor 'user:password'"


@pytest.mark.parametrize(
    "content", ["bob:hunter2\nann:hunter2", "bob:hunter2\x00", "my user:hunter2", "login:\thunter2", "b\x07b:hunter2"]
)
def test_a_text_of_several_lines_or_with_control_characters_is_refused(content: str) -> None:
    assert refused(content) == "it is not 'user:password' on one line"


@pytest.mark.parametrize(
    "content",
    ['{"username": "hunter2"', "{bob:hunter2}", '["bob", "hunter2"]', '"bob:hunter2"', "{" * 100_000, '{"a":NaN'],
)
def test_what_begins_like_json_and_is_no_object_is_refused(content: str) -> None:
    assert refused(content) == "it begins like JSON and is no JSON object"


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"username": "hunter2"},
        {"username": "hunter2", "password": None},
        {"Username": "hunter2", "Password": "hunter2"},
        {"username": "bob", "password": "hunter2", "accessToken": "hunter2"},
        {"username": "bob", "password": "hunter2", "identitytoken": "hunter2"},
        {"auths": {"ghcr.io": {"auth": "hunter2"}}},
    ],
)
def test_an_object_that_does_not_say_which_secret_is_meant_is_refused(content: object) -> None:
    assert refused(json.dumps(content)) == "it has not exactly one of 'password', 'accessToken' and 'identitytoken'"


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"username": "bob", "password": ""}, "password"),
        ({"username": "bob", "password": ["hunter2"]}, "password"),
        ({"username": "bob", "accessToken": 2}, "accessToken"),
        ({"identitytoken": {"hunter2": 1}}, "identitytoken"),
        ({"password": "hunter2"}, "username"),
        ({"username": "", "password": "hunter2"}, "username"),
        ({"username": None, "accessToken": "hunter2"}, "username"),
    ],
)
def test_a_value_that_is_no_text_is_refused(content: object, key: str) -> None:
    assert refused(json.dumps(content)) == f"its {key!r} is missing or no text"


@pytest.mark.parametrize("user", ["bob:hunter2", "bob\n", "bob\x7f"])
def test_a_user_that_no_header_can_hold_is_refused(user: str) -> None:
    content = json.dumps({"username": user, "password": "hunter2"})
    assert refused(content) == "its 'username' has a colon or a control character"


@pytest.mark.parametrize(
    "content",
    [
        '{"username": "bob", "password": "hunter2\\ud800"}',
        '{"username": "\\udfff", "accessToken": "hunter2"}',
        '{"identitytoken": "hunter2\\ud800"}',
        "bob:hunter2\udc80",
    ],
)
def test_halves_of_characters_are_refused_before_they_are_sent(content: str) -> None:
    assert refused(content) in {"it has characters that cannot be sent", "it is not 'user:password' on one line"}


@pytest.mark.parametrize(
    ("content", "user", "password"),
    [
        ('{"username": "bob", "password": "pass:word"}', "bob", "pass:word"),
        ('\n {"username": "bob", "password": "p", "host": "ignored"}\n', "bob", "p"),
        ('\ufeff{"username": "bob", "accessToken": "dckr_pat_1"}', "bob", "dckr_pat_1"),
        ('{"username": "bob", "password": null, "accessToken": "t"}', "bob", "t"),
        ('{"username": "_json_key", "password": "{\\n \\"type\\": \\"service_account\\"\\n}"}', "_json_key", None),
        ("bob:pass:word", "bob", "pass:word"),
        ("bob:p w \n", "bob", "p w "),
        ("robot$team+ci:p\r\n", "robot$team+ci", "p"),
        ("bob:pä{\u00a3", "bob", "pä{\u00a3"),
    ],
)
def test_every_form_of_a_login_is_read(content: str, user: str, password: str | None) -> None:
    read = read_content(content, FOUND)
    expected = '{\n "type": "service_account"\n}' if password is None else password
    assert read == Password(user, expected, SOURCE, ADVICE)


@pytest.mark.parametrize(
    "content", ['{"identitytoken": "idtoken7"}', '{"username": "00000000-0000", "identitytoken": "idtoken7"}']
)
def test_an_identity_token_is_read(content: str) -> None:
    read = read_content(content, FOUND)
    assert read == IdentityToken("idtoken7", SOURCE, ADVICE)


@pytest.mark.parametrize(
    "content", ["bob:hunter2", '{"username": "bob", "password": "hunter2"}', '{"identitytoken": "hunter2"}']
)
def test_what_was_read_does_not_show_itself(content: str) -> None:
    shown = repr(read_content(content, FOUND))
    assert "bob" not in shown
    assert "hunter2" not in shown
