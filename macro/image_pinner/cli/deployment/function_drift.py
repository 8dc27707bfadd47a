"""Where the version that acts and the function behind it have parted, and where the code is not what was installed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

LATEST = "$LATEST"
_COMPARED = {
    "CodeSha256": "code",
    "MemorySize": "memory",
    "Timeout": "time-out",
    "Runtime": "runtime",
    "Handler": "handler",
    "Role": "role",
}


def parted(acting: Mapping[str, Any], latest: Mapping[str, Any]) -> tuple[str, ...]:
    """Say in what the version that acts differs from `$LATEST`.

    Args:
        acting: The configuration of the version that the alias points to, from GetFunctionConfiguration.
        latest: That of `$LATEST`.

    Returns:
        What differs; nothing where the alias follows the function.
    """
    if acting.get("Version") == LATEST:
        return ()
    found = [word for name, word in _COMPARED.items() if acting.get(name) != latest.get(name)]
    ours, theirs = _variables(acting), _variables(latest)
    found += sorted(name for name in {*ours, *theirs} if ours.get(name, "") != theirs.get(name, ""))
    if _layers(acting) != _layers(latest):
        found.append("layers")
    return tuple(found)


def sha256_of(configuration: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a function's package, in hexadecimal; empty where Lambda does not tell it."""
    try:
        return base64.b64decode(str(configuration.get("CodeSha256", "")), validate=True).hex()
    except binascii.Error:
        return ""


def is_of(key: str, sha256: str) -> bool:
    """Tell whether the code is what a key of ours names: whoever may change the function can change its code.

    Args:
        key: The key, `image-pinner/<version>/<hash>.zip`, or another one, which says nothing.
        sha256: The hash of the code, in hexadecimal, or empty.
    """
    _, name = version_and_hash(key)
    return not name or not sha256 or sha256.startswith(name)


def version_and_hash(key: str) -> tuple[str, str]:
    """Take a key apart.

    Returns:
        The version and the beginning of the hash; empty where the key is none of ours.
    """
    parts = key.split("/")
    ours = len(parts) == len(("prefix", "version", "name")) and parts[0] == "image-pinner"
    return (parts[1], parts[2].removesuffix(".zip")) if ours else ("", "")


def _variables(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    variables: Mapping[str, str] = (configuration.get("Environment") or {}).get("Variables") or {}
    return variables


def _layers(configuration: Mapping[str, Any]) -> list[Any]:
    return [layer.get("Arn") for layer in configuration.get("Layers") or ()]
