"""Parse the configuration of registries: where credentials are, which secrets templates may use, which roles to assume.

Every entry applies to one registry only: the text before the `=` is compared as a whole, with its port. No message
contains the text after the `=`, because it may be a password that was written there by mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from image_pinner.core.images.ecr import partition_of
from image_pinner.core.images.globs import compile_glob
from image_pinner.core.images.registries import parse_registry

SecretService = Literal["secretsmanager", "ssm"]
"""The services that store secrets, by botocore's names."""

_MAX_ARN = 2048  # characters: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
_SERVICES: dict[str, SecretService] = {"secretsmanager": "secretsmanager", "ssm": "ssm"}
# A parameter may have a version or label. Those under /aws/ are not the account's own: one of them leads to every
# secret in Secrets Manager and so around the patterns for that service.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
_ARN = (
    r"arn:(?P<partition>aws[a-z-]*):(?:"
    r"(?P<secrets>secretsmanager):(?P<secrets_region>[a-z0-9-]{1,32}):[0-9]{12}:secret:[\w/+=.@-]{1,520}"
    r"|(?P<ssm>ssm):(?P<ssm_region>[a-z0-9-]{1,32}):[0-9]{12}:parameter(?!/aws/)(?:/[\w.-]+)+(?::[\w.-]{1,100})?"
    r")"
)
_PARAMETER = r"(?:(?:/[\w.-]+)+|[\w.-]+)(?::[\w.-]{1,100})?"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_PATTERN = r"arn:aws[a-z-]*:(?:secretsmanager|ssm):[\w/+=,.@:*-]+"
_ROLE = (
    r"(?P<account>[0-9]{12})=(?P<arn>arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576})"
    r"(?:\s+(?P<external>[\w+=,.@:/-]{2,1224}))?"
)

_LOCATION_FORM = (
    "write registry=location, where the location is the ARN of a Secrets Manager secret or an SSM parameter, "
    "ssm:/name, env:NAME or file:/path"
)
_PATTERN_FORM = (
    "write registry=pattern, where the pattern is the ARN of a Secrets Manager secret or an SSM parameter with "
    "partition and service in full; '*' matches any text after them"
)


class SecretLocation(NamedTuple):
    """A secret stored in AWS: its ARN or the name of a parameter; `region` is empty for a name."""

    service: SecretService
    name: str
    region: str = ""

    @classmethod
    def of_arn(cls, text: str) -> SecretLocation:
        """Parse the ARN of a Secrets Manager secret or an SSM parameter.

        Raises:
            ValueError: The text is not such an ARN; the message does not contain it.
        """
        found = re.fullmatch(_ARN, text, re.ASCII) if len(text) <= _MAX_ARN else None
        if found is None:
            raise ValueError("the text is not the ARN of a Secrets Manager secret or an SSM parameter")
        region = found["secrets_region"] or found["ssm_region"]
        partition = partition_of(region)
        # The region becomes part of a host name, so that it must be a real one.
        if partition is None or partition.name != found["partition"]:
            raise ValueError("the region of the ARN is not in its partition")
        return cls(_SERVICES[found["secrets"] or found["ssm"]], text, region)

    def __str__(self) -> str:
        return f"the {'secret' if self.service == 'secretsmanager' else 'parameter'} {self.name}"


@dataclass(frozen=True, slots=True)
class VariableLocation:
    """An environment variable."""

    name: str

    def __str__(self) -> str:
        return f"the environment variable {self.name}"


@dataclass(frozen=True, slots=True)
class FileLocation:
    """A file, by its absolute path."""

    path: str

    def __str__(self) -> str:
        return f"the file {self.path}"


Location = SecretLocation | VariableLocation | FileLocation
"""Where credentials can be."""


class CredentialLocation(NamedTuple):
    """Where the credentials for a registry are; `registry` is its canonical name."""

    registry: str
    location: Location

    @classmethod
    def parse(cls, text: str) -> CredentialLocation:
        """Parse `registry=location`.

        Raises:
            ValueError: The text has another form; the message describes the right one.
        """
        registry, location = _split(text, _LOCATION_FORM)
        return cls(registry, _parse_location(location))


class AllowedSecret(NamedTuple):
    """Secrets that templates may use for a registry, by its canonical name.

    `pattern` is an ARN in which `*` matches any text without a colon, and at the end any text.
    """

    registry: str
    pattern: str

    @classmethod
    def parse(cls, text: str) -> AllowedSecret:
        """Parse `registry=pattern`.

        Raises:
            ValueError: The text has another form, or a wildcard for the partition or the service.
        """
        registry, pattern = _split(text, _PATTERN_FORM)
        if len(pattern) > _MAX_ARN or not re.fullmatch(_PATTERN, pattern, re.ASCII):
            raise ValueError(_PATTERN_FORM)
        return cls(registry, pattern)

    def allows(self, registry: str, secret: SecretLocation) -> bool:
        """Return whether a template may use the secret for the registry."""
        return registry == self.registry and compile_glob(self.pattern, ":").fullmatch(secret.name) is not None


class RegistryRole(NamedTuple):
    """A role to assume for the ECR registries of an account (12 digits).

    `external_id` is for the role's trust policy, or empty:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    """

    account_id: str
    arn: str
    external_id: str = ""

    @classmethod
    def parse(cls, text: str) -> RegistryRole:
        """Parse `account=role-arn`, with an optional external ID after a space.

        Raises:
            ValueError: The text has another form; the message describes the right one.
        """
        found = re.fullmatch(_ROLE, text.strip(), re.ASCII)
        if found is None:
            raise ValueError(
                "write account=arn:aws:iam::111122223333:role/name, with an optional external ID after a space"
            )
        return cls(found["account"], found["arn"], found["external"] or "")


def _split(text: str, form: str) -> tuple[str, str]:
    host, equals, value = text.strip().partition("=")
    if not equals:
        raise ValueError(form)
    try:
        return parse_registry(host.rstrip()), value.lstrip()
    except ValueError:
        # The message of this error contains the host, which may be a password here.
        raise ValueError("write the registry as in image references, for example ghcr.io or localhost:5000") from None


def _parse_location(text: str) -> Location:
    if text.startswith("arn:"):
        return SecretLocation.of_arn(text)
    kind, _, name = text.partition(":")
    if kind == "ssm" and len(name) <= _MAX_ARN and re.fullmatch(_PARAMETER, name, re.ASCII):
        return SecretLocation("ssm", name)
    if kind == "env" and re.fullmatch(_VARIABLE, name, re.ASCII):
        return VariableLocation(name)
    if kind == "file" and name.startswith("/") and name.isprintable():
        return FileLocation(name)
    raise ValueError(_LOCATION_FORM)
