"""Credentials that the operator configured or a template names, in order of precedence.

`{"username", "password"}` is the form of ECS for private registries
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html), `{"username", "accessToken"}` that of
ECR for pull-through caches
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html), `{"identitytoken"}`
that of docker's config file; people write `user:password`. Other keys are left alone: a rotation may need them.

A Lambda function takes them from Secrets Manager or the Parameter Store only: its environment variables can be read by
who may read its configuration, and its files by who may download its code.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecs-taskdefinition-repositorycredentials.html

Who writes a template chooses both the registry and the secret. Whatever the role that asks may read, an author could
have sent to a host of their own: a name of somebody else's secret beside `evil.example/image` would do. So the operator
binds secrets to registries, and a secret is read, let alone sent, only where the two that a template names are bound to
each other.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, assert_never

from image_pinner.core.errors import ConfigurationError
from image_pinner.core.registry_config import (
    AllowedSecret,
    CredentialLocation,
    FileLocation,
    SecretLocation,
    VariableLocation,
)
from image_pinner.sources.credentials.interface import (
    AnonymousCredentials,
    Credential,
    CredentialSource,
    IdentityToken,
    NoCredential,
    Password,
    SecretReader,
)
from image_pinner.sources.interface import Deadline

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


CREDENTIALS_SETTING = "IMAGE_PINNER_CREDENTIALS"
"""The setting that says where credentials are."""

_MAX_BYTES = 64 * 1024  # what Secrets Manager takes at most


class ConfiguredCredentials:
    """Gives the credential that is configured for exactly this registry.

    Args:
        places: Where the credentials are.
        secrets: Reads those that AWS keeps.
        environment: The environment variables.
        local: Whether this is a person's machine, where variables and files may hold credentials.

    Raises:
        ConfigurationError: Two places are configured for one registry, or one that may not be used here.
    """

    def __init__(
        self,
        places: Iterable[CredentialLocation],
        secrets: SecretReader,
        environment: Mapping[str, str],
        *,
        local: bool,
    ) -> None:
        self._places: dict[str, CredentialLocation] = {}
        self._secrets = secrets
        self._environment = environment
        for place in places:
            if place.registry in self._places:
                raise ConfigurationError(
                    f"{CREDENTIALS_SETTING} has two places for the credential for {place.registry}", "Leave one of them"
                )
            if not local:
                _refuse_what_others_can_read(place)
            self._places[place.registry] = place

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:  # noqa: ARG002 - the template's
        """Give the credential that is configured for a registry. It is read with every call.

        Args:
            registry: Its host in lower case, with its port where one is written; `docker.io` for Docker Hub.
            deadline: When to give up.
            secret_arn: Not looked at: what a template names is no configuration.

        Returns:
            The credential for exactly this host, or none where none is configured.

        Raises:
            SourceError: AWS does not give it.
            ConfigurationError: The variable or file is not there, or what it says cannot be used.
        """
        entry = self._places.get(registry)
        if entry is None:
            return NoCredential(
                f"no credential, for none is configured for {registry}",
                f"Configure one with {CREDENTIALS_SETTING}={registry}=<ARN of a secret>",
            )
        found = Found(registry, str(entry.place))
        match entry.place:
            case SecretLocation():
                return read_content(self._secrets.read(entry.place, deadline), found)
            case VariableLocation(name):
                return read_content(self._variable(name, found), found)
            case FileLocation(path):
                return read_content(_file(Path(path), found), found)
            case _:
                assert_never(entry.place)

    def _variable(self, name: str, found: Found) -> str:
        content = self._environment.get(name)
        if content is None:
            raise ConfigurationError(
                f"{found.source} cannot be had: the variable is not set",
                f"Set {name}, or correct {CREDENTIALS_SETTING}",
            )
        return content


def _refuse_what_others_can_read(entry: CredentialLocation) -> None:
    match entry.place:
        case SecretLocation():
            return
        case VariableLocation():
            why = "who can read the function's configuration can read that"
        case FileLocation():
            why = "who can download the function's code can read that"
        case _:
            assert_never(entry.place)
    raise ConfigurationError(
        f"the credential for {entry.registry} is configured to be in {entry.place}, and {why}",
        f"Keep it in Secrets Manager or in a SecureString parameter, and give {CREDENTIALS_SETTING} its ARN",
    )


def _file(path: Path, found: Found) -> str:
    unusable = f"{found.source} cannot be had"
    try:
        # A pipe or a device might never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError(f"{unusable}: it is no regular file", "Name a file that holds the credential")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{unusable}: there is no such file", f"Create the file, or correct {CREDENTIALS_SETTING}"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{unusable}: {error.strerror}", "Give this user the right to read it") from None
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(
            f"{unusable}: the file has more than {_MAX_BYTES} bytes", "Name a file that holds only the credential"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise found.fault("it is not UTF-8") from None


TEMPLATE_SETTING = "IMAGE_PINNER_TEMPLATE_CREDENTIALS"
"""The setting that says which secrets templates may name, and for which registry."""


class TemplateCredentials:
    """Gives the credential in the secret that a template names, where the operator allows it for the registry.

    Args:
        allowed: What the operator allows.
        secrets: Reads secrets.
    """

    def __init__(self, allowed: Sequence[AllowedSecret], secrets: SecretReader) -> None:
        self._allowed = tuple(allowed)
        self._secrets = secrets

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:
        """Give the credential that a template names for a registry.

        Args:
            registry: Its host in lower case, with its port where one is written; `docker.io` for Docker Hub.
            deadline: When to give up.
            secret_arn: What the template names, or empty.

        Returns:
            The credential, or none where nothing is named or what is named is not allowed for exactly this host.

        Raises:
            SourceError: AWS does not give it.
            ConfigurationError: What the secret holds cannot be used.
        """
        if not secret_arn:
            return NoCredential("no credential, for the template names no secret for the image", "")
        try:
            place = SecretLocation.of_arn(secret_arn)
        except ValueError:
            # What it is stays unsaid: it may be the password itself.
            return NoCredential(
                "no credential, for what the template names as the image's secret is no ARN of one",
                "Write the full ARN of the secret into CredentialsParameter",
                refused=True,
            )
        if not any(allowed.allows(registry, place) for allowed in self._allowed):
            return NoCredential(
                f"no credential, for the template names {place}, which the operator has not allowed for {registry}",
                f"If it is meant for {registry}, have the operator allow it with {TEMPLATE_SETTING}={registry}=<its ARN>",  # noqa: E501
                refused=True,
            )
        return read_content(self._secrets.read(place, deadline), Found(registry, f"{place}, which the template names"))


_BEGINNING = "no credential, for "


class CredentialChain:
    """Gives the credential of the first source that has one.

    A source that fails ends the search: were the next one asked, or the registry anonymously, the answer would be about
    another login than the one that was configured, and nobody would learn why.

    Args:
        sources: The sources, the one to be asked first in front.
    """

    def __init__(self, sources: Sequence[CredentialSource]) -> None:
        self._sources = tuple(sources)

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:
        """Give the credential for a registry.

        Args:
            registry: Its host in lower case, with its port where one is written; `docker.io` for Docker Hub.
            deadline: When to give up.
            secret_arn: The ARN of the secret that the template names for the image, or empty.

        Returns:
            The first credential for exactly this host. Where there is none, the words tell all that was looked at and
            advise what the first source does that has one and may not give it, or else the last source.

        Raises:
            SourceError: A source may have one, and it cannot be had.
            ConfigurationError: Where one should stand, something stands that cannot be read.
        """
        looked_at: list[NoCredential] = []
        for source in self._sources:
            credential = source.for_registry(registry, deadline, secret_arn)
            if not isinstance(credential, NoCredential):
                return credential
            looked_at.append(credential)
        return _none(looked_at) if looked_at else AnonymousCredentials().for_registry(registry, deadline)


def _none(looked_at: Sequence[NoCredential]) -> NoCredential:
    if len(looked_at) == 1:
        return looked_at[0]
    # One that advises nothing had nothing to look at.
    telling = [one for one in looked_at if one.advice] or looked_at
    told = next((one for one in telling if one.refused), telling[-1])
    reasons = "; ".join(one.source.removeprefix(_BEGINNING) for one in telling)
    return NoCredential(f"no credential: {reasons}", told.advice, refused=told.refused)
