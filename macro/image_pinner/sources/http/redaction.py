"""What a registry says about itself, made fit to be shown: short, printable, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from image_pinner.sources.http.messages import MAX_ERROR_BYTES

_MAX_SHOWN = 240  # characters: a macro's whole answer has 1,000
_MAX_READ = 4 * _MAX_SHOWN
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
# Some servers send a line of text without saying that it is one: Go's, where it wants https and is asked by http.
_TEXT = ("", "text/plain", "application/json", "application/problem+json")


@dataclass(frozen=True, slots=True)
class RegistryError:
    """One error of a registry's answer: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes.

    Args:
        code: Its code in upper case, or empty where it has none of that form.
        message: What it says for people, as it was sent.
    """

    code: str
    message: str


def errors_in(body: bytes) -> tuple[RegistryError, ...]:
    """Read the errors of an answer.

    Args:
        body: The answer's body, whatever it is.

    Returns:
        The first few errors, none where the body is not of that form.
    """
    try:
        document = json.loads(body[:MAX_ERROR_BYTES])
    except (ValueError, RecursionError):
        return ()
    listed = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return ()
    return tuple(_error(error) for error in listed[:_MAX_ERRORS] if isinstance(error, dict))


def said(body: bytes, content_type: str, secrets: Iterable[str] = ()) -> str:
    """Give what an answer says, fit to be shown.

    Args:
        body: The answer's body.
        content_type: Its `Content-Type`.
        secrets: Texts that must not be shown, should the server repeat them.

    Returns:
        Codes and messages, or the text; empty where there is nothing for people, a page in HTML for example.
    """
    if errors := errors_in(body):
        text = "; ".join(": ".join(part for part in (error.code, error.message) if part) for error in errors)
    elif content_type.partition(";")[0].strip().lower() in _TEXT:
        text = body.decode("utf-8", "replace")
    else:
        return ""
    return shown(text, secrets)


def shown(text: str, secrets: Iterable[str] = (), limit: int = _MAX_SHOWN) -> str:
    """Make a stranger's text fit to be shown.

    Args:
        text: The text.
        secrets: Texts that must not be shown.
        limit: How many characters are shown.

    Returns:
        One line without control characters, tokens and the queries of URLs.
    """
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, _HIDDEN)
    line = _one_line(text[:_MAX_READ])
    if len(text) > _MAX_READ:
        line = line.rpartition(" ")[0]  # the rest of a word may have told that it is a token
    line = _URL.sub(r"\1\2", line)
    line = _AUTHORIZATION.sub(rf"\1 {_HIDDEN}", line)
    line = _JWT.sub(_HIDDEN, line)
    line = _ASSIGNED.sub(rf"\1={_HIDDEN}", line)
    return line if len(line) <= limit else line[:limit] + "…"


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _forms(secret: str) -> set[str]:
    """Give the forms in which a server may repeat a secret: as it is, as JSON writes it, with other white space."""
    if not secret:
        return set()
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], _one_line(secret)} - {""}


def _error(error: dict[str, Any]) -> RegistryError:
    code, message = error.get("code"), error.get("message")
    return RegistryError(
        code if isinstance(code, str) and _CODE.fullmatch(code) else "",
        message if isinstance(message, str) else "",
    )
