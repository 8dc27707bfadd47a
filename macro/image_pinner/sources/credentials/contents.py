"""What a secret, a variable or a file says of a credential, in the forms that AWS and people give it.

`{"username", "password"}` is the form of ECS for private registries
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html), `{"username", "accessToken"}` that of
ECR for pull-through caches
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html), `{"identitytoken"}`
that of docker's config file; people write `user:password`. Other keys are left alone: a rotation may need them.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from image_pinner.core.errors import ConfigurationError
from image_pinner.sources.credentials.interface import IdentityToken, Password

_FORMS = (
    'Put {"username": "…", "password": "…"}, {"username": "…", "accessToken": "…"} or {"identitytoken": "…"} there, '
    "or user:password on one line"
)
_SECRETS = ("password", "accessToken", "identitytoken")
_DELETE = 0x7F


class Found(NamedTuple):
    """Where a content was found, in words for messages.

    Args:
        registry: Whose credential it is.
        place: The place, as a noun with its article.
    """

    registry: str
    place: str

    @property
    def source(self) -> str:
        """The clause by which messages name the credential."""
        return f"the credential for {self.registry} from {self.place}"

    @property
    def advice(self) -> str:
        """What to do when the registry does not take it."""
        return f"Put a current one into {self.place}"

    def fault(self, what: str) -> ConfigurationError:
        """Give the error for a content that cannot be used."""
        return ConfigurationError(f"{self.source} cannot be used: {what}", _FORMS)


def is_sendable(text: str) -> bool:
    """Tell whether a text can be sent at all: JSON can name halves of characters, which have no form in UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_content(content: str, found: Found) -> Password | IdentityToken:
    """Read a credential.

    Args:
        content: The text; no message shows anything of it.
        found: Where it was found.

    Returns:
        The credential.

    Raises:
        ConfigurationError: It has none of the forms.
    """
    text = content.removeprefix("\ufeff").strip("\r\n")
    if not text.strip():
        raise found.fault("it is empty")
    # Nobody's name begins like that, and a text in quotes is no 'user:password' either.
    credential = _from_json(text, found) if text.lstrip()[0] in '{["' else _from_line(text, found)
    sent = (credential.user, credential.password) if isinstance(credential, Password) else (credential.token,)
    if not all(map(is_sendable, sent)):
        raise found.fault("it has characters that cannot be sent")
    return credential


def _from_line(text: str, found: Found) -> Password:
    user, colon, password = text.partition(":")
    if not colon or not user or not password:
        raise found.fault("it is neither JSON nor 'user:password'")
    if any(char.isspace() or not char.isprintable() for char in user) or _has_control_characters(password):
        raise found.fault("it is not 'user:password' on one line")
    return Password(user, password, found.source, found.advice)


def _from_json(text: str, found: Found) -> Password | IdentityToken:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise found.fault("it begins like JSON and is no JSON object")
    given = [key for key in _SECRETS if document.get(key) is not None]
    if len(given) != 1:
        raise found.fault("it has not exactly one of 'password', 'accessToken' and 'identitytoken'")
    secret = _text(document, given[0], found)
    if given[0] == "identitytoken":
        return IdentityToken(secret, found.source, found.advice)
    user = _text(document, "username", found)
    # It parts user and password in the header: https://www.rfc-editor.org/rfc/rfc7617#section-2
    if ":" in user or _has_control_characters(user):
        raise found.fault("its 'username' has a colon or a control character")
    # A password may have line breaks: the keys of Google's registry are passwords of several lines.
    return Password(user, secret, found.source, found.advice)


def _text(document: dict[str, Any], key: str, found: Found) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise found.fault(f"its {key!r} is missing or no text")
    return value


def _has_control_characters(text: str) -> bool:
    return any(ord(char) < ord(" ") or ord(char) == _DELETE for char in text)
