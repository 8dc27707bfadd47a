"""Read the configuration of gates from an SSM parameter, so that it can change without a deployment.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from image_pinner.core.advice import Advice
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import (
    aws_client_faults,
    denied_resource,
    describe_denial,
    error_code,
    explain,
    explain_timeout,
    is_denied,
)
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

GET_PARAMETER = "ssm:GetParameter"
MAX_AGE = 60.0
"""Seconds for which a value is used before it is read again."""

# Errors of GetParameter that last until the name, the parameter or its key is changed.
_BROKEN = frozenset({"InvalidKeyId", "ParameterVersionNotFound", "ValidationException"})

GateCache = dict[tuple[str, str], tuple[float, str]]
"""When values were read, and the values, by region and name."""


class GateParameters:
    """Reads parameters with the credentials of the environment. See `GateSource`.

    Args:
        clients: Creates the client.
        region: The region of the parameter.
        cache: The values that were read. A failed read never falls back to one that is too old.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self, clients: AwsClients, region: str, cache: GateCache, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = clients
        self._region = region
        self._cache = cache
        self._clock = clock

    def read_gates(self, name: str, deadline: Deadline) -> str:
        """See `GateSource.read_gates`."""
        if not self._region:
            cause, help = "the AWS region is unknown", Advice.REGION
            raise ConfigurationError(_cause(name, cause), help)
        key, now = (self._region, name), self._clock()
        if key in self._cache and now - self._cache[key][0] < MAX_AGE:
            return self._cache[key][1]
        service = f"Parameter Store in {self._region}"
        timeout = explain_timeout(service, deadline.remaining())
        try:
            client = self._clients.client("ssm", self._region)
            (found,) = run_all([partial(client.get_parameter, Name=name)], workers=1, deadline=deadline)
        except aws_client_faults() as error:
            raise _failure(error, name, service) from error
        if found is None:
            raise SourceError(_cause(name, timeout.cause), timeout.help)
        text = _value(found["Parameter"], name)
        self._cache[key] = (now, text)
        return text


def _cause(name: str, cause: str) -> str:
    return f"cannot read the gates in the SSM parameter {name}: {cause}"


def _value(parameter: dict[str, Any], name: str) -> str:
    if parameter["Type"] != "String":
        raise ConfigurationError(_cause(name, f"it is a {parameter['Type']}"), "use a parameter of type String")
    return str(parameter["Value"])


def _failure(error: Exception, name: str, service: str) -> ImagePinnerError:
    if is_denied(error):
        cause = describe_denial(error, f"on {denied_resource(error) or name}", GET_PARAMETER)
        return ConfigurationError(
            _cause(name, cause), f"allow {GET_PARAMETER} on it in the policy of the caller's role"
        )
    if error_code(error) == "ParameterNotFound":
        cause, help = f"it does not exist in {service}", "create it, or correct its name"
        return ConfigurationError(_cause(name, cause), help)
    cause, help = explain(error, service)
    kind = ConfigurationError if error_code(error) in _BROKEN else SourceError
    return kind(_cause(name, cause), help)
