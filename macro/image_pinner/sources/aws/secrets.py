"""Secrets that AWS keeps: in Secrets Manager, and as parameters of the Parameter Store.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html and
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html. What they hold is given to who
asks and stands in no message.
"""

from __future__ import annotations

import re
from typing import Any, assert_never

from image_pinner.core.errors import SourceError
from image_pinner.core.registry_config import SecretLocation
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import (
    aws_client_faults,
    aws_faults,
    denial_reason,
    denied_resource,
    error_code,
    error_text,
    explain,
    is_denied,
)
from image_pinner.sources.interface import Deadline

_ABSENT = frozenset({"ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException"})
_NO_KEY = frozenset({"DecryptionFailure", "InvalidKeyId"})
# Both services say so with the code of a denial: `Access to KMS is not allowed`, `not authorized to perform:
# kms:Decrypt`, and KMS's own `The ciphertext refers to a customer master key that does not exist, …`.
_ABOUT_A_KEY = re.compile(r"\bkms\b|\bciphertext\b", re.IGNORECASE)


class Secrets:
    """Reads secrets.

    Args:
        clients: Gives the clients.
        region: The region of parameters that are named without one; empty for the one that the environment names.
    """

    def __init__(self, clients: AwsClients, region: str = "") -> None:
        self._clients = clients
        self._region = region

    def read(self, place: SecretLocation, deadline: Deadline) -> str:
        """Read a secret. A parameter need not be a SecureString.

        Args:
            place: Which one.
            deadline: No request is begun after it; one that is under way ends by the limits of `AwsClients`.

        Returns:
            What it holds.

        Raises:
            SourceError: It cannot be had; the cause names it and the action that was asked for.
        """
        region = place.region or self._region
        try:
            client = self._clients.client(place.service, region)
        except aws_client_faults() as error:
            raise _unread(place, error, region) from None
        if deadline.remaining() <= 0:
            raise SourceError(
                f"the time was up before {_action(place)} could be asked for {place}", "Deploy again, with more time"
            )
        try:
            return _asked(client, place)
        except aws_faults() as error:
            raise _unread(place, error, region) from None


def _asked(client: Any, place: SecretLocation) -> str:
    match place.service:
        case "secretsmanager":
            return _content(client.get_secret_value(SecretId=place.name), place)
        case "ssm":
            return str(client.get_parameter(Name=place.name, WithDecryption=True)["Parameter"]["Value"])
        case _:
            assert_never(place.service)


def _content(response: dict[str, Any], place: SecretLocation) -> str:
    text, octets = response.get("SecretString"), response.get("SecretBinary")
    if isinstance(text, str):
        return text
    try:
        return bytes(octets or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise SourceError(
            f"{place} holds octets that are no text in UTF-8, says {_action(place)}", "Store the credential as text"
        ) from None


def _unread(place: SecretLocation, error: Exception, region: str) -> SourceError:
    """Give the error for a secret that could not be read, which never shows what it holds: no refusal does either."""
    action, code = _action(place), error_code(error)
    keeper = "Secrets Manager" if place.service == "secretsmanager" else "the Parameter Store"
    service = f"{keeper} in {region}" if region else keeper
    if code in _NO_KEY or (is_denied(error) and _ABOUT_A_KEY.search(error_text(error))):
        return SourceError(
            f"{action} could not decrypt {place} ({code}: {error_text(error)})",
            "Allow kms:Decrypt on its key in the policy of the role that asks and in the policy of the key, and check "
            "that the key is enabled",
        )
    if is_denied(error):
        reason = denial_reason(error)
        return SourceError(
            f"{action} is denied on {denied_resource(error) or place.name}" + (f", {reason}" if reason else ""),
            f"Allow {action} on it in the policy of the role that asks, and in that of a secret of another account",
        )
    if code in _ABSENT:
        return SourceError(
            f"{service} has not {place}, says {action}", "Create it, or correct its name where it is configured"
        )
    failure = explain(error, service)
    return SourceError(f"{action} failed for {place}: {failure.cause}", failure.help)


def _action(place: SecretLocation) -> str:
    return "secretsmanager:GetSecretValue" if place.service == "secretsmanager" else "ssm:GetParameter"
