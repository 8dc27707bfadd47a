"""The scene of one fault: its servers on loopback, and what the command is told of them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from image_pinner.sources.credentials.interface import Password
from support.certificates import ServerCertificate, certificate_for
from support.registries import Script, ScriptedRegistry

REGISTRY, GOOD, SERVICE, OTHER = "registry.example", "good.example", "auth.example", "other.example"
"""The names that servers have in the document: the faulty registry, the good one, its token service, and a third."""
CANARY = "s3cr3t"
"""A part of every password, token and query here, so that a message that shows one of them is found out."""
PASSWORD = Password("robot", f"pass-{CANARY}", "", "")
TOKEN = f"token-{CANARY}-0123456789"

# What OpenSSL says, which differs from version to version.
_OPENSSL = (
    (re.compile(r"(no TLS connection to \S+): [\w ]+"), r"\1: WRONG_VERSION_NUMBER"),
    (re.compile("self signed certificate"), "self-signed certificate"),
)
_DIGEST = re.compile(r"(sha[0-9]+:[0-9a-f]{8})[0-9a-f]{56,}")


def nothing_more() -> None:
    """Look at nothing else."""


@dataclass(frozen=True)
class Staged:
    """What is to be pinned, once the servers of a fault stand.

    Args:
        image: The reference of the image.
        options: The options in its mark.
        untouched: The servers that nobody may have connected to.
        check: Looks at the servers afterwards.
    """

    image: str
    options: str = ""
    untouched: tuple[ScriptedRegistry, ...] = ()
    check: Callable[[], None] = nothing_more


@dataclass
class Scene:
    """Servers, each of them running until the stack ends.

    Args:
        directory: Where certificates are written.
        scheme: `http`, or `https` with certificates that the command is told to trust.
        stack: What ends the servers.
        settings: The settings of the run, by the names of the variables without their prefix.
    """

    directory: Path
    scheme: str
    stack: ExitStack
    settings: dict[str, str] = field(default_factory=dict)
    _certificate: ServerCertificate | None = None
    _lists: dict[str, list[str]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def serve(
        self,
        script: Script,
        name: str = REGISTRY,
        *,
        scheme: str = "",
        listed: bool = True,
        trusted: bool = True,
        certificate: ServerCertificate | None = None,
    ) -> ScriptedRegistry:
        """Run a server.

        Args:
            script: What it does.
            name: Its name in the document.
            scheme: How it is asked, as the rest of the scene by default.
            listed: Whether the operator names its host.
            trusted: Whether the command is told to trust its certificate, under `*` where the host is not named.
            certificate: Its certificate, which is in order by default.
        """
        if (scheme or self.scheme) == "http":
            server = self.stack.enter_context(ScriptedRegistry(script))
            if listed:
                self.list("INSECURE_REGISTRIES", server.host)
        else:
            shown = certificate or self._good_certificate()
            server = self.stack.enter_context(ScriptedRegistry(script, certificate=shown.context))
            if trusted:
                self.list("CA_BUNDLES", f"{server.host if listed else '*'}={shown.ca_file}")
        self._names[server.host] = name
        return server

    def port(self, *, listening: bool) -> str:
        """Give a host with a port behind which no program is: connections end there, or are refused."""
        opened = self.stack.enter_context(socket.socket())
        opened.bind(("127.0.0.1", 0))
        if listening:
            opened.listen()
        host = f"127.0.0.1:{opened.getsockname()[1]}"
        if self.scheme == "http":
            self.list("INSECURE_REGISTRIES", host)
        self._names[host] = REGISTRY
        return host

    def name(self, host: str, name: str = REGISTRY) -> None:
        """Name a host in the document that is no server of this scene."""
        self._names[host] = name

    def list(self, setting: str, entry: str) -> None:
        """Add an entry to a setting that is a list."""
        self._lists.setdefault(setting, []).append(entry)

    def add_credential(self, registry: ScriptedRegistry) -> None:
        """Give the command the login for a registry."""
        self.list("CREDENTIALS", f"{registry.host}=env:REGISTRY_LOGIN")

    def folder(self, name: str) -> Path:
        """Give a new folder."""
        folder = self.directory / name
        folder.mkdir()
        return folder

    def environment(self) -> dict[str, str]:
        """Give the variables that tell the command of all this, and no login but the one that was given."""
        lists = {name: ";".join(entries) for name, entries in self._lists.items()}
        given = {f"IMAGE_PINNER_{name}": value for name, value in {**lists, **self.settings}.items()}
        system = self.directory / "no-authorities.pem"
        system.touch()
        return {
            "IMAGE_PINNER_TIMEOUT": "20",
            "DOCKER_CONFIG": str(self.directory),
            "REGISTRY_LOGIN": f"{PASSWORD.user}:{PASSWORD.password}",
            # The system's authorities: none of them speaks for loopback, and to load them takes longer than the rest.
            "SSL_CERT_FILE": str(system),
            "SSL_CERT_DIR": str(self.directory),
            **given,
        }

    def printed(self, text: str) -> str:
        """Give a text as the document shows it: the same on all machines, with short digests."""
        for host, name in self._names.items():
            text = text.replace(host, name)
        for pattern, replacement in _OPENSSL:
            text = pattern.sub(replacement, text)
        return _DIGEST.sub(r"\1…", text)

    def _good_certificate(self) -> ServerCertificate:
        if self._certificate is None:
            self._certificate = certificate_for(self.folder("certificates"), "127.0.0.1")
        return self._certificate
