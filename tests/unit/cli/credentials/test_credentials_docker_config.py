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

from image_pinner.cli.credentials.docker_config import (
    DOCKER_HUB_SERVER,
    DockerConfig,
    DockerConfigCredentials,
    HelperCredentials,
    docker_config_path,
    parse_docker_config,
)
from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.sources.credentials.interface import Credentials, IdentityToken, NoCredentials, Password
from image_pinner.sources.interface import Deadline


@dataclass
class FakeHelpers:
    """Has credentials by helper and server, and records the calls."""

    known: dict[tuple[str, str], HelperCredentials] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, name: str, server: str, deadline: Deadline) -> HelperCredentials | None:
        assert deadline.remaining() > 0
        self.calls.append((name, server))
        if name == "broken":
            raise SourceError("docker-credential-broken failed", "fix it")
        return self.known.get((name, server))


def auth(user: str = "user", password: str = "pass:word") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def found(directory: Path, content: Any, registry: str = "ghcr.io", helpers: FakeHelpers | None = None) -> Credentials:
    path = directory / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    credentials = DockerConfigCredentials(path, helpers or FakeHelpers())
    return credentials.for_registry(registry, Deadline.after(5))


def password_of(credential: Credentials) -> str:
    assert isinstance(credential, Password)
    return credential.password


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("", "line 1: the file is not valid JSON"),
        ('{\n "auths": {\n', "line 3: the file is not valid JSON"),
        ("[" * 100_000, "line 1: the file is not valid JSON"),
        ("[]", "line 1: the file is not a JSON object"),
        ('{\n\n"auths": []}', "line 3: 'auths' must be an object"),
        ('{\n"auths": {\n"ghcr.io": "secret"}}', "line 3: the credentials for ghcr.io must be an object"),
        ('{\n"credHelpers": "ecr-login"}', "line 2: 'credHelpers' must be an object"),
        ('{"credHelpers": {"ghcr.io":\n3}}', "line 1: the helper for ghcr.io must be a name"),
        ('{\n"credsStore": ["desktop"]}', "line 2: 'credsStore' must be the name of a helper"),
        ('{\n"auths": {"ghcr.io": {"auth": "not base64!"}}}', "line 2: the auth for ghcr.io is not 'user:password'"),
        ('{"auths": {"ghcr.io": {"auth": "bm8gY29sb24="}}}', "line 1: the auth for ghcr.io is not 'user:password'"),
        ('{"auths": {"ghcr.io": {"auth": 7}}}', "line 1: the auth for ghcr.io is not 'user:password'"),
        ('{"auths": {"ghcr.io": {"identitytoken": 7}}}', "line 1: the identitytoken for ghcr.io is not a valid string"),
        ('{"auths": {"ghcr.io": {"registrytoken": "t"}}}', "line 1: the credentials for ghcr.io are a registrytoken"),
        ('{"auths": {"ghcr.io": {"auth": ["' + "[" * 900 + "]" * 900 + '"]}}}', "line 1: the auth for ghcr.io is not"),
        (
            '{"auths": {"ghcr.io": {"identitytoken": "secret\\ud800"}}}',
            "line 1: the identitytoken for ghcr.io is not a valid string",
        ),
        (
            '{"auths": {"ghcr.io": {"username": "u", "password": "secret\\ud800"}}}',
            "line 1: the credentials for ghcr.io have",
        ),
        ('{"auths": {"a\\u001b[1m\\ud800b": 1}}', "line 1: the credentials for a [1m b must be an object"),
        ('{"credHelpers": {"a\\nb": 1}}', "line 1: the helper for a b must be a name"),
    ],
)
def test_invalid_file_is_refused_with_path_and_line(tmp_path: Path, content: str, cause: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        found(tmp_path, content)
    assert f"{tmp_path / 'config.json'}, {cause}" in raised.value.cause
    assert raised.value.help
    assert "secret" not in raised.value.diagnostics()


def test_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'{\n"\xff": 1}')
    with pytest.raises(ConfigurationError, match="line 2: the file is not UTF-8"):
        DockerConfigCredentials(path, FakeHelpers()).for_registry("ghcr.io", Deadline.after(5))


