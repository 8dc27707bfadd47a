"""Make text from a registry safe to print: short, printable, without what looks like a secret."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_ERROR_BYTES = 64 * 1024
"""How much of a response is read if its status is not 2xx."""

_MAX_PRINTED = 240  # characters: the whole error message of a macro has 1,000
_MAX_READ = 4 * _MAX_PRINTED
_MAX_ERRORS = 3
_URL = re.compile(r"\b(https?://)(?:[^\s/?#\"'<>]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"\b(bearer|basic|token)[ :=]+[\w.~+/-]{16,}=*", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}")
_ASSIGNED = re.compile(
    r"\b([\w-]*(?:token|password|passwd|secret|signature|credential|api_?key))[\"']?\s*[:=]\s*[\"']?[^\s\"',;&]{8,}",
    re.IGNORECASE,
)
# https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes, and further ones of registries.
_KNOWN_CODES = frozenset(
    {
        "BLOB_UNKNOWN",
        "DENIED",
        "FORBIDDEN",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "NOT_FOUND",
        "TOOMANYREQUESTS",
        "UNAUTHORIZED",
        "UNAVAILABLE",
        "UNKNOWN",
        "UNSUPPORTED",
    }
)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,63}", re.ASCII)
# Some servers send text without a Content-Type, such as Go's in response to plain HTTP on a port for HTTPS.
_TEXT_TYPES = ("", "text/plain", "application/json", "application/problem+json")


@dataclass(frozen=True, slots=True)
class RegistryError:
    """An error of https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes.

    Args:
        code: Its code in upper case, empty if it does not have that form.
        message: Its message as sent.
    """

    code: str
    message: str


def errors_in(body: bytes) -> tuple[RegistryError, ...]:
    """Read the first few errors in the body of a response; none if it does not have that form."""
    try:
        document = json.loads(body[:MAX_ERROR_BYTES])
    except (ValueError, RecursionError):
        return ()
    listed = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return ()
    return tuple(_error(error) for error in listed[:_MAX_ERRORS] if isinstance(error, dict))


def describe_body(body: bytes, content_type: str, *, only_codes: bool = False) -> str:
    """Return the errors or the text in a response, sanitized; empty if it is neither, such as a page in HTML.

    With `only_codes` nothing is returned but error codes that every registry has: a server that knows credentials can
    repeat them in any encoding.
    """
    errors = errors_in(body)
    if only_codes:
        return "; ".join(error.code for error in errors if error.code in _KNOWN_CODES)
    if errors:
        text = "; ".join(": ".join(part for part in (error.code, error.message) if part) for error in errors)
    elif content_type.partition(";")[0].strip().lower() in _TEXT_TYPES:
        text = body.decode("utf-8", "replace")
    else:
        return ""
    return sanitize(text)


def sanitize(text: str, limit: int = _MAX_PRINTED) -> str:
    """Return untrusted text as one line of at most `limit` characters.

    Control characters, anything that looks like a token, and users and queries of URLs are removed.
    """
    line = _one_line(text[:_MAX_READ])
    if len(text) > _MAX_READ:
        line = line.rpartition(" ")[0]  # a token that is cut off may not look like one
    line = _URL.sub(r"\1\2", line)
    line = _AUTHORIZATION.sub(r"\1 ***", line)
    line = _JWT.sub("***", line)
    line = _ASSIGNED.sub(r"\1=***", line)
    return line if len(line) <= limit else line[:limit] + "…"


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _error(error: dict[str, Any]) -> RegistryError:
    code, message = error.get("code"), error.get("message")
    return RegistryError(
        code if isinstance(code, str) and _CODE.fullmatch(code) else "",
        message if isinstance(message, str) else "",
    )
