"""Choose the certificates that are trusted, by host."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from urllib3.util import Url

from image_pinner.core.errors import ConfigurationError

ALL_HOSTS = "*"
_HTTPS_PORT = 443


class Trust:
    """The trusted certificates of each host: those of the system, and those of a CA file if one is configured.

    Args:
        ca_files: CA files in PEM format by host, with its port unless that is 443; `*` for all other hosts.

    Raises:
        ConfigurationError: A CA file cannot be read or has no certificate.
    """

    def __init__(self, ca_files: Mapping[str, Path] | None = None) -> None:
        self._files = {_with_port(host): file for host, file in (ca_files or {}).items()}
        # The system's certificates take some 20 ms to load: they are loaded with the first request that needs them.
        self._contexts: dict[Path | None, ssl.SSLContext] = {file: ssl_context(file) for file in self._files.values()}

    def context(self, url: Url) -> ssl.SSLContext:
        """Return the context that verifies the server of an HTTPS URL, the same one for the same certificates."""
        host = f"{(url.host or '').lower()}:{_HTTPS_PORT if url.port is None else url.port}"
        file = self._files.get(host) or self._files.get(ALL_HOSTS)
        if file not in self._contexts:
            self._contexts[file] = ssl_context(file)
        return self._contexts[file]


def _with_port(host: str) -> str:
    name = host.lower()
    if name == ALL_HOSTS or (name.rpartition(":")[2].isdigit() and not name.endswith("]")):
        return name
    return f"{name}:{_HTTPS_PORT}"


def ssl_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificate and host name, the same one for the same certificates.

    It trusts the certificates of the system and those of `ca_file`, if any.

    Raises:
        ConfigurationError: The file cannot be read or has no certificate.
    """
    system = ssl.get_default_verify_paths()
    if ca_file is None:
        return _context(system, None, 0, 0)
    try:
        state = ca_file.stat()
    except OSError as error:
        raise _unusable(error) from None
    return _context(system, ca_file, state.st_mtime_ns, state.st_size)


# Cached since loading the system's certificates takes some 25 ms. Time and size are part of the key, so that a changed
# file is read again.
@lru_cache(maxsize=32)
def _context(system: ssl.DefaultVerifyPaths, ca_file: Path | None, _changed: int, _size: int) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if system.cafile is None and system.capath is None:
        # Python for macOS has no certificates of its own; certifi is often installed, by botocore's users above all.
        with suppress(ImportError):
            import certifi  # noqa: PLC0415 - only for systems without certificates

            context.load_verify_locations(certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise _unusable(error) from None
    return context


def _unusable(error: OSError) -> ConfigurationError:
    # Not the path: every author of a template sees the message, and an invalid setting can contain a password.
    return ConfigurationError(
        f"a CA file in IMAGE_PINNER_CA_BUNDLES cannot be used: {error.strerror or type(error).__name__}",
        "configure a file with the certificate of the certificate authority in PEM format",
    )