def test_unreadable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read the docker config file .*: Is a directory"):
        DockerConfigCredentials(tmp_path, FakeHelpers()).for_registry("ghcr.io", Deadline.after(5))


def test_file_of_more_than_4_mib_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="more than 4194304 bytes"):
        found(tmp_path, '"' + "x" * 4 * 1024 * 1024 + '"')


@pytest.mark.parametrize("config", [{"credsStore": "broken"}, {"credHelpers": {"ghcr.io": "broken"}}])
def test_failing_helper_is_an_error(tmp_path: Path, config: Any) -> None:
    with pytest.raises(SourceError, match="docker-credential-broken failed"):
        found(tmp_path, {**config, "auths": {"ghcr.io": auth()}})


def test_failing_helper_does_not_affect_other_hosts(tmp_path: Path) -> None:
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
def test_credentials_for_another_host_or_a_part_of_one_are_not_used(tmp_path: Path, key: str) -> None:
    assert isinstance(found(tmp_path, {"auths": {key: auth()}}), NoCredentials)


def test_credentials_for_a_host_are_not_for_its_ports(tmp_path: Path) -> None:
    assert isinstance(found(tmp_path, {"auths": {"localhost": auth()}}, "localhost:5000"), NoCredentials)


@pytest.mark.parametrize(
    "registry", ["ghcr.io:443", "ghcr.io:5000", "sub.ghcr.io", "io", "ghcr.io.evil.example", "xghcr.io"]
)
@pytest.mark.parametrize("config", [{"auths": {"ghcr.io": auth()}}, {"credHelpers": {"ghcr.io": "own"}}])
def test_no_other_host_or_port_gets_the_credentials_for_a_host(tmp_path: Path, registry: str, config: Any) -> None:
    helpers = FakeHelpers({("own", "ghcr.io"): HelperCredentials("u", "own")})
    assert isinstance(found(tmp_path, config, registry, helpers), NoCredentials)
    assert helpers.calls == []


@pytest.mark.parametrize("registry", ["registry.example:5000", "[::1]:5000", "localhost", "docker.io:443"])
def test_store_is_called_with_exactly_the_host_and_port(tmp_path: Path, registry: str) -> None:
    host = registry.rpartition(":")[0] or "registry.example"
    helpers = FakeHelpers({("desktop", host): HelperCredentials("u", "another's")})
    assert isinstance(found(tmp_path, {"credsStore": "desktop"}, registry, helpers), NoCredentials)
    assert helpers.calls == [("desktop", registry)]


@pytest.mark.parametrize("entry", [{}, None, {"auth": ""}, {"username": "u"}, {"username": 1, "password": 2}])
def test_entry_without_credentials_is_skipped(tmp_path: Path, entry: Any) -> None:
    assert isinstance(found(tmp_path, {"auths": {"ghcr.io": entry}}), NoCredentials)


def test_without_a_file_there_are_no_credentials_and_help_suggests_docker_login(tmp_path: Path) -> None:
    none = DockerConfigCredentials(tmp_path / "config.json").for_registry("ghcr.io", Deadline.after(5))
    assert isinstance(none, NoCredentials)
    assert none.reason == f"{tmp_path / 'config.json'} does not exist"
    assert none.help.startswith("run 'docker login ghcr.io'")


@pytest.mark.parametrize("content", ["{}", '{"auths": null, "credHelpers": null, "credsStore": null}', "\ufeff{}"])
def test_file_without_credentials_has_none(tmp_path: Path, content: str) -> None:
    assert isinstance(found(tmp_path, content), NoCredentials)


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
def test_older_forms_of_a_key_match_the_host(tmp_path: Path, key: str) -> None:
    credential = found(tmp_path, {"auths": {key: auth()}})
    assert password_of(credential) == "pass:word"
    assert credential.source == f"the credentials for {key} from {tmp_path / 'config.json'}"


