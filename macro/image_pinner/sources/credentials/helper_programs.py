"""Credential helpers: programs that keep logins for Docker, `docker-credential-<name>`.

https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from image_pinner.core.errors import SourceError
from image_pinner.sources.credentials.contents import is_sendable
from image_pinner.sources.http.diagnostics import shown
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
                f"{shown(name)!r} is no name of a credential helper", "Correct it in the docker config file"
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
            f"{program} failed when it was asked for the login for {server}, {shown(helper.stdout or helper.stderr)!r}",
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
