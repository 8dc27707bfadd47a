"""Read lock files from the Parameter Store and from S3.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from image_pinner.core.advice import Advice
from image_pinner.core.deployed import NotKnown
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.lock import LockFile
from image_pinner.core.lock_text import MAX_LOCK_BYTES, parse_lock
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import (
    aws_client_faults,
    denied_action,
    denied_resource,
    describe_denial,
    error_code,
    explain,
    explain_timeout,
    is_denied,
)
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

_GET_PARAMETER = "ssm:GetParameter"
_GET_OBJECT = "s3:GetObject"
_SSM = "ssm:"
_S3 = "s3://"
_PUBLISH = "publish it with image-pinner lock publish, or correct the option Lock"
_NOT_FOUND = frozenset({"ParameterNotFound", "ParameterVersionNotFound", "NoSuchKey", "NoSuchBucket", "404"})


def today() -> str:
    """Return the day, in UTC and ISO 8601."""
    return time.strftime("%Y-%m-%d", time.gmtime())


class AwsLockSource:
    """Reads lock files with the credentials of the environment. See `LockSource`.

    Args:
        clients: Creates the client.
        region: The region of the template.
        day: Returns the day on which the lock file is used.
    """

    def __init__(self, clients: AwsClients, region: str, day: Callable[[], str] = today) -> None:
        self._clients = clients
        self._region = region
        self._day = day

    def read_lock(self, location: str, account_id: str, deadline: Deadline) -> LockFile | NotKnown:
        """See `LockSource.read_lock`."""
        if location.startswith(_S3) and not account_id:
            return NotKnown(
                f"the account that must own the bucket of {location} is not known",
                Advice.ACCOUNT,
            )
        service = f"{'S3' if location.startswith(_S3) else 'Parameter Store'} in {self._region}"
        timeout = NotKnown(*explain_timeout(service, deadline.remaining()))
        try:
            client = self._clients.client("s3" if location.startswith(_S3) else "ssm", self._region)
        except aws_client_faults() as error:
            return NotKnown(*explain(error, service))
        job = partial(self._read, client, location, account_id, service)
        (found,) = run_all([job], workers=1, deadline=deadline)
        return found or timeout

    def _read(self, client: Any, location: str, account_id: str, service: str) -> LockFile | NotKnown:
        try:
            if location.startswith(_S3):
                data, version = _get_object(client, location, account_id)
            else:
                data, version = _get_parameter(client, location)
            return parse_lock(data, f"{location} {version}", self._day())
        except ConfigurationError as error:
            return NotKnown(error.cause, error.help)
        except aws_client_faults() as error:
            return _failure(error, location, service)


def _get_parameter(client: Any, location: str) -> tuple[bytes, str]:
    found = client.get_parameter(Name=location.removeprefix(_SSM), WithDecryption=False)["Parameter"]
    if found["Type"] != "String":
        cause = f"{location} is a {found['Type']}; a lock file is a parameter of type String"
        raise ConfigurationError(cause, _PUBLISH)
    return found["Value"].encode(), f"version {found['Version']}"


def _get_object(client: Any, location: str, account_id: str) -> tuple[bytes, str]:
    bucket, _, key = location.removeprefix(_S3).partition("/")
    found = client.get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=account_id)
    with found["Body"] as body:
        # The header is a claim; the stream is read no further than the limit either.
        data = body.read(MAX_LOCK_BYTES + 1) if found["ContentLength"] <= MAX_LOCK_BYTES else None
    if data is None or len(data) > MAX_LOCK_BYTES:
        raise ConfigurationError(f"{location} is larger than {MAX_LOCK_BYTES:,} bytes", "check that it is a lock file")
    version = found.get("VersionId")
    return data, f"version {version}" if version and version != "null" else f"ETag {found['ETag'].strip(chr(34))}"


def _failure(error: Exception, location: str, service: str) -> NotKnown:
    action = _GET_OBJECT if location.startswith(_S3) else _GET_PARAMETER
    if is_denied(error):
        denied = denied_action(error) or action
        where = f"on {denied_resource(error) or location}"
        # A bucket of another owner looks like a missing policy: S3 does not return the action.
        owner = "; the bucket must belong to the account of the stack" if location.startswith(_S3) else ""
        return NotKnown(
            describe_denial(error, where, denied), f"allow {denied} on it in the policy of the caller's role{owner}"
        )
    if error_code(error) in _NOT_FOUND:
        return NotKnown(f"{location} does not exist in {service}", _PUBLISH)
    return NotKnown(*explain(error, service))
