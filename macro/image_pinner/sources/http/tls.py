"""Trust: whose certificates are believed, by host."""

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
    """Knows which certificates are trusted: the system's and, for hosts that are named, those of a file beside them.

    Args:
        ca_files: Files of certificates of authorities in PEM form, by host as it stands in references, with its port
            where that is not 443; `*` stands for all other hosts.

    Raises:
        ConfigurationError: A file of certificates cannot be used.
    """

    def __init__(self, ca_files: Mapping[str, Path] | None = None) -> None:
        self._files = {_named(host): file for host, file in (ca_files or {}).items()}
        # The system's certificates take some 20 ms to load: only a run that asks a registry by https pays that.
        self._contexts: dict[Path | None, ssl.SSLContext] = {file: trusted(file) for file in self._files.values()}

    def context(self, url: Url) -> ssl.SSLContext:
        """Give what verifies the certificate of a server.

        Args:
            url: A URL with https.

        Returns:
            The context, the same one for the same certificates.
        """
        host = f"{(url.host or '').lower()}:{_HTTPS_PORT if url.port is None else url.port}"
        file = self._files.get(host) or self._files.get(ALL_HOSTS)
        if file not in self._contexts:
            self._contexts[file] = trusted(file)
        return self._contexts[file]


def _named(host: str) -> str:
    name = host.lower()
    if name == ALL_HOSTS:
        return name
    return name if name.rpartition(":")[2].isdigit() and not name.endswith("]") else f"{name}:{_HTTPS_PORT}"


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Give the certificates that are trusted: the system's, and those of a file beside them.

    Args:
        ca_file: A file of further certificates of authorities in PEM form, or `None`.

    Returns:
        A context that verifies certificate and host name, the same one for the same certificates.

    Raises:
        ConfigurationError: The file cannot be read, or holds no certificate.
    """
    system = ssl.get_default_verify_paths()
    if ca_file is None:
        return _context(system, None, 0, 0)
    try:
        state = ca_file.stat()
    except OSError as error:
        raise _unusable(ca_file, error) from None
    return _context(system, ca_file, state.st_mtime_ns, state.st_size)


# Loading the system's certificates takes some 25 ms, which a warm function need not spend with every event. A file that
# has changed since is read again.
@lru_cache(maxsize=32)
def _context(system: ssl.DefaultVerifyPaths, ca_file: Path | None, _changed: int, _size: int) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if system.cafile is None and system.capath is None:
        _trust_certifi(context)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise _unusable(ca_file, error) from None
    return context


def _unusable(ca_file: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{ca_file}, which is to hold the certificates to trust, cannot be used: {error.strerror or error}",
        "Name a file with the authority's certificate in PEM form",
    )


def _trust_certifi(context: ssl.SSLContext) -> None:
    # Python for macOS comes without certificates; botocore's users have certifi more often than not.
    with suppress(ImportError):
        import certifi  # noqa: PLC0415 - needed on systems without certificates only

        context.load_verify_locations(certifi.where())
