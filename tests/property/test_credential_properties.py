"""Credentials: whatever is written somewhere is read, or refused in our own words, and no message repeats a secret."""

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

from image_pinner.core.errors import ConfigurationError, ImagePinnerError
from image_pinner.core.registry_config import AllowedSecret, CredentialLocation, SecretLocation
from image_pinner.sources.credentials.configured import ConfiguredCredentials, Found, TemplateCredentials, read_content
from image_pinner.sources.credentials.docker_config import DockerConfigCredentials, Login
from image_pinner.sources.credentials.interface import Credential, IdentityToken, NoCredential, Password
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import secrets_of
from support.aws import FakeSecrets

_FOUND = Found("ghcr.io", "the secret")
# With halves of characters, which JSON can name.
_TEXTS = st.text(st.characters(), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_ENTRIES = st.dictionaries(
    st.sampled_from(["username", "password", "accessToken", "identitytoken", "auth", "registrytoken", "other"]),
    _TEXTS | _JSON | st.binary(max_size=20).map(lambda octets: base64.b64encode(octets).decode()),
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


def _can_be_sent(credential: Credential) -> None:
    """Do what is done with a credential before it is sent."""
    if isinstance(credential, Password):
        assert credential.basic().isascii()
    for secret in secrets_of(credential):
        secret.encode("utf-8")


def _is_fit_to_be_shown(fault: ImagePinnerError) -> None:
    fault.diagnostics().encode("utf-8")


@given(_CONTENTS)
def test_every_content_is_a_credential_that_can_be_sent_or_our_error(content: str) -> None:
    try:
        _can_be_sent(read_content(content, _FOUND))
    except ConfigurationError as fault:
        _is_fit_to_be_shown(fault)


@given(st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=20), _CONTENTS)
def test_no_error_about_a_content_repeats_a_part_of_it(secret: str, around: str) -> None:
    known = read_error("")
    assume(secret not in known)
    assert secret not in read_error(f"{secret}{around}")
    assert secret not in read_error(json.dumps({"username": secret, "other": secret}))


def read_error(content: str) -> str:
    """Give all that is said about a content that is refused, and about one that is not."""
    try:
        read = read_content(content, _FOUND)
    except ConfigurationError as fault:
        return fault.diagnostics()
    return repr(read)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=':{["'), min_size=1),
    st.data(),
)
def test_the_forms_of_one_login_are_read_alike(user: str, data: st.DataObject) -> None:
    password = data.draw(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1))
    expected = Password(user, password, _FOUND.source, _FOUND.advice)
    for content in (
        json.dumps({"username": user, "password": password}),
        json.dumps({"username": user, "accessToken": password}, ensure_ascii=False, indent=1),
        f"{user}:{password}",
        f"{user}:{password}\n",
    ):
        assert read_content(content, _FOUND) == expected


@given(
    st.one_of(
        _TEXTS, st.builds("{}={}".format, _HOSTS | _TEXTS, _TEXTS), st.from_regex(r"ghcr\.io=(ssm|env|file|arn):.*")
    )
)
@example("ghcr.io=file:/\x00")
@example("=")
def test_every_entry_is_a_place_that_can_be_looked_at_or_a_sentence(text: str) -> None:
    with suppress(ValueError):
        AllowedSecret.parse(text)
    try:
        entry = CredentialLocation.parse(text)
    except ValueError as fault:
        assert str(fault)  # noqa: PT017 - a refusal is one of two good answers
        return
    credentials = ConfiguredCredentials([entry], FakeSecrets(), {}, local=True)
    with suppress(ImagePinnerError):
        credentials.for_registry(entry.registry, Deadline.after(5))


def _naively(pattern: str, text: str) -> bool:
    """Tell the same as an allowed pattern, by trying every way."""
    last = len(pattern.rstrip("*"))
    expression = "".join(
        (".*" if place >= last else "[^:]*") if char == "*" else re.escape(char) for place, char in enumerate(pattern)
    )
    return re.fullmatch(expression, text) is not None


@given(st.text("ab*:", max_size=8), st.text("ab", max_size=8).filter(bool))
def test_a_pattern_allows_what_it_says_and_no_more(rest: str, name: str) -> None:
    pattern, arn = f"arn:aws:secretsmanager:*{rest}", f"{_ARN}{name}"
    assert AllowedSecret("ghcr.io", pattern).allows("ghcr.io", SecretLocation.of_arn(arn)) == _naively(pattern, arn)
    longer = f"{_ARN}{rest}"
    assert AllowedSecret("ghcr.io", longer).allows("ghcr.io", SecretLocation.of_arn(arn)) == _naively(longer, arn)


@given(_HOSTS | _TEXTS, _TEXTS | st.text("ab:/*", max_size=9).map(_ARN.__add__))
def test_whatever_a_template_names_leads_to_no_secret_that_is_not_bound_to_its_registry(host: str, arn: str) -> None:
    secrets = FakeSecrets()
    credentials = TemplateCredentials([AllowedSecret.parse(f"registry.example={_ARN}*")], secrets)
    assert isinstance(credentials.for_registry(host, Deadline.after(5), arn), NoCredential)
    assert secrets.asked == []


def _asked(logins: tuple[str, str], name: str, server: str, deadline: Deadline) -> Login | None:
    assert name
    assert server
    assert deadline.remaining() > 0
    return Login(*logins) if logins[1] else None


@given(_CONFIGS | _JSON, st.tuples(st.sampled_from(["u", "<token>"]), st.sampled_from(["", "s"])))
def test_every_docker_config_gives_for_every_host_what_can_be_sent_or_our_error(
    tmp_path_factory: Any, config: Any, logins: tuple[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-config.json"
    Path(path).write_text(json.dumps(config), encoding="utf-8")
    credentials = DockerConfigCredentials(path, partial(_asked, logins))
    for registry in ("ghcr.io", "docker.io", "localhost:5000", "[::1]", "elsewhere.example"):
        try:
            credential = credentials.for_registry(registry, Deadline.after(5))
        except ConfigurationError as fault:
            _is_fit_to_be_shown(fault)
            continue
        _can_be_sent(credential)
        assert isinstance(credential, NoCredential | Password | IdentityToken)


@given(_ENTRIES)
def test_the_login_of_one_host_in_a_docker_config_is_nobody_else_s(
    tmp_path_factory: Any, entry: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "one-host.json"
    Path(path).write_text(json.dumps({"auths": {"registry.example": entry}}), encoding="utf-8")
    credentials = DockerConfigCredentials(path)
    for registry in ("registry.example:5000", "sub.registry.example", "example", "registry.example.evil.example"):
        assert isinstance(credentials.for_registry(registry, Deadline.after(5)), NoCredential)
