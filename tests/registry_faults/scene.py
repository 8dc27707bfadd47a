"""The servers of one fault, on loopback, and the configuration of the command."""

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
"""A part of every password, token and query here, so that a message that contains one is detected."""
PASSWORD = Password("robot", f"pass-{CANARY}", "", "")
TOKEN = f"token-{CANARY}-0123456789"

# Messages of OpenSSL differ from version to version.
_OPENSSL = (
    (re.compile(r"(no TLS connection to \S+): [\w ]+"), r"\1: WRONG_VERSION_NUMBER"),
    (re.compile("self signed certificate"), "self-signed certificate"),
)
_DIGEST = re.compile(r"(sha[0-9]+:[0-9a-f]{8})[0-9a-f]{56,}")


def nothing_more() -> None:
    """Check nothing else."""


@dataclass(frozen=True)
class Staged:
    """What to pin, once the servers of a fault run.

    Args:
        image: The reference of the image.
        options: The options in its marker.
        untouched: The servers that must get no connection.
        check: Checks the servers afterwards.
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
        scheme: `http`, or `https` with certificates that the command trusts.
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
            scheme: Its scheme, by default that of the scene.
            listed: Whether its host is in the configuration.
            trusted: Whether its CA file is configured, for `*` if the host is not listed.
            certificate: Its certificate, a valid one by default.
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
        """Return a host with a port that no program serves: connections stall there, or are refused."""
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
        """Set the name in the document of a host that is not a server of this scene."""
        self._names[host] = name

    def list(self, setting: str, entry: str) -> None:
        """Add an entry to a setting that is a list."""
        self._lists.setdefault(setting, []).append(entry)

    def add_credential(self, registry: ScriptedRegistry) -> None:
        """Configure the credential for a registry."""
        self.list("CREDENTIALS", f"{registry.host}=env:REGISTRY_LOGIN")

    def folder(self, name: str) -> Path:
        """Create a folder."""
        folder = self.directory / name
        folder.mkdir()
        return folder

    def environment(self) -> dict[str, str]:
        """Return the variables that configure the command, without any other credential."""
        lists = {name: ";".join(entries) for name, entries in self._lists.items()}
        given = {f"IMAGE_PINNER_{name}": value for name, value in {**lists, **self.settings}.items()}
        system = self.directory / "no-ca.pem"
        system.touch()
        return {
            "IMAGE_PINNER_TIMEOUT": "20",
            "DOCKER_CONFIG": str(self.directory),
            "REGISTRY_LOGIN": f"{PASSWORD.user}:{PASSWORD.password}",
            # Loading the certificate authorities of the system is slow, and none of them is needed for loopback.
            "SSL_CERT_FILE": str(system),
            "SSL_CERT_DIR": str(self.directory),
            **given,
        }

    def printed(self, text: str) -> str:
        """Return a text in the form of the document: the same on all machines, with short digests."""
        for host, name in self._names.items():
            text = text.replace(host, name)
        for pattern, replacement in _OPENSSL:
            text = pattern.sub(replacement, text)
        return _DIGEST.sub(r"\1…", text)

    def _good_certificate(self) -> ServerCertificate:
        if self._certificate is None:
            self._certificate = certificate_for(self.folder("certificates"), "127.0.0.1")
        return self._certificate