@pytest.mark.parametrize("key", [DOCKER_HUB_SERVER, "index.docker.io", "docker.io", "https://registry-1.docker.io"])
def test_docker_hub_has_several_keys(tmp_path: Path, key: str) -> None:
    assert password_of(found(tmp_path, {"auths": {key: auth()}}, "docker.io")) == "pass:word"


def test_key_that_docker_writes_takes_precedence(tmp_path: Path) -> None:
    auths = {"docker.io": auth(password="other"), DOCKER_HUB_SERVER: auth(password="docker's")}
    assert password_of(found(tmp_path, {"auths": auths}, "docker.io")) == "docker's"
    auths = {"https://ghcr.io": auth(password="other"), "ghcr.io": auth(password="docker's")}
    assert password_of(found(tmp_path, {"auths": auths})) == "docker's"


def test_plain_username_and_password_are_read(tmp_path: Path) -> None:
    assert password_of(found(tmp_path, {"auths": {"ghcr.io": {"username": "u", "password": "plain"}}})) == "plain"


def test_auth_may_contain_line_breaks_and_nul_bytes(tmp_path: Path) -> None:
    encoded = base64.b64encode(b"user:" + b"x" * 80 + b"\0\0").decode()
    wrapped = f"{encoded[:76]}\r\n{encoded[76:]}\n"
    assert password_of(found(tmp_path, {"auths": {"ghcr.io": {"auth": wrapped}}})) == "x" * 80


def test_repr_hides_credentials(tmp_path: Path) -> None:
    helpers = FakeHelpers({("own", "quay.io"): HelperCredentials("bob", "hunter2")})
    auths = {"ghcr.io": auth("bob", "hunter2"), "gcr.io": {"identitytoken": "hunter2"}}
    config = {"auths": auths, "credHelpers": {"quay.io": "own"}}
    shown = repr([found(tmp_path, config, name, helpers) for name in ("ghcr.io", "gcr.io", "quay.io")])
    shown += repr(parse_docker_config(tmp_path, json.dumps(config).encode()))
    assert "bob" not in shown
    assert "hunter2" not in shown
    assert auth("bob", "hunter2")["auth"] not in shown


def test_identity_token_takes_precedence_over_a_password(tmp_path: Path) -> None:
    credential = found(tmp_path, {"auths": {"ghcr.io": {**auth(), "identitytoken": "t"}}})
    assert isinstance(credential, IdentityToken)
    assert credential.token == "t"


def test_helper_takes_precedence_over_the_store_and_the_store_replaces_the_file(tmp_path: Path) -> None:
    config = {
        "credHelpers": {"ghcr.io": "own"},
        "credsStore": "desktop",
        "auths": {name: auth(password="file") for name in ("ghcr.io", "quay.io", "gcr.io")},
    }
    helpers = FakeHelpers(
        {("own", "ghcr.io"): HelperCredentials("u", "own"), ("desktop", "quay.io"): HelperCredentials("u", "store")}
    )
    names = ("ghcr.io", "quay.io", "gcr.io")
    assert [password_of(found(tmp_path, config, name, helpers)) for name in names[:2]] == ["own", "store"]
    # As in Docker: https://github.com/docker/cli/blob/v28.5.2/cli/config/credentials/native_store.go
    assert isinstance(found(tmp_path, config, names[2], helpers), NoCredentials)
    assert helpers.calls == [("own", "ghcr.io"), ("desktop", "quay.io"), ("desktop", "gcr.io")]


def test_host_with_its_own_helper_uses_only_that(tmp_path: Path) -> None:
    config = {"credHelpers": {"ghcr.io": "own"}, "credsStore": "desktop", "auths": {"ghcr.io": auth()}}
    helpers = FakeHelpers()
    assert isinstance(found(tmp_path, config, "ghcr.io", helpers), NoCredentials)
    assert helpers.calls == [("own", "ghcr.io")]


