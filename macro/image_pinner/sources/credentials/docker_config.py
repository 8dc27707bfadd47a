"""Credentials in Docker's config file and its credential helpers.

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
from image_pinner.sources.credentials.configured import is_sendable
from image_pinner.sources.credentials.interface import Credential, IdentityToken, NoCredential, Password
from image_pinner.sources.http.redaction import sanitize
from image_pinner.sources.interface import Deadline

# A helper may ask the person at the keyboard to unlock a store, or a service behind the network.
TIME_LIMIT = 20.0
"""How long a helper may take, in seconds."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
# The words by which helpers say so, on standard output and with exit code 1; some use standard error:
# https://github.com/docker/docker-credential-helpers/blob/v0.9.3/credentials/error.go
_NOT_FOUND = "credentials not found"


@dataclass(frozen=True, slots=True)
class Login:
    """What a helper keeps for a server.

    Args:
        user: The user, or `<token>` where the secret is an identity token.
        secret: The password or token; it is never shown.
    """

    user: str = field(repr=False)
    secret: str = field(repr=False)


AskHelper = Callable[[str, str, Deadline], Login | None]
"""Asks the helper of a name for the login to a server; `None` where it keeps none."""


class HelperPrograms:
    """Runs credential helpers.

    Args:
        environment: The environment they get; its `PATH` says where they are.
        time_limit: How long one may take, in seconds.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, *, time_limit: float = TIME_LIMIT) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._time_limit = time_limit

    def __call__(self, name: str, server: str, deadline: Deadline) -> Login | None:
        """Ask a helper.

        Args:
            name: Its name, what follows `docker-credential-`.
            server: The server, as logins are kept for it.
            deadline: When to give up.

        Returns:
            The login, or `None` where the helper keeps none for this server.

        Raises:
            SourceError: The helper is not there, fails, takes too long or says what cannot be understood.
        """
        if not _NAME.fullmatch(name):
            raise SourceError(
                f"{sanitize(name)!r} is no name of a credential helper", "Correct it in the docker config file"
            )
        program = f"docker-credential-{name}"
        path = shutil.which(program, path=self._environment.get("PATH", os.defpath))
        if path is None:
            raise SourceError(
                f"the docker config file has {program} keep the login for {server}, and PATH has no such program",
                "Install it, or remove its name from the docker config file and log in again",
            )
        helper = self._run(path, program, server, min(self._time_limit, deadline.remaining()))
        if helper.returncode == 0:
            return _login(program, server, helper.stdout)
        if _NOT_FOUND in f"{helper.stdout}\n{helper.stderr}".lower():
            return None
        raise SourceError(
            f"{program} failed when it was asked for the login for {server}, "
            f"{sanitize(helper.stdout or helper.stderr)!r}",
            f"Run 'echo {server} | {program} get' to see why, and log in again",
        )

    def _run(self, path: str, program: str, server: str, seconds: float) -> subprocess.CompletedProcess[str]:
        try:
            # Its own session: a helper in a shell script leaves children behind that would keep its output open.
            with subprocess.Popen(  # noqa: S603 - the name was checked, and nothing goes through a shell
                [path, "get"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=self._environment,
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
                f"{program} did not give the login for {server} within {seconds:.0f} seconds",
                "Unlock the store that it keeps logins in, and try again",
            ) from None
        except OSError as error:
            raise SourceError(f"{program} cannot be run: {error.strerror}", "Install it again") from None


def _kill(helper: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(helper.pid, signal.SIGKILL)
        else:
            helper.kill()
    helper.kill()


def _login(program: str, server: str, output: str) -> Login | None:
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        found = None
    user = found.get("Username") if isinstance(found, dict) else None
    secret = found.get("Secret") if isinstance(found, dict) else None
    if not isinstance(user, str) or not isinstance(secret, str) or not is_sendable(user + secret):
        raise SourceError(
            f"{program} did not answer with a user and a secret for {server}", "Log in again, or install it again"
        )
    return Login(user, secret) if secret else None


DOCKER_HUB_SERVER = "https://index.docker.io/v1/"
"""The name under which the login to Docker Hub is kept."""

_MAX_BYTES = 4 * 1024 * 1024
_PATHS = ("", "v1", "v2")  # behind the host in older keys
_TOKEN_USER = "<token>"  # noqa: S105 - the user by which helpers say that the secret is an identity token


def docker_config_path(environment: Mapping[str, str], home: Path) -> Path:
    """Give the path of the config file: in the directory that `DOCKER_CONFIG` names, or in the user's own."""
    directory = environment.get("DOCKER_CONFIG")
    return (Path(directory) if directory else home / ".docker") / "config.json"


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """What of a config file concerns logins.

    Args:
        path: The file.
        text: What it says, for the lines that messages name.
        auths: The logins it keeps itself, by server.
        helpers: The helpers, by server.
        store: The helper for all other servers, or empty.
    """

    path: Path
    text: str = field(repr=False)
    auths: Mapping[str, Mapping[str, Any]] = field(repr=False)
    helpers: Mapping[str, str]
    store: str

    def fault(self, key: str, what: str) -> ConfigurationError:
        """Give the error for an entry that cannot be used."""
        return ConfigurationError(
            f"{self.path}, line {_line_of(self.text, key)}: {what}",
            "Correct the entry, or remove it and log in again with docker login",
        )


