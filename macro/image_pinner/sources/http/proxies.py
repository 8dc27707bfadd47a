"""Find the HTTP proxy for a URL by the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY in upper or lower case.

The rules are those of the standard library, which botocore uses too:
https://docs.python.org/3/library/urllib.request.html#urllib.request.getproxies
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote

from urllib3.exceptions import LocationValueError
from urllib3.util import Url, parse_url

from image_pinner.core.errors import SourceError

_SYSTEMS_WITH_SETTINGS = frozenset({"darwin", "win32"})


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the variable that configures it.

    Messages name the variable only: in a URL that is not quoted correctly, any part may be one of the password.

    Args:
        url: The URL without user and password.
        headers: The headers for the proxy.
        variable: The name of the variable.
    """

    url: Url = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, hash=False)
    variable: str


class Proxies:
    """The proxies by scheme of the requested URL, as `urllib.request.getproxies` returns them."""

    def __init__(self, configured: Mapping[str, str] | None = None) -> None:
        self._configured = dict(configured or {})

    @classmethod
    def from_environment(cls) -> Proxies:
        """Return the proxies in the environment variables or, on macOS and Windows, in the settings of the system."""
        if sys.platform not in _SYSTEMS_WITH_SETTINGS and not any(
            name.lower().endswith("_proxy") for name in os.environ
        ):
            return cls()
        from urllib.request import getproxies  # noqa: PLC0415 - takes long to import, and most environments have none

        return cls(getproxies())

    def for_url(self, url: Url) -> Proxy | None:
        """Return the proxy for a request to a URL, or `None` if it needs none.

        Raises:
            SourceError: The configured proxy cannot be used.
        """
        configured = self._configured.get(url.scheme or "", "")
        if not configured:
            return None
        from urllib.request import proxy_bypass  # noqa: PLC0415 - see `from_environment`

        return None if proxy_bypass(url.netloc or "") else _parse(configured, f"{url.scheme}_proxy".upper())


def _parse(configured: str, variable: str) -> Proxy:
    url: Url | None = None
    with suppress(LocationValueError, ValueError):
        url = parse_url(configured if "://" in configured else f"http://{configured.removeprefix('//')}")
    if url is None or not url.host or url.scheme not in {"http", "https"}:
        raise SourceError(
            f"the proxy in {variable} is not a valid HTTP or HTTPS URL",
            f"set {variable} to http://host:port, with special characters of a password encoded, such as %40 for @",
        )
    headers = {}
    if url.auth:
        credentials = base64.b64encode(unquote(url.auth).encode()).decode("ascii")
        headers["Proxy-Authorization"] = f"Basic {credentials}"
    return Proxy(Url(url.scheme, None, url.host, url.port), headers, variable)