@pytest.mark.parametrize("name", ["", None])
def test_host_with_an_empty_helper_uses_the_file(tmp_path: Path, name: str | None) -> None:
    config = {"credHelpers": {"ghcr.io": name}, "credsStore": "broken", "auths": {"ghcr.io": auth(password="file")}}
    helpers = FakeHelpers()
    assert password_of(found(tmp_path, config, "ghcr.io", helpers)) == "file"
    assert helpers.calls == []


@pytest.mark.parametrize("key", [DOCKER_HUB_SERVER, "index.docker.io", "docker.io"])
def test_helper_of_docker_hub_has_several_keys(tmp_path: Path, key: str) -> None:
    helpers = FakeHelpers({("own", DOCKER_HUB_SERVER): HelperCredentials("u", "own")})
    config = {"credHelpers": {key: "own"}, "credsStore": "broken"}
    assert password_of(found(tmp_path, config, "docker.io", helpers)) == "own"


def test_helper_is_called_with_the_server_of_docker_hub(tmp_path: Path) -> None:
    helpers = FakeHelpers({("desktop", DOCKER_HUB_SERVER): HelperCredentials("<token>", "identity")})
    credential = found(tmp_path, {"credsStore": "desktop"}, "docker.io", helpers)
    assert isinstance(credential, IdentityToken)
    assert credential.source == "the credentials for docker.io from docker-credential-desktop"


def test_file_is_in_docker_config_or_in_the_home_directory() -> None:
    home = Path("home")
    assert docker_config_path({}, home) == Path("home/.docker/config.json")
    assert docker_config_path({"DOCKER_CONFIG": ""}, home) == Path("home/.docker/config.json")
    assert docker_config_path({"DOCKER_CONFIG": "elsewhere"}, home) == Path("elsewhere/config.json")


NAMESPACES = {
    "registry.example": "registry",
    "registry.example/team": "team",
    "registry.example/team/app": "app",
    "Registry.example/mixed": "mixed",
    "https://registry.example/with/scheme": "none",
    "registry.example:5000/team": "port",
    "other.example/team": "other",
    "registry.example/empty": "",
}


@pytest.mark.parametrize(
    ("repository", "password"),
    [
        ("", "registry"),
        ("app", "registry"),
        ("teams", "registry"),
        ("team", "team"),
        ("team/app", "app"),
        ("team/app/debug", "app"),
        ("team/application", "team"),
        ("team/other/deep/path", "team"),
        ("mixed/app", "mixed"),
        ("with/scheme", "registry"),
        ("empty/app", "registry"),
    ],
)
def test_the_most_specific_namespace_takes_precedence(tmp_path: Path, repository: str, password: str) -> None:
    auths = {key: auth(password=value) if value else {} for key, value in NAMESPACES.items()}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    source = DockerConfigCredentials(tmp_path / "config.json", FakeHelpers())
    assert password_of(source.for_registry("registry.example", Deadline.after(5)).of(repository)) == password


def test_credentials_for_a_namespace_are_for_no_other_repository(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"docker.io/library/nginx": auth()}}))
    source = DockerConfigCredentials(tmp_path / "config.json", FakeHelpers())
    credentials = source.for_registry("docker.io", Deadline.after(5))
    for repository in ("library", "library/nginx2", "nginx", ""):
        assert isinstance(credentials.of(repository), NoCredentials)
    assert password_of(credentials.of("library/nginx")) == "pass:word"


@pytest.mark.parametrize("config", [{"credHelpers": {"ghcr.io": "own"}}, {"credsStore": "own"}])
def test_a_helper_replaces_namespaces_too(tmp_path: Path, config: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**config, "auths": {"ghcr.io/team": auth()}}))
    source = DockerConfigCredentials(tmp_path / "config.json", FakeHelpers())
    assert isinstance(source.for_registry("ghcr.io", Deadline.after(5)).of("team/app"), NoCredentials)


@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5).map(
        lambda value: json.dumps({"auths": value, "credHelpers": {"a": value}, "credsStore": value}).encode()
    )
)
def test_any_content_is_a_config_or_a_configuration_error(content: bytes) -> None:
    with suppress(ConfigurationError):
        assert isinstance(parse_docker_config(Path("config.json"), content), DockerConfig)
