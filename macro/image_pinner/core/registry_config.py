"""Parse what an operator configures about registries: where credentials are kept and which roles to assume.

Two kinds of entries: `registry=place` says where the credential for a registry is, and `registry=pattern` says which
secrets a template may name for a registry. Both are of one registry only: what stands before the `=` is compared as a
whole, with its port, so that nothing is ever meant for a neighbour.

No message repeats what stands behind the `=`: it may be a password that somebody put there instead of its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from image_pinner.core.images.ecr import partition_of
from image_pinner.core.images.registries import parse_registry

SecretService = Literal["secretsmanager", "ssm"]
"""The services that keep secrets, by botocore's names."""

_MAX_ARN = 2048  # characters: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
_SERVICES: dict[str, SecretService] = {"secretsmanager": "secretsmanager", "ssm": "ssm"}
# A parameter may be followed by a version or label. Those below /aws/ are no secrets of the account's own: one of them
# leads to all secrets of Secrets Manager, past what is said here about that service.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:"
    r"(?P<secrets>secretsmanager):(?P<secrets_region>[a-z0-9-]{1,32}):[0-9]{12}:secret:[\w/+=.@-]{1,520}"
    r"|(?P<ssm>ssm):(?P<ssm_region>[a-z0-9-]{1,32}):[0-9]{12}:parameter(?!/aws/)(?:/[\w.-]+)+(?::[\w.-]{1,100})?"
    r")",
    re.ASCII,
)
_PARAMETER = re.compile(r"(?:(?:/[\w.-]+)+|[\w.-]+)(?::[\w.-]{1,100})?", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PATTERN = re.compile(r"arn:aws[a-z-]*:(?:secretsmanager|ssm):[\w/+=,.@:*-]+", re.ASCII)

_WRITE_A_PLACE = (
    "Write registry=place, where the place is the ARN of a secret in Secrets Manager or of a parameter, ssm:/name, "
    "env:NAME or file:/path"
)
_WRITE_A_PATTERN = (
    "Write registry=pattern, where the pattern is the ARN of a secret in Secrets Manager or of a parameter, partition "
    "and service in full and '*' for what may differ behind them"
)


@dataclass(frozen=True, slots=True)
class SecretLocation:
    """A secret that AWS keeps.

    Args:
        service: Who keeps it.
        name: Its ARN, or the name of a parameter, by which it is asked for.
        region: The region of its ARN, or empty where the name does not say.
    """

    service: SecretService
    name: str
    region: str = ""

    @classmethod
    def of_arn(cls, text: str) -> SecretLocation:
        """Read the ARN of a secret in Secrets Manager or of a parameter.

        Raises:
            ValueError: It is none; the message does not repeat it.
        """
        found = _ARN.fullmatch(text) if len(text) <= _MAX_ARN else None
        if found is None:
            raise ValueError("It is no ARN of a secret in Secrets Manager or of a parameter")
        region = found["secrets_region"] or found["ssm_region"]
        partition = partition_of(region)
        # The region becomes a part of a host's name, so that it must look like one.
        if partition is None or partition.name != found["partition"]:
            raise ValueError("It is an ARN whose region does not belong to its partition")
        return cls(_SERVICES[found["secrets"] or found["ssm"]], text, region)

    def __str__(self) -> str:
        return f"the {'secret' if self.service == 'secretsmanager' else 'parameter'} {self.name}"


@dataclass(frozen=True, slots=True)
class VariableLocation:
    """An environment variable.

    Args:
        name: Its name.
    """

    name: str

    def __str__(self) -> str:
        return f"the environment variable {self.name}"


@dataclass(frozen=True, slots=True)
class FileLocation:
    """A file.

    Args:
        path: Its path from the root.
    """

    path: str

    def __str__(self) -> str:
        return f"the file {self.path}"


Place = SecretLocation | VariableLocation | FileLocation
"""Where a credential can be kept."""


@dataclass(frozen=True, slots=True)
class CredentialLocation:
    """Where the operator keeps the credential for a registry.

    Args:
        registry: The registry by its canonical name.
        place: Where the credential is.
    """

    registry: str
    place: Place

    @classmethod
    def parse(cls, text: str) -> CredentialLocation:
        """Read `registry=place`.

        Raises:
            ValueError: It has another form; the message says which it should have.
        """
        registry, place = _parted(text, _WRITE_A_PLACE)
        return cls(registry, _place(place))


@dataclass(frozen=True, slots=True)
class AllowedSecret:
    """Secrets that templates may name for a registry.

    Args:
        registry: The registry by its canonical name.
        pattern: An ARN, in which a `*` stands for any text without a colon, at the end also for one with colons.
    """

    registry: str
    pattern: str

    @classmethod
    def parse(cls, text: str) -> AllowedSecret:
        """Read `registry=pattern`.

        Raises:
            ValueError: It has another form, or its pattern leaves partition or service open; the message says so.
        """
        registry, pattern = _parted(text, _WRITE_A_PATTERN)
        if len(pattern) > _MAX_ARN or not _PATTERN.fullmatch(pattern):
            raise ValueError(_WRITE_A_PATTERN)
        return cls(registry, pattern)

    def allows(self, registry: str, secret: SecretLocation) -> bool:
        """Tell whether a template may have this registry shown this secret."""
        return registry == self.registry and _matching(self.pattern).fullmatch(secret.name) is not None


def _parted(text: str, form: str) -> tuple[str, str]:
    host, parted, rest = text.strip().partition("=")
    if not parted:
        raise ValueError(form)
    try:
        return parse_registry(host.rstrip()), rest.lstrip()
    except ValueError:
        raise ValueError(
            "Write the registry as it stands in image references, ghcr.io or localhost:5000 for example"
        ) from None


def _place(text: str) -> Place:
    if text.startswith("arn:"):
        return SecretLocation.of_arn(text)
    kind, _, name = text.partition(":")
    if kind == "ssm" and len(name) <= _MAX_ARN and _PARAMETER.fullmatch(name):
        return SecretLocation("ssm", name)
    if kind == "env" and _VARIABLE.fullmatch(name):
        return VariableLocation(name)
    if kind == "file" and name.startswith("/") and name.isprintable():
        return FileLocation(name)
    raise ValueError(_WRITE_A_PLACE)


@lru_cache(maxsize=64)
def _matching(pattern: str) -> re.Pattern[str]:
    """Give the expression of a pattern.

    What stands behind a `*` is looked for once, by an atomic group: were it found later, less would be left for the
    rest. So no pattern takes long, however many of them it has.
    """
    first, *others = (re.escape(piece) for piece in pattern.split("*"))
    if not others:
        return re.compile(first)
    *middle, last = others
    found = "".join(f"(?>[^:]*?{piece})" for piece in middle)
    return re.compile(first + found + (f"[^:]*{last}" if last else ".*"))


_ENTRY = re.compile(
    r"(?P<account>[0-9]{12})=(?P<arn>arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576})(?:\s+(?P<external>[\w+=,.@:/-]{2,1224}))?",
    re.ASCII,
)


class RegistryRole(NamedTuple):
    """A role that is assumed before the registries of an account are asked.

    Args:
        account_id: The account of the registries, 12 digits.
        arn: The role.
        external_id: What its trust policy may ask for
            (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html), or empty.
    """

    account_id: str
    arn: str
    external_id: str = ""

    @classmethod
    def parse(cls, text: str) -> RegistryRole:
        """Read `account=role-arn` with an external id behind it, parted by a space.

        Raises:
            ValueError: The text has another form; the message says which it should have.
        """
        found = _ENTRY.fullmatch(text.strip())
        if found is None:
            raise ValueError("Write account=arn:aws:iam::111122223333:role/name, and an external id behind a space")
        return cls(found["account"], found["arn"], found["external"] or "")
