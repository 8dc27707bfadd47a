"""Read secrets from Secrets Manager and from SSM parameters.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html and
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html. No message contains their values.
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
    denied_resource,
    describe_denial,
    error_code,
    error_text,
    explain,
    is_denied,
)
from image_pinner.sources.interface import Deadline

_NOT_FOUND = frozenset({"ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException"})
_KEY_ERRORS = frozenset({"DecryptionFailure", "InvalidKeyId"})
# With the code of a denial, both services report: `Access to KMS is not allowed`, `not authorized to perform:
# kms:Decrypt` and `The ciphertext refers to a customer master key that does not exist, …`.
_ABOUT_A_KEY = re.compile(r"\bkms\b|\bciphertext\b", re.IGNORECASE)


class Secrets:
    """Read secrets. See `SecretReader`.

    Args:
        clients: Creates the clients.
        region: The region of parameters without an ARN; empty for that of the environment.
    """

    def __init__(self, clients: AwsClients, region: str = "") -> None:
        self._clients = clients
        self._region = region

    def read(self, location: SecretLocation, deadline: Deadline) -> str:
        """Return the value of a secret or of a parameter of any type.

        No request is sent after `deadline`; one in progress ends by the limits of `AwsClients`.

        Raises:
            SourceError: The secret cannot be read; the cause names it and the action.
        """
        region = location.region or self._region
        _check_time(location, deadline)
        try:
            client = self._clients.client(location.service, region)
        except aws_client_faults() as error:
            raise _failure(location, error, region) from None
        _check_time(location, deadline)
        try:
            return _request(client, location)
        except aws_faults() as error:
            raise _failure(location, error, region) from None


def _check_time(location: SecretLocation, deadline: Deadline) -> None:
    if deadline.remaining() <= 0:
        raise SourceError(f"no time was left to send {_action(location)} for {location}", "retry with more time")


def _request(client: Any, location: SecretLocation) -> str:
    match location.service:
        case "secretsmanager":
            return _text_of(client.get_secret_value(SecretId=location.name), location)
        case "ssm":
            return str(client.get_parameter(Name=location.name, WithDecryption=True)["Parameter"]["Value"])
        case _:
            assert_never(location.service)


def _text_of(response: dict[str, Any], location: SecretLocation) -> str:
    text, binary = response.get("SecretString"), response.get("SecretBinary")
    if isinstance(text, str):
        return text
    try:
        return bytes(binary or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise SourceError(f"{location} is not UTF-8 text", "store the credentials as text") from None


def _failure(location: SecretLocation, error: Exception, region: str) -> SourceError:
    action, code = _action(location), error_code(error)
    name = "Secrets Manager" if location.service == "secretsmanager" else "Parameter Store"
    service = f"{name} in {region}" if region else name
    if code in _KEY_ERRORS or (is_denied(error) and _ABOUT_A_KEY.search(error_text(error))):
        return SourceError(
            f"{action} cannot decrypt {location} ({code}: {error_text(error)})",
            "allow kms:Decrypt on its key in the policy of the caller's role and in the key policy, and check that the "
            "key is enabled",
        )
    if is_denied(error):
        return SourceError(
            describe_denial(error, f"on {denied_resource(error) or location.name}", action),
            f"allow {action} on it in the policy of the caller's role; a secret of another account must also allow it "
            "in its own policy",
        )
    if code in _NOT_FOUND:
        return SourceError(
            f"{location} does not exist in {service}", "create it, or correct its name in the configuration"
        )
    failure = explain(error, service)
    return SourceError(f"{action} failed for {location}: {failure.cause}", failure.help)


def _action(location: SecretLocation) -> str:
    return "secretsmanager:GetSecretValue" if location.service == "secretsmanager" else "ssm:GetParameter"
