"""Credentials in Docker's config file and in the credential helpers that it names.

https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol

https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.images.references import DOCKER_HUB
from image_pinner.core.images.registries import canonical_registry
from image_pinner.sources.credentials.configured import is_encodable
from image_pinner.sources.credentials.interface import (
    Credentials,
    FindCredentials,
    IdentityToken,
    NoCredentials,
    Password,
)
from image_pinner.sources.http.redaction import sanitize
from image_pinner.sources.interface import Deadline

DOCKER_HUB_SERVER = "https://index.docker.io/v1/"
"""The server URL under which Docker stores the credentials for Docker Hub."""

_HELPER_SECONDS = 20.0  # a helper may prompt the user to unlock a store, or call a service
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
# Helpers print this to standard output, some to standard error, and exit with code 1:
# https://github.com/docker/docker-credential-helpers/blob/v0.9.3/credentials/error.go
_NOT_FOUND = "credentials not found"
_TOKEN_USER = "<token>"  # noqa: S105 - the user name with which helpers mark an identity token
_MAX_BYTES = 4 * 1024 * 1024
_PATHS = ("", "v1", "v2")  # after the host in older keys


@dataclass(frozen=True, slots=True)
class HelperCredentials:
    """The credentials that a helper returns: `user` is `<token>` if `secret` is an identity token."""

    user: str = field(repr=False)
    secret: str = field(repr=False)


GetFromHelper = Callable[[str, str, Deadline], HelperCredentials | None]
"""Gets the credentials for a server from the helper with a name; see `get_from_helper`."""


def check_helper_name(name: str, server: str) -> None:
    """Raise `SourceError` if no helper can have this name.

    The error does not contain it: it may be a secret at the wrong key. A valid one is shown: it is a program.
    """
    if not _HELPER_NAME.fullmatch(name):
        raise SourceError(
            f"the docker config file has an invalid name of a credential helper for {server}",
            "correct it in the docker config file",
        )


def get_from_helper(
    name: str,
    server: str,
    deadline: Deadline,
    *,
    environment: Mapping[str, str] | None = None,
    time_limit: float = _HELPER_SECONDS,
) -> HelperCredentials | None:
    """Run `docker-credential-<name> get` for a server; return `None` if the helper has no credentials for it.

    `environment` is that of the helper, and its `PATH` is searched for the program; `time_limit` is in seconds.

    Raises:
        SourceError: The helper is not installed, fails, times out or prints something invalid.
    """
    check_helper_name(name, server)
    environment = dict(os.environ if environment is None else environment)
    program = f"docker-credential-{name}"
    path = shutil.which(program, path=environment.get("PATH", os.defpath))
    if path is None:
        raise SourceError(
            f"the docker config file names {program} for {server}, but PATH has no such program",
            "install it, or remove it from the docker config file and run docker login again",
        )
    helper = _run(path, program, server, environment, min(time_limit, deadline.remaining()))
    if helper.returncode == 0:
        return _parse_output(program, server, helper.stdout)
    if _NOT_FOUND in f"{helper.stdout}\n{helper.stderr}".lower():
        return None
    # Its output may contain the credentials.
    raise SourceError(
        f"{program} failed to get credentials for {server} with exit code {helper.returncode}",
        f"run 'echo {server} | {program} get' to see why, and run docker login again",
    )


def _run(
    path: str, program: str, server: str, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    try:
        # It gets a session of its own, since a shell script may leave children that keep its output open.
        with subprocess.Popen(  # noqa: S603 - the name is validated, and no shell is involved
            [path, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            start_new_session=True,
        ) as helper:
            try:
                output, errors = helper.communicate(server, timeout=seconds)
            except subprocess.TimeoutExpired:
                _kill(helper)
                raise
            return subprocess.CompletedProcess([program], helper.wait(), output, errors)
    except subprocess.TimeoutExpired:
        raise SourceError(
            f"{program} did not return credentials for {server} within {seconds:.0f} seconds",
            "unlock its credential store, and try again",
        ) from None
    except OSError as error:
        raise SourceError(f"cannot run {program}: {error.strerror}", "install it again") from None


def _kill(helper: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(helper.pid, signal.SIGKILL)
    helper.kill()


def _parse_output(program: str, server: str, output: str) -> HelperCredentials | None:
    try:
        document = json.loads(output)
    except (ValueError, RecursionError):
        document = None
    match document:
        case {"Username": str(user), "Secret": str(secret)} if is_encodable(user + secret):
            return HelperCredentials(user, secret) if secret else None
    raise SourceError(
        f"{program} did not return a user name and a secret for {server}", "run docker login again, or install it again"
    )


def docker_config_path(environment: Mapping[str, str], home: Path) -> Path:
    """Return the path of the config file: in the directory in `DOCKER_CONFIG`, or in the user's `.docker`."""
    directory = environment.get("DOCKER_CONFIG")
    return (Path(directory) if directory else home / ".docker") / "config.json"


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """The parts of a config file that concern credentials.

    `auths` has the credentials in the file by server, `helpers` the names of helpers by server, and `store` the helper
    for all other servers, or an empty string. `text` is the whole file, to report line numbers.
    """

    path: Path
    text: str = field(repr=False)
    auths: Mapping[str, Mapping[str, Any]] = field(repr=False)
    helpers: Mapping[str, str]
    store: str

    def invalid(self, key: str, why: str) -> ConfigurationError:
        """Return the error for the entry with a key."""
        return _invalid_entry(self.path, self.text, key, why)


