"""Credentials from the configuration, and from secrets that a template sets.

Accepted forms are `{"username", "password"}`, as ECS stores credentials for private registries
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html), `{"username", "accessToken"}`, as ECR
does for pull-through caches
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html), `{"identitytoken"}`
from Docker's config file, and `user:password`. Other keys are ignored: a rotation function may need them.

A Lambda function reads credentials from Secrets Manager or Parameter Store only: every principal that may read the
function's configuration can read its environment variables, and every principal that may download its code its files.

The author of a template chooses both the image's registry and its secret
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecs-taskdefinition-repositorycredentials.html),
and so could send any secret that the macro's role may read to a host of their own: `evil.example/image` with the secret
of another team. So the configuration binds secrets to registries, and a secret is read only if it is bound to the
image's registry.
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
    Credentials,
    CredentialSource,
    IdentityToken,
    NoCredentials,
    Password,
    SecretReader,
)
from image_pinner.sources.interface import Deadline

CREDENTIALS_SETTING = "IMAGE_PINNER_CREDENTIALS"
"""The setting with the locations of credentials."""
TEMPLATE_SETTING = "IMAGE_PINNER_TEMPLATE_CREDENTIALS"
"""The setting with the secrets that templates may use, and for which registry."""

_HELP_FORMS = (
    'store {"username": "…", "password": "…"}, {"username": "…", "accessToken": "…"} or {"identitytoken": "…"} there, '
    "or user:password on one line"
)
_SECRET_KEYS = ("password", "accessToken", "identitytoken")
_MAX_BYTES = 64 * 1024  # the limit of Secrets Manager
_DELETE = 0x7F


class CredentialOrigin(NamedTuple):
    """The registry that credentials are for, and the location that they were read from, as a noun with its article."""

    registry: str
    location: str

    @property
    def source(self) -> str:
        """Name the credentials in a message."""
        return f"the credentials for {self.registry} from {self.location}"

    @property
    def help(self) -> str:
        """Return what to do if the registry rejects the credentials."""
        return f"store current credentials in {self.location}"

    def unreadable(self, why: str, help: str) -> ConfigurationError:
        """Return the error for a location that cannot be read."""
        return ConfigurationError(f"cannot read {self.source}: {why}", help)

    def invalid(self, why: str) -> ConfigurationError:
        """Return the error for a content that is not valid."""
        return ConfigurationError(f"{self.source} are invalid: {why}", _HELP_FORMS)


def is_encodable(text: str) -> bool:
    """Return whether UTF-8 can encode a text: JSON escapes can contain lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def parse_credentials(content: str, origin: CredentialOrigin) -> Password | IdentityToken:
    """Parse credentials in one of the accepted forms.

    Raises:
        ConfigurationError: `content` has none of the forms; the message shows nothing of it.
    """
    text = content.removeprefix("\ufeff").strip("\r\n")
    if not text.strip():
        raise origin.invalid("the content is empty")
    # No user name starts with one of these characters.
    credentials = _from_json(text, origin) if text.lstrip()[0] in '{["' else _from_line(text, origin)
    sent = (credentials.user, credentials.password) if isinstance(credentials, Password) else (credentials.token,)
    if not all(map(is_encodable, sent)):
        raise origin.invalid("the content has characters that UTF-8 cannot encode")
    return credentials


def _from_line(text: str, origin: CredentialOrigin) -> Password:
    user, _, password = text.partition(":")
    if not user or not password:
        raise origin.invalid("the content is neither JSON nor 'user:password'")
    if any(char.isspace() or not char.isprintable() for char in user) or _has_control_characters(password):
        raise origin.invalid("the content is not 'user:password' on one line")
    return Password(user, password, origin.source, origin.help)


def _from_json(text: str, origin: CredentialOrigin) -> Password | IdentityToken:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise origin.invalid("the content starts like JSON but is not a JSON object")
    keys = [key for key in _SECRET_KEYS if document.get(key) is not None]
    if len(keys) != 1:
        raise origin.invalid("expected exactly one of 'password', 'accessToken' and 'identitytoken'")
    secret = _string_at(keys[0], document, origin)
    if keys == ["identitytoken"]:
        return IdentityToken(secret, origin.source, origin.help)
    user = _string_at("username", document, origin)
    # The header separates user and password by a colon: https://www.rfc-editor.org/rfc/rfc7617#section-2
    if ":" in user or _has_control_characters(user):
        raise origin.invalid("'username' contains a colon or a control character")
    # A password may contain line breaks: the JSON keys of Google's Artifact Registry are such passwords.
    return Password(user, secret, origin.source, origin.help)


def _string_at(key: str, document: dict[str, Any], origin: CredentialOrigin) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise origin.invalid(f"{key!r} must be a non-empty string")
    return value


def _has_control_characters(text: str) -> bool:
    return any(ord(char) < ord(" ") or ord(char) == _DELETE for char in text)