def read_docker_config(path: Path) -> DockerConfig | None:
    """Read a config file.

    Args:
        path: Where it is.

    Returns:
        Its logins, or `None` where there is no such file.

    Raises:
        ConfigurationError: It cannot be read, or is no such file; the cause names the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"the docker config file {path} cannot be read: {error.strerror}", "Give this user the right to read it"
        ) from None
    return parse_docker_config(path, content)


def parse_docker_config(path: Path, content: bytes) -> DockerConfig:
    """Read what a config file holds.

    Args:
        path: Where it stands, for messages.
        content: Its bytes.

    Returns:
        Its logins.

    Raises:
        ConfigurationError: It is no such file; the cause names the line.
    """
    advice = "Correct the file, or move it away and log in again with docker login"
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(f"the docker config file {path} has more than {_MAX_BYTES} bytes", advice)
    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}, line {line}: the file is not UTF-8", advice) from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}, line {error.lineno}: the file is no JSON: {error.msg}", advice) from None
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{path}, line 1: the file is no JSON that can be read", advice) from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}, line 1: the file is no JSON object", advice)
    return _logins(path, text, document)


class DockerConfigCredentials:
    """Gives the logins of a docker config file, and of the helpers that it names.

    Who is asked follows `getConfiguredCredentialStore` of
    https://github.com/docker/cli/blob/v28.5.2/cli/config/configfile/file.go: a registry's own helper, and only it; else
    the store for all. In one thing this goes further than Docker: what the store does not keep may stand in the file,
    where tools write it that know of no store.

    Args:
        path: The file, which need not exist; it is read when the first registry demands a login.
        ask_helper: Runs credential helpers.
    """

    def __init__(self, path: Path, ask_helper: AskHelper | None = None) -> None:
        self._path = path
        self._ask_helper = ask_helper or HelperPrograms()

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:  # noqa: ARG002 - AWS's
        """Give the credential for a registry: a helper's of its own, the store's, the file's, or none.

        Args:
            registry: Its host in lower case, with its port where one is written; `docker.io` for Docker Hub.
            deadline: When to give up.
            secret_arn: Not looked at: a secret of AWS.

        Returns:
            The credential for exactly this host.

        Raises:
            SourceError: A helper that is to know it fails.
            ConfigurationError: The file, or the entry for this registry, cannot be used.
        """
        config = read_docker_config(self._path)
        advice = f"Run 'docker login {registry}' with an account that may read the image"
        if config is None:
            return NoCredential(f"no credential, for there is no {self._path}", advice)
        none = NoCredential(f"no credential, for neither {self._path} nor a helper it names has one", advice)
        own = config.helpers.get(_key_for(registry, config.helpers))
        if own:
            return self._from_helper(own, registry, advice, deadline) or none
        # An empty name says that this registry's login is in the file, whatever the store is.
        store = config.store if own is None else ""
        stored = self._from_helper(store, registry, advice, deadline) if store else None
        return stored or _from_file(config, registry, advice) or none

    def _from_helper(self, name: str, registry: str, advice: str, deadline: Deadline) -> Credential | None:
        server = DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
        login = self._ask_helper(name, server, deadline)
        if login is None:
            return None
        source = f"the credential for {registry} from docker-credential-{name}"
        if login.user == _TOKEN_USER:
            return IdentityToken(login.secret, source, advice)
        return Password(login.user, login.secret, source, advice)


def _from_file(config: DockerConfig, registry: str, advice: str) -> Credential | None:
    key = _key_for(registry, config.auths)
    entry = config.auths.get(key) or {}
    source = f"the credential for {key} from {config.path}"
    if token := entry.get("identitytoken"):
        if not isinstance(token, str) or not is_sendable(token):
            raise config.fault(key, f"the identitytoken for {key} is no text")
        return IdentityToken(token, source, advice)
    if entry.get("registrytoken"):
        raise config.fault(key, f"the login for {key} is a registrytoken, which we cannot use")
    if encoded := entry.get("auth"):
        return Password(*_decoded(config, key, encoded), source, advice)
    match entry.get("username"), entry.get("password"):
        case str(user), str(password) if user and password:
            if not is_sendable(user + password):
                raise config.fault(key, f"the login for {key} has characters that cannot be sent")
            return Password(user, password, source, advice)
        case _:
            return None


def _decoded(config: DockerConfig, key: str, encoded: object) -> tuple[str, str]:
    try:
        # Docker's reader skips line ends, which tools that encode in base64 like to add.
        lines = encoded.replace("\r", "").replace("\n", "") if isinstance(encoded, str) else ""
        text = base64.b64decode(lines, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        text = ""
    user, colon, password = text.partition(":")
    if not user or not colon:
        raise config.fault(key, f"the auth for {key} is not 'user:password' in base64")
    # Docker's own reader drops NUL bytes: old versions wrote them at the end.
    return user, password.strip("\x00")


def _key_for(registry: str, entries: Mapping[str, object]) -> str:
    """Give the key of a registry's entry: the name under which Docker keeps it, or an older form of it."""
    usual = DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
    if usual in entries:
        return usual
    return next((key for key in entries if _registry_of(key) == registry), usual)


