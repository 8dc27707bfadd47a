"""The accepted forms of credentials in a secret, a variable or a file; errors never repeat the content."""

from __future__ import annotations

import json

import pytest

from image_pinner.core.errors import ConfigurationError
from image_pinner.sources.credentials.configured import CredentialOrigin, parse_credentials
from image_pinner.sources.credentials.interface import IdentityToken, Password

ORIGIN = CredentialOrigin("ghcr.io", "the secret arn:x")
SOURCE, HELP = "the credentials for ghcr.io from the secret arn:x", "store current credentials in the secret arn:x"


def refusal(content: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        parse_credentials(content, ORIGIN)
    assert raised.value.cause.startswith(f"{SOURCE} are invalid: ")
    assert '"username": "…"' in raised.value.help
    assert "hunter2" not in raised.value.diagnostics()
    return raised.value.cause.removeprefix(f"{SOURCE} are invalid: ")


@pytest.mark.parametrize("content", ["", "\n", "  ", "\ufeff", "\r\n\r\n"])
def test_empty_content_is_refused(content: str) -> None:
    assert refusal(content) == "the content is empty"


@pytest.mark.parametrize("content", ["hunter2", ":hunter2", "hunter2:"])
def test_line_without_user_or_password_is_refused(content: str) -> None:
    assert refusal(content) == "the content is neither JSON nor 'user:password'"


@pytest.mark.parametrize(
    "content", ["bob:hunter2\nann:hunter2", "bob:hunter2\x00", "my user:hunter2", "login:\thunter2", "b\x07b:hunter2"]
)
def test_several_lines_or_control_characters_are_refused(content: str) -> None:
    assert refusal(content) == "the content is not 'user:password' on one line"


@pytest.mark.parametrize(
    "content",
    ['{"username": "hunter2"', "{bob:hunter2}", '["bob", "hunter2"]', '"bob:hunter2"', "{" * 100_000, '{"a":NaN'],
)
def test_json_other_than_an_object_is_refused(content: str) -> None:
    assert refusal(content) == "the content starts like JSON but is not a JSON object"


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
def test_object_without_exactly_one_secret_is_refused(content: object) -> None:
    assert refusal(json.dumps(content)) == "expected exactly one of 'password', 'accessToken' and 'identitytoken'"


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
def test_value_that_is_not_a_string_is_refused(content: object, key: str) -> None:
    assert refusal(json.dumps(content)) == f"{key!r} must be a non-empty string"


@pytest.mark.parametrize("user", ["bob:hunter2", "bob\n", "bob\x7f"])
def test_user_with_colon_or_control_character_is_refused(user: str) -> None:
    content = json.dumps({"username": user, "password": "hunter2"})
    assert refusal(content) == "'username' contains a colon or a control character"


@pytest.mark.parametrize(
    "content",
    [
        '{"username": "bob", "password": "hunter2\\ud800"}',
        '{"username": "\\udfff", "accessToken": "hunter2"}',
        '{"identitytoken": "hunter2\\ud800"}',
        "bob:hunter2\udc80",
    ],
)
def test_lone_surrogates_are_refused(content: str) -> None:
    assert refusal(content) in {
        "the content has characters that UTF-8 cannot encode",
        "the content is not 'user:password' on one line",
    }


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
def test_passwords_are_read_in_every_form(content: str, user: str, password: str | None) -> None:
    read = parse_credentials(content, ORIGIN)
    expected = '{\n "type": "service_account"\n}' if password is None else password
    assert read == Password(user, expected, SOURCE, HELP)


@pytest.mark.parametrize(
    "content", ['{"identitytoken": "idtoken7"}', '{"username": "00000000-0000", "identitytoken": "idtoken7"}']
)
def test_identity_token_is_read(content: str) -> None:
    read = parse_credentials(content, ORIGIN)
    assert read == IdentityToken("idtoken7", SOURCE, HELP)


@pytest.mark.parametrize(
    "content", ["bob:hunter2", '{"username": "bob", "password": "hunter2"}', '{"identitytoken": "hunter2"}']
)
def test_repr_hides_parsed_credentials(content: str) -> None:
    shown = repr(parse_credentials(content, ORIGIN))
    assert "bob" not in shown
    assert "hunter2" not in shown
