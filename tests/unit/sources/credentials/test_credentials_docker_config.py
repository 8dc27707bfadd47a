from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.sources.credentials.docker_config import (
    DOCKER_HUB_SERVER,
    DockerConfig,
    DockerConfigCredentials,
    Login,
    docker_config_path,
    parse_docker_config,
)
from image_pinner.sources.credentials.interface import Credential, IdentityToken, NoCredential, Password
from image_pinner.sources.interface import Deadline


@dataclass
class FakeHelpers:
    """Knows logins by helper and server; what it does not know of, it keeps none for."""

    logins: dict[tuple[str, str], Login] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, name: str, server: str, deadline: Deadline) -> Login | None:
        assert deadline.remaining() > 0
        self.asked.append((name, server))
        if name == "broken":
            raise SourceError("docker-credential-broken failed", "Mend it")
        return self.logins.get((name, server))


def auth(user: str = "user", password: str = "pass:word") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def found(directory: Path, content: Any, registry: str = "ghcr.io", helpers: FakeHelpers | None = None) -> Credential:
    path = directory / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    credentials = DockerConfigCredentials(path, helpers or FakeHelpers())
    return credentials.for_registry(registry, Deadline.after(5))


def password_of(credential: Credential) -> str:
    assert isinstance(credential, Password)
    return credential.password


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("", "line 1: the file is no JSON"),
        ('{\n "auths": {\n', "line 3: the file is no JSON"),
        ("[" * 100_000, "line 1: the file is no JSON"),
        ("[]", "line 1: the file is no JSON object"),
        ('{\n\n"auths": []}', "line 3: 'auths' is no object"),
        ('{\n"auths": {\n"ghcr.io": "secret"}}', "line 3: the login for ghcr.io is no object"),
        ('{\n"credHelpers": "ecr-login"}', "line 2: 'credHelpers' is no object"),
        ('{"credHelpers": {"ghcr.io":\n3}}', "line 1: the helper for ghcr.io is no name"),
        ('{\n"credsStore": ["desktop"]}', "line 2: 'credsStore' is no name"),
        ('{\n"auths": {"ghcr.io": {"auth": "no base64!"}}}', "line 2: the auth for ghcr.io is not 'user:password'"),
        ('{"auths": {"ghcr.io": {"auth": "bm8gY29sb24="}}}', "line 1: the auth for ghcr.io is not 'user:password'"),
        ('{"auths": {"ghcr.io": {"auth": 7}}}', "line 1: the auth for ghcr.io is not 'user:password'"),
        ('{"auths": {"ghcr.io": {"identitytoken": 7}}}', "line 1: the identitytoken for ghcr.io is no text"),
        ('{"auths": {"ghcr.io": {"registrytoken": "t"}}}', "line 1: the login for ghcr.io is a registrytoken"),
        ('{"auths": {"ghcr.io": {"auth": ["' + "[" * 900 + "]" * 900 + '"]}}}', "line 1: the auth for ghcr.io is not"),
        (
            '{"auths": {"ghcr.io": {"identitytoken": "secret\\ud800"}}}',
            "line 1: the identitytoken for ghcr.io is no text",
        ),
        ('{"auths": {"ghcr.io": {"username": "u", "password": "secret\\ud800"}}}', "line 1: the login for ghcr.io has"),
        ('{"auths": {"a\\u001b[1m\\ud800b": 1}}', "line 1: the login for a [1m b is no object"),
        ('{"credHelpers": {"a\\nb": 1}}', "line 1: the helper for a b is no name"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_so_with_path_and_line(tmp_path: Path, content: str, cause: str) -> None:
    with pytest.raises(ConfigurationError) as fault:
        found(tmp_path, content)
    assert f"{tmp_path / 'config.json'}, {cause}" in fault.value.cause
    assert fault.value.help
    assert "secret" not in fault.value.diagnostics()


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'{\n"\xff": 1}')
    with pytest.raises(ConfigurationError, match="line 2: the file is not UTF-8"):
        DockerConfigCredentials(path, FakeHelpers()).for_registry("ghcr.io", Deadline.after(5))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        DockerConfigCredentials(tmp_path, FakeHelpers()).for_registry("ghcr.io", Deadline.after(5))


def test_a_file_beyond_4_mib_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="more than 4194304 bytes"):
        found(tmp_path, '"' + "x" * 4 * 1024 * 1024 + '"')


@pytest.mark.parametrize("config", [{"credsStore": "broken"}, {"credHelpers": {"ghcr.io": "broken"}}])
def test_a_helper_that_fails_is_not_taken_for_one_that_keeps_nothing(tmp_path: Path, config: Any) -> None:
    with pytest.raises(SourceError, match="docker-credential-broken failed"):
        found(tmp_path, {**config, "auths": {"ghcr.io": auth()}})


