"""Publish lock files to the Parameter Store and to S3, without overwriting newer digests and holds.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from image_pinner.cli.console import Dependencies, print_line
from image_pinner.cli.deployment.aws import AwsApi, AwsApiError
from image_pinner.cli.deployment_options import find_environment
from image_pinner.cli.lock_files import read_lock_file, today
from image_pinner.core.errors import ConfigurationError, InvalidOptionError, SourceError
from image_pinner.core.lock import LockFile, list_names
from image_pinner.core.lock_text import MAX_LOCK_BYTES, parse_lock, render_lock
from image_pinner.core.template.options import Level, read_options

_MAX_PARAMETER = 8 * 1024
"""Bytes of a parameter in the advanced tier: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"""

_ABSENT = frozenset({"ParameterNotFound", "NoSuchKey", "404"})
_CONFLICTS = frozenset(
    {"ConditionalRequestConflict", "PreconditionFailed", "ParameterAlreadyExists", "TooManyUpdates", "412", "409"}
)


class _Published(NamedTuple):
    """What is published now; `version` is the version of the parameter or the ETag of the object."""

    data: bytes
    version: str


class _Parameter(NamedTuple):
    """A parameter of the Parameter Store."""

    api: AwsApi
    region: str
    name: str

    def render(self, lock: LockFile) -> bytes:
        """Return the content, as short as possible."""
        data = render_lock(lock, compact=True).encode()
        if len(data) > _MAX_PARAMETER:
            raise ConfigurationError(
                f"the lock file has {len(data):,} bytes; a parameter has at most {_MAX_PARAMETER:,}",
                "publish it with --s3 BUCKET/KEY",
            )
        return data

    def read(self) -> _Published | None:
        """Return what is published, if anything is."""
        try:
            found = self.api.call("ssm", self.region, "get_parameter", Name=self.name, WithDecryption=False)[
                "Parameter"
            ]
        except AwsApiError as error:
            if error.code in _ABSENT:
                return None
            raise
        if found["Type"] != "String":
            raise ConfigurationError(f"{self.name} is a parameter of type {found['Type']}", "choose another name")
        return _Published(found["Value"].encode(), str(found["Version"]))

    def write(self, data: bytes, published: _Published | None) -> None:
        """Create or overwrite the parameter; one above 4 KB needs the advanced tier."""
        response = self.api.call(
            "ssm",
            self.region,
            "put_parameter",
            Name=self.name,
            Value=data.decode(),
            Type="String",
            Overwrite=published is not None,
            Tier="Intelligent-Tiering",
        )
        # The API has no conditional write, so that a concurrent one is found afterwards, when it is overwritten.
        if published and response["Version"] != int(published.version) + 1:
            raise SourceError(
                f"{self} was changed at the same time, and this lock file has overwritten that change",
                "publish the lock file that has the newest digests of both, with --force",
            )

    def __str__(self) -> str:
        return f"ssm:{self.name}"


class _Object(NamedTuple):
    """An object in a bucket of the account."""

    api: AwsApi
    region: str
    bucket: str
    key: str
    account: str
    kms_key: str

    def render(self, lock: LockFile) -> bytes:
        """Return the content."""
        return render_lock(lock).encode()

    def read(self) -> _Published | None:
        """Return what is published, if anything is."""
        try:
            found = self.api.call("s3", self.region, "get_object", **self._address())
        except AwsApiError as error:
            if error.code in _ABSENT:
                return None
            raise
        with found["Body"] as body:
            return _Published(body.read(MAX_LOCK_BYTES + 1), found["ETag"])

    def write(self, data: bytes, published: _Published | None) -> None:
        """Create the object, or overwrite the one that was read."""
        condition = {"IfMatch": published.version} if published else {"IfNoneMatch": "*"}
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}
        self.api.call(
            "s3",
            self.region,
            "put_object",
            Body=data,
            ContentType="application/json",
            **self._address(),
            **condition,
            **encryption,
        )

    def _address(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key, "ExpectedBucketOwner": self.account}

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def publish_lock(given: Dependencies, options: Mapping[str, Any]) -> None:
    """Publish the lock file of the options; `given` is the environment of a test.

    Raises:
        ConfigurationError: The options or the lock file are not valid, or newer digests are published.
        SourceError: A request failed.
    """
    location = _location(options)
    lock = read_lock_file(options["file"])
    environment = find_environment(given, options["profile"])
    region = options["region"] or environment.region
    if not region:
        raise ConfigurationError("AWS region is unknown", "pass --region or set AWS_REGION")
    target = _make_target(AwsApi(environment.clients), region, location, options["key"])
    data = target.render(lock)
    published = target.read()
    if published and published.data == data:
        print_line(f"{target} already has this lock file.")
        return
    if published and not options["force"]:
        _check_losses(published.data, lock, str(target))
    try:
        target.write(data, published)
    except AwsApiError as error:
        if error.code in _CONFLICTS:
            raise _conflict(str(target)) from error
        raise
    print_line(f"Published {options['file']} to {target}.", style="green")


def _location(options: Mapping[str, Any]) -> str:
    ssm, s3 = options["ssm"], options["s3"].removeprefix("s3://")
    if bool(ssm) == bool(s3):
        raise ConfigurationError("a lock file is published to one location", "pass either --ssm or --s3")
    if options["key"] and ssm:
        raise ConfigurationError("--sse-kms-key requires --s3", "omit it: the macro reads parameters of type String")
    location = f"ssm:{ssm.removeprefix('ssm:')}" if ssm else f"s3://{s3}"
    try:
        read_options({"Lock": location}, Level.TEMPLATE)
    except InvalidOptionError:
        form = "/name" if ssm else "bucket/key"
        cause = f"{'--ssm' if ssm else '--s3'} {ssm or s3!r} is not a valid location"
        raise ConfigurationError(cause, f"write {form}") from None
    return location


def _make_target(api: AwsApi, region: str, location: str, kms_key: str) -> _Parameter | _Object:
    if location.startswith("ssm:"):
        return _Parameter(api, region, location.removeprefix("ssm:"))
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return _Object(api, region, bucket, key, api.identify(region).account, kms_key)


def _check_losses(published: bytes, lock: LockFile, where: str) -> None:
    """Refuse to overwrite a newer digest or a hold, or what is not a lock file."""
    try:
        current = parse_lock(published, where, today())
    except ConfigurationError as error:
        raise ConfigurationError(f"cannot overwrite {where}: {error.cause}", "pass --force to overwrite it") from None
    if losses := list(_losses(current, lock)):
        raise ConfigurationError(
            f"{where} would lose newer digests or holds: {list_names(losses, '; ')}",
            "merge them, or pass --force to overwrite them",
        )


def _losses(current: LockFile, lock: LockFile) -> Iterator[str]:
    """Yield a clause on each published entry that must not be replaced, or removed, by what a lock file has."""
    newest = max((entry.resolved_at for entry in lock.entries.values()), default="")
    for key, entry in sorted(current.entries.items()):
        ours = lock.entries.get(key)
        if entry.hold and not entry.has_expired(current.today) and not (ours and ours.hold):
            yield f"{key} is held until {entry.until}"
        elif ours and entry.digest != ours.digest and entry.resolved_at > ours.resolved_at:
            yield f"{key} is of {entry.resolved_at}, ours of {ours.resolved_at}"
        elif not ours and entry.resolved_at > newest:
            # An entry that is older than this file was removed from it, a newer one was never in it.
            yield f"{key} is of {entry.resolved_at}, and ours has no entry"


def _conflict(where: str) -> SourceError:
    return SourceError(f"{where} was changed at the same time", "run the command again")