class ConfiguredCredentials:
    """Reads the credentials that are configured for exactly this registry, on every call.

    `local` is set on a user's machine, where environment variables and files may contain credentials.

    Raises:
        ConfigurationError: `locations` has two locations for one registry, or one that is not allowed here.
    """

    def __init__(
        self,
        locations: Iterable[CredentialLocation],
        secrets: SecretReader,
        environment: Mapping[str, str],
        *,
        local: bool,
    ) -> None:
        self._locations: dict[str, CredentialLocation] = {}
        self._secrets = secrets
        self._environment = environment
        for location in locations:
            if location.registry in self._locations:
                raise ConfigurationError(
                    f"{CREDENTIALS_SETTING} has two locations of credentials for {location.registry}",
                    "remove one of them",
                )
            if not local:
                _refuse_exposed_location(location)
            self._locations[location.registry] = location

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:  # noqa: ARG002 - from the template
        """See `CredentialSource.for_registry`."""
        location = self._locations.get(registry)
        if location is None:
            return NoCredentials(
                f"none are configured for {registry}",
                f"configure credentials with {CREDENTIALS_SETTING}={registry}=<ARN of a secret>",
            )
        origin = CredentialOrigin(registry, str(location.location))
        match location.location:
            case SecretLocation():
                content = self._secrets.read(location.location, deadline)
            case VariableLocation(name):
                content = self._read_variable(name, origin)
            case FileLocation(path):
                content = _read_file(Path(path), origin)
            case _:
                assert_never(location.location)
        return parse_credentials(content, origin)

    def _read_variable(self, name: str, origin: CredentialOrigin) -> str:
        content = self._environment.get(name)
        if content is None:
            raise origin.unreadable("the variable is not set", f"set {name}, or correct {CREDENTIALS_SETTING}")
        return content


def _refuse_exposed_location(location: CredentialLocation) -> None:
    match location.location:
        case SecretLocation():
            return
        case VariableLocation():
            kind, why = "an environment variable", "everyone who can read the function's configuration can read that"
        case FileLocation():
            kind, why = "a file", "everyone who can download the function's code can read that"
        case _:
            assert_never(location.location)
    # Not the name, which may be a password: every author of a template sees the message.
    raise ConfigurationError(
        f"credentials for {location.registry} must not be in {kind}: {why}",
        f"store them in Secrets Manager or in a SecureString parameter, and set its ARN in {CREDENTIALS_SETTING}",
    )


def _read_file(path: Path, origin: CredentialOrigin) -> str:
    try:
        # Reading a pipe or a device might never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise origin.unreadable("it is not a regular file", "set the path of a file that contains the credentials")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise origin.unreadable(
            "the file does not exist", f"create the file, or correct {CREDENTIALS_SETTING}"
        ) from None
    except OSError as error:
        raise origin.unreadable(str(error.strerror), "allow this user to read the file") from None
    if len(content) > _MAX_BYTES:
        raise origin.unreadable(
            f"the file has more than {_MAX_BYTES} bytes", "set the path of a file that contains only the credentials"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise origin.invalid("the content is not UTF-8") from None


class TemplateCredentials:
    """Reads the secret that the template sets for an image, if the configuration allows it for the registry."""

    def __init__(self, allowed: Sequence[AllowedSecret], secrets: SecretReader) -> None:
        self._allowed = tuple(allowed)
        self._secrets = secrets

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:
        """See `CredentialSource.for_registry`."""
        if not secret_arn:
            return NoCredentials("the template sets no secret for the image", "")
        try:
            location = SecretLocation.of_arn(secret_arn)
        except ValueError:
            # The message does not repeat the value: it may be the password itself.
            return NoCredentials(
                "the secret that the template sets for the image is not a valid ARN",
                "set CredentialsParameter to the full ARN of the secret",
                refused=True,
            )
        if not any(allowed.allows(registry, location) for allowed in self._allowed):
            return NoCredentials(
                f"the template sets {location}, which the configuration does not allow for {registry}",
                f"if {registry} may receive it, have it allowed with {TEMPLATE_SETTING}={registry}=<its ARN>",
                refused=True,
            )
        origin = CredentialOrigin(registry, f"{location}, which the template sets")
        return parse_credentials(self._secrets.read(location, deadline), origin)


class CredentialChain:
    """Returns the credentials of the first source that has some.

    A source that fails ends the search. If the next source or an anonymous request took over, the lookup would use
    other credentials than the configured ones, and the error would be lost.
    """

    def __init__(self, sources: Sequence[CredentialSource]) -> None:
        self._sources = tuple(sources)

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:
        """See `CredentialSource.for_registry`. If no source has credentials, the reason joins theirs."""
        misses: list[NoCredentials] = []
        for source in self._sources:
            credentials = source.for_registry(registry, deadline, secret_arn)
            if not isinstance(credentials, NoCredentials):
                return credentials
            misses.append(credentials)
        return _summarize(misses) if misses else AnonymousCredentials().for_registry(registry, deadline)


def _summarize(misses: Sequence[NoCredentials]) -> NoCredentials:
    # A source without help does not apply to the image.
    relevant = [miss for miss in misses if miss.help] or misses
    decisive = next((miss for miss in relevant if miss.refused), relevant[-1])
    return NoCredentials("; ".join(miss.reason for miss in relevant), decisive.help, refused=decisive.refused)