def test_a_helper_that_fails_for_one_host_is_no_matter_for_another(tmp_path: Path) -> None:
    config = {"credHelpers": {"ghcr.io": "broken"}, "auths": {"quay.io": auth()}}
    assert password_of(found(tmp_path, config, "quay.io")) == "pass:word"


@pytest.mark.parametrize(
    "key",
    [
        "ghcr.io:443",
        "ghcr.io.evil.example",
        "evil.example/ghcr.io",
        "sub.ghcr.io",
        "ghcr.io/team",
        "https://ghcr.io/team/",
        "ghcr.io@evil.example",
        "ftp://ghcr.io",
    ],
)
def test_the_login_of_another_host_or_of_a_part_of_it_is_not_taken(tmp_path: Path, key: str) -> None:
    assert isinstance(found(tmp_path, {"auths": {key: auth()}}), NoCredential)


def test_the_login_of_a_host_is_not_that_of_its_ports(tmp_path: Path) -> None:
    assert isinstance(found(tmp_path, {"auths": {"localhost": auth()}}, "localhost:5000"), NoCredential)


@pytest.mark.parametrize(
    "registry", ["ghcr.io:443", "ghcr.io:5000", "sub.ghcr.io", "io", "ghcr.io.evil.example", "xghcr.io"]
)
@pytest.mark.parametrize("keep", [{"auths": {"ghcr.io": auth()}}, {"credHelpers": {"ghcr.io": "own"}}])
def test_no_other_host_or_port_gets_the_login_of_a_host(tmp_path: Path, registry: str, keep: Any) -> None:
    helpers = FakeHelpers({("own", "ghcr.io"): Login("u", "own")})
    assert isinstance(found(tmp_path, keep, registry, helpers), NoCredential)
    assert helpers.asked == []


@pytest.mark.parametrize("registry", ["registry.example:5000", "[::1]:5000", "localhost", "docker.io:443"])
def test_the_store_is_asked_for_exactly_the_host_and_port(tmp_path: Path, registry: str) -> None:
    host = registry.rpartition(":")[0] or "registry.example"
    helpers = FakeHelpers({("desktop", host): Login("u", "another's")})
    assert isinstance(found(tmp_path, {"credsStore": "desktop"}, registry, helpers), NoCredential)
    assert helpers.asked == [("desktop", registry)]


@pytest.mark.parametrize("entry", [{}, None, {"auth": ""}, {"username": "u"}, {"username": 1, "password": 2}])
def test_an_entry_without_a_login_is_none(tmp_path: Path, entry: Any) -> None:
    assert isinstance(found(tmp_path, {"auths": {"ghcr.io": entry}}), NoCredential)


def test_no_file_is_no_credential_and_advises_to_log_in(tmp_path: Path) -> None:
    none = DockerConfigCredentials(tmp_path / "config.json").for_registry("ghcr.io", Deadline.after(5))
    assert isinstance(none, NoCredential)
    assert none.source == f"no credential, for there is no {tmp_path / 'config.json'}"
    assert none.advice.startswith("Run 'docker login ghcr.io'")


@pytest.mark.parametrize("content", ["{}", '{"auths": null, "credHelpers": null, "credsStore": null}', "\ufeff{}"])
def test_a_file_without_logins_is_no_credential(tmp_path: Path, content: str) -> None:
    assert isinstance(found(tmp_path, content), NoCredential)


@pytest.mark.parametrize(
    "key",
    [
        "ghcr.io",
        "https://ghcr.io",
        "https://ghcr.io/",
        "http://ghcr.io",
        "GHCR.io",
        "ghcr.io/v1/",
        "https://ghcr.io/v2",
    ],
)
def test_older_forms_of_a_key_mean_the_host(tmp_path: Path, key: str) -> None:
    credential = found(tmp_path, {"auths": {key: auth()}})
    assert password_of(credential) == "pass:word"
    assert credential.source == f"the credential for {key} from {tmp_path / 'config.json'}"


@pytest.mark.parametrize("key", [DOCKER_HUB_SERVER, "index.docker.io", "docker.io", "https://registry-1.docker.io"])
def test_docker_hub_s_login_is_kept_under_its_names(tmp_path: Path, key: str) -> None:
    assert password_of(found(tmp_path, {"auths": {key: auth()}}, "docker.io")) == "pass:word"


def test_the_key_that_docker_writes_goes_before_other_forms(tmp_path: Path) -> None:
    auths = {"docker.io": auth(password="other"), DOCKER_HUB_SERVER: auth(password="docker's")}
    assert password_of(found(tmp_path, {"auths": auths}, "docker.io")) == "docker's"
    auths = {"https://ghcr.io": auth(password="other"), "ghcr.io": auth(password="docker's")}
    assert password_of(found(tmp_path, {"auths": auths})) == "docker's"


def test_a_login_may_stand_in_plain_words(tmp_path: Path) -> None:
    assert password_of(found(tmp_path, {"auths": {"ghcr.io": {"username": "u", "password": "plain"}}})) == "plain"


