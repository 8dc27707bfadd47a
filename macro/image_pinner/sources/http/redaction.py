"""Make text from a registry safe to print: short, printable, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from image_pinner.sources.http.messages import MAX_ERROR_BYTES

_MAX_PRINTED = 240  # characters: the whole error message of a macro has 1,000
_MAX_READ = 4 * _MAX_PRINTED
_MAX_ERRORS = 3
_HIDDEN = "***"
_URL = re.compile(r"\b(https?://)(?:[^\s/?#\"'<>]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"\b(bearer|basic|token)[ :=]+[\w.~+/-]{16,}=*", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}")
_ASSIGNED = re.compile(
    r"\b([\w-]*(?:token|password|passwd|secret|signature|credential|api_?key))[\"']?\s*[:=]\s*[\"']?[^\s\"',;&]{8,}",
    re.IGNORECASE,
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


def describe_body(body: bytes, content_type: str, secrets: Iterable[str] = ()) -> str:
    """Return the errors or the text in a response, sanitized; empty if it is neither, such as a page in HTML."""
    if errors := errors_in(body):
        text = "; ".join(": ".join(part for part in (error.code, error.message) if part) for error in errors)
    elif content_type.partition(";")[0].strip().lower() in _TEXT_TYPES:
        text = body.decode("utf-8", "replace")
    else:
        return ""
    return sanitize(text, secrets)


def sanitize(text: str, secrets: Iterable[str] = (), limit: int = _MAX_PRINTED) -> str:
    """Return untrusted text as one line of at most `limit` characters.

    Control characters, `secrets`, anything that looks like a token, and users and queries of URLs are removed.
    """
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, _HIDDEN)
    line = _one_line(text[:_MAX_READ])
    if len(text) > _MAX_READ:
        line = line.rpartition(" ")[0]  # a token that is cut off may not look like one
    line = _URL.sub(r"\1\2", line)
    line = _AUTHORIZATION.sub(rf"\1 {_HIDDEN}", line)
    line = _JWT.sub(_HIDDEN, line)
    line = _ASSIGNED.sub(rf"\1={_HIDDEN}", line)
    return line if len(line) <= limit else line[:limit] + "…"


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _forms(secret: str) -> set[str]:
    """Return the forms in which a server may repeat a secret: as it is, in JSON, with other white space."""
    if not secret:
        return set()
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], _one_line(secret)} - {""}


def _error(error: dict[str, Any]) -> RegistryError:
    code, message = error.get("code"), error.get("message")
    return RegistryError(
        code if isinstance(code, str) and _CODE.fullmatch(code) else "",
        message if isinstance(message, str) else "",
    )