def read_docker_config(path: Path) -> DockerConfig | None:
    """Read a config file; return `None` if it does not exist.

    Raises:
        ConfigurationError: The file cannot be read or is invalid; the cause has the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the docker config file {path}: {error.strerror}", "allow this user to read the file"
        ) from None
    return parse_docker_config(path, content)


def parse_docker_config(path: Path, content: bytes) -> DockerConfig:
    """Parse the content of the config file at `path`.

    Raises:
        ConfigurationError: The content is invalid; the cause has the line.
    """
    help = "correct the file, or move it away and run docker login again"
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(f"the docker config file {path} has more than {_MAX_BYTES} bytes", help)
    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}, line {line}: the file is not UTF-8", help) from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path}, line {error.lineno}: the file is not valid JSON: {error.msg}", help
        ) from None
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{path}, line 1: the file is not valid JSON", help) from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}, line 1: the file is not a JSON object", help)
    return _validate(path, text, {key: value for key, value in document.items() if value is not None})


def _validate(path: Path, text: str, document: Mapping[str, Any]) -> DockerConfig:
    auths, helpers, store = document.get("auths", {}), document.get("credHelpers", {}), document.get("credsStore", "")
    if not isinstance(auths, dict):
        raise _invalid_entry(path, text, "auths", "'auths' must be an object with credentials by server")
    if not isinstance(helpers, dict):
        raise _invalid_entry(path, text, "credHelpers", "'credHelpers' must be an object with a helper by server")
    if not isinstance(store, str):
        raise _invalid_entry(path, text, "credsStore", "'credsStore' must be the name of a helper")
    for key, entry in auths.items():
        if entry is not None and not isinstance(entry, dict):
            raise _invalid_entry(path, text, key, f"the credentials for {sanitize(key)} must be an object")
    for key, name in helpers.items():
        if not isinstance(name, str | None):
            raise _invalid_entry(path, text, key, f"the helper for {sanitize(key)} must be a name")
    return DockerConfig(path, text, auths, {key: name or "" for key, name in helpers.items()}, store)


def _invalid_entry(path: Path, text: str, key: str, why: str) -> ConfigurationError:
    start = max(text.find(json.dumps(key, ensure_ascii=False)), 0)
    line = text.count("\n", 0, start) + 1
    return ConfigurationError(
        f"{path}, line {line}: {why}", "correct the entry, or remove it and run docker login again"
    )


class DockerConfigCredentials:
    """Reads credentials from a config file of Docker or podman at `path`, and from the helpers that it names.

    The order is that of `getConfiguredCredentialStore` in
    https://github.com/docker/cli/blob/v28.5.2/cli/config/configfile/file.go: only the registry's own helper if it has
    one, else only the store if there is one, else the file. The file may be absent; it is read on every call.

    With `if_present`, an absent file is not mentioned in messages.
    """

    def __init__(
        self, path: Path, get_from_helper: GetFromHelper = get_from_helper, *, if_present: bool = False
    ) -> None:
        self._path = path
        self._get_from_helper = get_from_helper
        self._if_present = if_present

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:  # noqa: ARG002 - an AWS secret
        """See `CredentialSource.for_registry`."""
        config = read_docker_config(self._path)
        help = f"run 'docker login {registry}' with an account that may read the image"
        if config is None:
            return NoCredentials(f"{self._path} does not exist", "" if self._if_present else help)
        none = NoCredentials(f"neither {self._path} nor a helper it names has any", help)
        helper = config.helpers.get(_key_for(registry, config.helpers))
        if helper:
            return self._read_helper(helper, registry, help, deadline) or none
        # An empty helper name means that the credentials are in the file even if there is a store.
        if config.store and helper is None:
            return self._read_helper(config.store, registry, help, deadline) or none
        return read_auths(config, registry, none)

    def _read_helper(self, name: str, registry: str, help: str, deadline: Deadline) -> Credentials | None:
        found = self._get_from_helper(name, _server_of(registry), deadline)
        if found is None:
            return None
        source = f"the credentials for {registry} from docker-credential-{name}"
        if found.user == _TOKEN_USER:
            return IdentityToken(found.secret, source, help)
        return Password(found.user, found.secret, source, help)


def read_auths(config: DockerConfig, registry: str, none: NoCredentials) -> Credentials:
    """Return the credentials in the file for a registry and for parts of it; `none` if it has none for the registry.

    A key with a path is for a part of the registry, as podman writes it; the most specific one takes precedence:
    https://github.com/containers/image/blob/v5.36.2/docs/containers-auth.json.5.md
    """
    named = ((key, *key.partition("/")) for key in config.auths if "://" not in key)
    paths = {path: key for key, host, _, path in named if path and canonical_registry(host) == registry}

    def find(repository: str) -> Credentials | None:
        path = repository
        while path:
            if path in paths and (found := _read_key(config, paths[path], none.help)):
                return found
            path = path.rpartition("/")[0]
        return None

    parts: tuple[FindCredentials, ...] = (find,) if paths else ()
    return replace(_read_key(config, _key_for(registry, config.auths), none.help) or none, parts=parts)


def _read_key(config: DockerConfig, key: str, help: str) -> Credentials | None:
    entry = config.auths.get(key) or {}
    source = f"the credentials for {key} from {config.path}"
    if token := entry.get("identitytoken"):
        if not isinstance(token, str) or not is_encodable(token):
            raise config.invalid(key, f"the identitytoken for {key} is not a valid string")
        return IdentityToken(token, source, help)
    if entry.get("registrytoken"):
        raise config.invalid(key, f"the credentials for {key} are a registrytoken, which is not supported")
    if encoded := entry.get("auth"):
        return Password(*_decode_auth(config, key, encoded), source, help)
    match entry:
        case {"username": str(user), "password": str(password)} if user and password:
            if not is_encodable(user + password):
                raise config.invalid(key, f"the credentials for {key} have characters that UTF-8 cannot encode")
            return Password(user, password, source, help)
        case _:
            return None


def _decode_auth(config: DockerConfig, key: str, encoded: object) -> tuple[str, str]:
    try:
        # Docker ignores line breaks, which some base64 tools add.
        lines = encoded.replace("\r", "").replace("\n", "") if isinstance(encoded, str) else ""
        text = base64.b64decode(lines, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        text = ""
    user, colon, password = text.partition(":")
    if not user or not colon:
        raise config.invalid(key, f"the auth for {key} is not 'user:password' in base64")
    # Docker strips NUL bytes, which its old versions appended.
    return user, password.strip("\x00")


def _server_of(registry: str) -> str:
    """Return the key under which Docker stores the credentials for a registry."""
    return DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry


def _key_for(registry: str, entries: Mapping[str, object]) -> str:
    """Return the key of a registry's entry: the one that Docker writes, or an older form of it."""
    server = _server_of(registry)
    if server in entries:
        return server
    return next((key for key in entries if _registry_of(key) == registry), server)


def _registry_of(key: str) -> str | None:
    """Return the registry of a key, or `None` if the key is for a part of a registry, as podman writes."""
    for scheme in ("https://", "http://"):
        key = key.removeprefix(scheme)
    host, _, path = key.partition("/")
    return canonical_registry(host) if path.rstrip("/") in _PATHS else None