def test_an_auth_may_have_line_ends_and_nul_bytes_as_old_tools_wrote_them(tmp_path: Path) -> None:
    encoded = base64.b64encode(b"user:" + b"x" * 80 + b"\0\0").decode()
    marked_expression = f"{encoded[:76]}\r\n{encoded[76:]}\n"
    assert password_of(found(tmp_path, {"auths": {"ghcr.io": {"auth": marked_expression}}})) == "x" * 80


def test_a_login_does_not_show_itself(tmp_path: Path) -> None:
    helpers = FakeHelpers({("own", "quay.io"): Login("bob", "hunter2")})
    auths = {"ghcr.io": auth("bob", "hunter2"), "gcr.io": {"identitytoken": "hunter2"}}
    config = {"auths": auths, "credHelpers": {"quay.io": "own"}}
    shown = repr([found(tmp_path, config, name, helpers) for name in ("ghcr.io", "gcr.io", "quay.io")])
    shown += repr(parse_docker_config(tmp_path, json.dumps(config).encode()))
    assert "bob" not in shown
    assert "hunter2" not in shown
    assert auth("bob", "hunter2")["auth"] not in shown


def test_an_identity_token_goes_before_a_password(tmp_path: Path) -> None:
    credential = found(tmp_path, {"auths": {"ghcr.io": {**auth(), "identitytoken": "t"}}})
    assert isinstance(credential, IdentityToken)
    assert credential.token == "t"


def test_the_helper_of_a_host_goes_before_the_store_and_the_store_before_the_file(tmp_path: Path) -> None:
    config = {
        "credHelpers": {"ghcr.io": "own"},
        "credsStore": "desktop",
        "auths": {name: auth(password="file") for name in ("ghcr.io", "quay.io", "gcr.io")},
    }
    helpers = FakeHelpers({("own", "ghcr.io"): Login("u", "own"), ("desktop", "quay.io"): Login("u", "store")})
    names = ("ghcr.io", "quay.io", "gcr.io")
    assert [password_of(found(tmp_path, config, name, helpers)) for name in names] == ["own", "store", "file"]
    assert helpers.asked == [("own", "ghcr.io"), ("desktop", "quay.io"), ("desktop", "gcr.io")]


def test_a_host_with_a_helper_of_its_own_has_no_other_login(tmp_path: Path) -> None:
    config = {"credHelpers": {"ghcr.io": "own"}, "credsStore": "desktop", "auths": {"ghcr.io": auth()}}
    helpers = FakeHelpers()
    assert isinstance(found(tmp_path, config, "ghcr.io", helpers), NoCredential)
    assert helpers.asked == [("own", "ghcr.io")]


@pytest.mark.parametrize("name", ["", None])
def test_a_host_with_an_empty_helper_has_its_login_in_the_file_whatever_the_store_is(
    tmp_path: Path, name: str | None
) -> None:
    config = {"credHelpers": {"ghcr.io": name}, "credsStore": "broken", "auths": {"ghcr.io": auth(password="file")}}
    helpers = FakeHelpers()
    assert password_of(found(tmp_path, config, "ghcr.io", helpers)) == "file"
    assert helpers.asked == []


@pytest.mark.parametrize("key", [DOCKER_HUB_SERVER, "index.docker.io", "docker.io"])
def test_docker_hub_s_own_helper_is_named_under_its_names(tmp_path: Path, key: str) -> None:
    helpers = FakeHelpers({("own", DOCKER_HUB_SERVER): Login("u", "own")})
    config = {"credHelpers": {key: "own"}, "credsStore": "broken"}
    assert password_of(found(tmp_path, config, "docker.io", helpers)) == "own"


def test_a_helper_knows_docker_hub_by_its_server(tmp_path: Path) -> None:
    helpers = FakeHelpers({("desktop", DOCKER_HUB_SERVER): Login("<token>", "identity")})
    credential = found(tmp_path, {"credsStore": "desktop"}, "docker.io", helpers)
    assert isinstance(credential, IdentityToken)
    assert credential.source == "the credential for docker.io from docker-credential-desktop"


def test_the_file_is_in_the_directory_that_docker_config_names_or_at_home() -> None:
    home = Path("home")
    assert docker_config_path({}, home) == Path("home/.docker/config.json")
    assert docker_config_path({"DOCKER_CONFIG": ""}, home) == Path("home/.docker/config.json")
    assert docker_config_path({"DOCKER_CONFIG": "elsewhere"}, home) == Path("elsewhere/config.json")


@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5).map(
        lambda value: json.dumps({"auths": value, "credHelpers": {"a": value}, "credsStore": value}).encode()
    )
)
def test_no_file_causes_anything_but_a_config_or_our_error(content: bytes) -> None:
    with suppress(ConfigurationError):
        assert isinstance(parse_docker_config(Path("config.json"), content), DockerConfig)