def _registry_of(key: str) -> str | None:
    """Give the registry that a key means, or `None` for one that means only a part of it, as podman writes."""
    for scheme in ("https://", "http://"):
        key = key.removeprefix(scheme)
    host, _, path = key.partition("/")
    return canonical_registry(host) if path.rstrip("/") in _PATHS else None


def _logins(path: Path, text: str, document: Mapping[str, Any]) -> DockerConfig:
    said = {key: value for key, value in document.items() if value is not None}
    auths, helpers, store = said.get("auths", {}), said.get("credHelpers", {}), said.get("credsStore", "")
    config = DockerConfig(path, text, auths, helpers, store)
    if not isinstance(auths, dict):
        raise config.fault("auths", "'auths' is no object with a login per server")
    if not isinstance(helpers, dict):
        raise config.fault("credHelpers", "'credHelpers' is no object with a helper per server")
    if not isinstance(store, str):
        raise config.fault("credsStore", "'credsStore' is no name of a helper")
    for key, entry in auths.items():
        if entry is not None and not isinstance(entry, dict):
            raise config.fault(key, f"the login for {sanitize(key)} is no object")
    for key, name in helpers.items():
        if not isinstance(name, str | None):
            raise config.fault(key, f"the helper for {sanitize(key)} is no name")
    return replace(config, helpers={key: name or "" for key, name in helpers.items()})


def _line_of(text: str, key: str) -> int:
    return text.count("\n", 0, max(text.find(json.dumps(key, ensure_ascii=False)), 0)) + 1
