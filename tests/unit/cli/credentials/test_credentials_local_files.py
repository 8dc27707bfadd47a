"""Which of the files and variables of Docker and podman are read, and in which order."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from image_pinner.cli.credentials.local_files import auth_file_paths, local_credentials
from image_pinner.core.errors import ConfigurationError
from image_pinner.sources.credentials.configured import CredentialChain
from image_pinner.sources.credentials.interface import Credentials, NoCredentials, Password
from image_pinner.sources.interface import Deadline

PATHS = {
    "docker": "home/.docker/config.json",
    "session": "run/containers/auth.json",
    "permanent": "home/.config/containers/auth.json",
    "explicit": "explicit.json",
}


def auths(password: str, key: str = "ghcr.io") -> str:
    return json.dumps({"auths": {key: {"auth": base64.b64encode(f"u:{password}".encode()).decode()}}})


def find(
    directory: Path, *files: str, environment: Mapping[str, str] | None = None, repository: str = "team/app"
) -> Credentials:
    """Write the named files, each with its own password, and return the credentials for a registry."""
    for name in files:
        path = directory / PATHS[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(auths(name))
    variables = {"XDG_RUNTIME_DIR": str(directory / "run"), **(environment or {})}
    chain = CredentialChain(local_credentials(variables, directory / "home"))
    return chain.for_registry("ghcr.io", Deadline.after(5)).of(repository)


def password_of(credentials: Credentials) -> str:
    assert isinstance(credentials, Password)
    return credentials.password


def test_without_any_file_only_docker_login_is_suggested(tmp_path: Path) -> None:
    none = find(tmp_path)
    assert isinstance(none, NoCredentials)
    assert none.reason == f"{tmp_path / PATHS['docker']} does not exist"
    assert none.help.startswith("run 'docker login ghcr.io'")


@pytest.mark.parametrize("content", ["{", "[]", '{"auths": 1}', '{"auths": {"ghcr.io": {"auth": "aHVudGVyMg=="}}}'])
def test_an_invalid_variable_is_refused_without_its_content(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        find(tmp_path, "docker", environment={"DOCKER_AUTH_CONFIG": content})
    assert raised.value.cause.startswith("DOCKER_AUTH_CONFIG, line 1: ")
    assert raised.value.help
    assert "hunter2" not in raised.value.diagnostics()
    assert "aHVudGVyMg" not in raised.value.diagnostics()


def test_a_broken_file_is_an_error_although_another_has_credentials(tmp_path: Path) -> None:
    (tmp_path / "explicit.json").write_text("{")
    with pytest.raises(ConfigurationError, match="is not valid JSON"):
        find(tmp_path, "docker", environment={"REGISTRY_AUTH_FILE": str(tmp_path / "explicit.json")})


@pytest.mark.parametrize(
    ("files", "first"),
    [
        (("docker", "session", "permanent"), "docker"),
        (("session", "permanent"), "session"),
        (("permanent",), "permanent"),
    ],
)
def test_each_file_is_read_in_its_order(tmp_path: Path, files: tuple[str, ...], first: str) -> None:
    assert password_of(find(tmp_path, *files)) == first


def test_what_a_variable_sets_takes_precedence(tmp_path: Path) -> None:
    explicit = {"REGISTRY_AUTH_FILE": str(tmp_path / "explicit.json")}
    assert password_of(find(tmp_path, "docker", "session", "explicit", environment=explicit)) == "explicit"
    inline = {**explicit, "DOCKER_AUTH_CONFIG": auths("inline")}
    found = find(tmp_path, environment=inline)
    assert password_of(found) == "inline"
    assert isinstance(found, Password)
    assert found.source == "the credentials for ghcr.io from DOCKER_AUTH_CONFIG"
    for other in (auths("inline", "quay.io"), "{}", ""):
        assert password_of(find(tmp_path, environment={**explicit, "DOCKER_AUTH_CONFIG": other})) == "explicit"


def test_an_explicit_file_replaces_the_other_files_of_podman(tmp_path: Path) -> None:
    environment = {"REGISTRY_AUTH_FILE": str(tmp_path / "explicit.json")}
    none = find(tmp_path, "session", "permanent", environment=environment)
    assert isinstance(none, NoCredentials)
    assert f"{tmp_path / 'explicit.json'} does not exist" in none.reason


def test_the_variable_runs_no_helper(tmp_path: Path) -> None:
    content = json.dumps(
        {"credsStore": "nowhere", "credHelpers": {"ghcr.io": "nowhere"}, **json.loads(auths("inline"))}
    )
    assert password_of(find(tmp_path, environment={"DOCKER_AUTH_CONFIG": content})) == "inline"


def test_the_variable_has_namespaces_too(tmp_path: Path) -> None:
    environment = {"DOCKER_AUTH_CONFIG": auths("inline", "ghcr.io/team")}
    assert password_of(find(tmp_path, environment=environment)) == "inline"
    assert isinstance(find(tmp_path, environment=environment, repository="other/app"), NoCredentials)


NAMESPACED = {
    "explicit": {"ghcr.io/team/app": "explicit app"},
    "docker": {"ghcr.io/team": "docker team", "ghcr.io": "docker"},
    "unread": {"ghcr.io/other": "unread"},
}


@pytest.mark.parametrize(
    ("repository", "password"),
    [("team/app", "explicit app"), ("team/other", "docker team"), ("other/app", "docker")],
)
def test_the_first_file_with_a_key_for_the_repository_takes_precedence(
    tmp_path: Path, repository: str, password: str
) -> None:
    find(tmp_path, "explicit", "docker", "session")
    for name, keys in (("explicit", "explicit"), ("docker", "docker"), ("session", "unread")):
        document = {key: json.loads(auths(value, key))["auths"][key] for key, value in NAMESPACED[keys].items()}
        (tmp_path / PATHS[name]).write_text(json.dumps({"auths": document}))
    environment = {"REGISTRY_AUTH_FILE": str(tmp_path / "explicit.json")}
    assert password_of(find(tmp_path, environment=environment, repository=repository)) == password


def test_a_store_without_credentials_does_not_hide_podman(tmp_path: Path) -> None:
    (tmp_path / "home/.docker").mkdir(parents=True)
    (tmp_path / "home/.docker/config.json").write_text('{"credHelpers": {"ghcr.io": ""}}')
    assert password_of(find(tmp_path, "session")) == "session"


def test_the_files_of_podman_are_where_it_documents_them() -> None:
    home = Path("/users/me")
    session, permanent = auth_file_paths({}, home)
    assert session.parts[1:3] == ("run", "containers")
    assert permanent == home / ".config/containers/auth.json"
    environment = {"XDG_RUNTIME_DIR": "/run/user/1000", "XDG_CONFIG_HOME": "/config"}
    assert auth_file_paths(environment, home) == (
        Path("/run/user/1000/containers/auth.json"),
        Path("/config/containers/auth.json"),
    )
