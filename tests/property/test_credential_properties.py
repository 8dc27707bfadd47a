"""Any content is read as credentials or refused with a configuration error, and no message repeats a secret."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from image_pinner.cli.credentials.docker_config import DockerConfigCredentials, HelperCredentials
from image_pinner.core.errors import ConfigurationError, ImagePinnerError
from image_pinner.core.registry_config import AllowedSecret, CredentialLocation, SecretLocation
from image_pinner.sources.credentials.configured import (
    ConfiguredCredentials,
    CredentialOrigin,
    TemplateCredentials,
    parse_credentials,
)
from image_pinner.sources.credentials.interface import Credentials, IdentityToken, NoCredentials, Password
from image_pinner.sources.interface import Deadline
from support.aws import FakeSecrets

ORIGIN = CredentialOrigin("ghcr.io", "the secret")
# With lone surrogates, which JSON escapes can contain.
_TEXTS = st.text(st.characters(), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_ENTRIES = st.dictionaries(
    st.sampled_from(["username", "password", "accessToken", "identitytoken", "auth", "registrytoken", "other"]),
    _TEXTS | _JSON | st.binary(max_size=20).map(lambda content: base64.b64encode(content).decode()),
    max_size=4,
)
_CONTENTS = st.one_of(
    _TEXTS,
    _JSON.map(json.dumps),
    _ENTRIES.map(json.dumps),
    st.builds("{}:{}".format, _TEXTS, _TEXTS),
)
_HOSTS = st.sampled_from(["ghcr.io", "GHCR.io", "docker.io", "https://index.docker.io/v1/", "localhost:5000", "[::1]"])
_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "auths": st.dictionaries(_HOSTS | _TEXTS, _ENTRIES | _JSON, max_size=3) | _JSON,
        "credHelpers": st.dictionaries(_HOSTS | _TEXTS, st.sampled_from(["own", "", None]) | _JSON, max_size=3) | _JSON,
        "credsStore": st.sampled_from(["own", ""]) | _JSON,
    },
)
_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"


def _expect_sendable(credentials: Credentials) -> None:
    """Encode credentials as before they are sent."""
    if isinstance(credentials, Password):
        assert credentials.basic().isascii()
    if isinstance(credentials, IdentityToken):
        credentials.token.encode("utf-8")


def _expect_printable(error: ImagePinnerError) -> None:
    error.diagnostics().encode("utf-8")


@given(_CONTENTS)
def test_any_content_is_credentials_or_a_configuration_error(content: str) -> None:
    try:
        _expect_sendable(parse_credentials(content, ORIGIN))
    except ConfigurationError as error:
        _expect_printable(error)


@given(st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=20), _CONTENTS)
def test_errors_do_not_repeat_the_content(secret: str, around: str) -> None:
    fixed_text = _describe("")
    assume(secret not in fixed_text)
    assert secret not in _describe(f"{secret}{around}")
    assert secret not in _describe(json.dumps({"username": secret, "other": secret}))


def _describe(content: str) -> str:
    """Return the message about a refused content, or the `repr` of accepted credentials."""
    try:
        read = parse_credentials(content, ORIGIN)
    except ConfigurationError as error:
        return error.diagnostics()
    return repr(read)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=':{["'), min_size=1),
    st.data(),
)
def test_all_forms_of_one_password_are_read_alike(user: str, data: st.DataObject) -> None:
    password = data.draw(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1))
    expected = Password(user, password, ORIGIN.source, ORIGIN.help)
    for content in (
        json.dumps({"username": user, "password": password}),
        json.dumps({"username": user, "accessToken": password}, ensure_ascii=False, indent=1),
        f"{user}:{password}",
        f"{user}:{password}\n",
    ):
        assert parse_credentials(content, ORIGIN) == expected


@given(
    st.one_of(
        _TEXTS, st.builds("{}={}".format, _HOSTS | _TEXTS, _TEXTS), st.from_regex(r"ghcr\.io=(ssm|env|file|arn):.*")
    )
)
@example("ghcr.io=file:/\x00")
@example("=")
def test_any_entry_is_a_location_or_refused_with_a_message(text: str) -> None:
    with suppress(ValueError):
        AllowedSecret.parse(text)
    try:
        location = CredentialLocation.parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - a refusal is one of two valid outcomes
        return
    credentials = ConfiguredCredentials([location], FakeSecrets(), {}, local=True)
    with suppress(ImagePinnerError):
        credentials.for_registry(location.registry, Deadline.after(5))


def _allows(pattern: str, text: str) -> bool:
    """Return the same as `AllowedSecret.allows`, by backtracking."""
    last = len(pattern.rstrip("*"))
    expression = "".join(
        (".*" if index >= last else "[^:]*") if char == "*" else re.escape(char) for index, char in enumerate(pattern)
    )
    return re.fullmatch(expression, text) is not None


@given(st.text("ab*:", max_size=8), st.text("ab", max_size=8).filter(bool))
def test_pattern_matches_like_a_regular_expression(suffix: str, name: str) -> None:
    pattern, arn = f"arn:aws:secretsmanager:*{suffix}", f"{_ARN}{name}"
    assert AllowedSecret("ghcr.io", pattern).allows("ghcr.io", SecretLocation.of_arn(arn)) == _allows(pattern, arn)
    longer = f"{_ARN}{suffix}"
    assert AllowedSecret("ghcr.io", longer).allows("ghcr.io", SecretLocation.of_arn(arn)) == _allows(longer, arn)


@given(_HOSTS | _TEXTS, _TEXTS | st.text("ab:/*", max_size=9).map(_ARN.__add__))
def test_no_secret_is_read_unless_bound_to_the_registry(host: str, arn: str) -> None:
    secrets = FakeSecrets()
    credentials = TemplateCredentials([AllowedSecret.parse(f"registry.example={_ARN}*")], secrets)
    assert isinstance(credentials.for_registry(host, Deadline.after(5), arn), NoCredentials)
    assert secrets.requested == []


def _get_from_helper(pair: tuple[str, str], name: str, server: str, deadline: Deadline) -> HelperCredentials | None:
    assert name
    assert server
    assert deadline.remaining() > 0
    return HelperCredentials(*pair) if pair[1] else None


@given(_CONFIGS | _JSON, st.tuples(st.sampled_from(["u", "<token>"]), st.sampled_from(["", "s"])))
def test_any_docker_config_is_credentials_or_a_configuration_error_for_every_host(
    tmp_path_factory: Any, config: Any, pair: tuple[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-config.json"
    Path(path).write_text(json.dumps(config), encoding="utf-8")
    source = DockerConfigCredentials(path, partial(_get_from_helper, pair))
    for registry in ("ghcr.io", "docker.io", "localhost:5000", "[::1]", "elsewhere.example"):
        try:
            credentials = source.for_registry(registry, Deadline.after(5))
        except ConfigurationError as error:
            _expect_printable(error)
            continue
        _expect_sendable(credentials)
        assert isinstance(credentials, NoCredentials | Password | IdentityToken)


@given(_ENTRIES)
def test_docker_config_entry_of_one_host_is_used_for_no_other(tmp_path_factory: Any, entry: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "one-host.json"
    Path(path).write_text(json.dumps({"auths": {"registry.example": entry}}), encoding="utf-8")
    source = DockerConfigCredentials(path)
    for registry in ("registry.example:5000", "sub.registry.example", "example", "registry.example.evil.example"):
        assert isinstance(source.for_registry(registry, Deadline.after(5)), NoCredentials)
