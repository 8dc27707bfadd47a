"""The S3 buckets with the macro's code: find, create, protect, fill and empty them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from image_pinner.cli.deployment.aws import AwsApi, AwsApiError, Identity
from image_pinner.cli.deployment.code import PREFIX
from image_pinner.cli.deployment.session import DeploymentSession
from image_pinner.core.errors import ConfigurationError, SourceError

Statement = dict[str, Any]
_DELETE_BATCH = 1000  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_REGION_WITHOUT_LOCATION = (
    "us-east-1"  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
)
_NO_BUCKET = {"404", "NoSuchBucket"}
_NOT_OURS = {"403", "AccessDenied"}
_OTHER_REGION = {"301", "PermanentRedirect", "AuthorizationHeaderMalformed"}


class Protection(NamedTuple):
    """A setting that protects a bucket: how it is read and written, and whether a response has it.

    `absent` is the error code if it was never set.
    """

    name: str
    read: str
    absent: str
    is_set: Callable[[Mapping[str, Any]], bool]
    write: str
    field: str
    value: Mapping[str, Any]


_ACCESS_BLOCK = dict.fromkeys(
    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
)
PROTECTIONS = (
    Protection(
        "public access block",
        "get_public_access_block",
        "NoSuchPublicAccessBlockConfiguration",
        lambda response: response["PublicAccessBlockConfiguration"] == _ACCESS_BLOCK,
        "put_public_access_block",
        "PublicAccessBlockConfiguration",
        _ACCESS_BLOCK,
    ),
    # The owner may prefer another key.
    Protection(
        "encryption",
        "get_bucket_encryption",
        "ServerSideEncryptionConfigurationNotFoundError",
        lambda response: bool(response["ServerSideEncryptionConfiguration"]["Rules"]),
        "put_bucket_encryption",
        "ServerSideEncryptionConfiguration",
        {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
    ),
    Protection(
        "versioning",
        "get_bucket_versioning",
        "",
        lambda response: response.get("Status") == "Enabled",
        "put_bucket_versioning",
        "VersioningConfiguration",
        {"Status": "Enabled"},
    ),
)
"""The protections of a bucket that is created."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of `owner` in `region`. If it is not `managed`, the user named it, and its settings stay as they are."""

    name: str
    region: str
    owner: Identity
    exists: bool
    managed: bool

    @property
    def identity(self) -> dict[str, str]:
        """The parameters that every request about it has, so that a bucket of another account is never used."""
        return {"Bucket": self.name, "ExpectedBucketOwner": self.owner.account}


@dataclass(frozen=True, slots=True)
class BucketObject:
    """A file to upload. Its key names its content, so that different content never replaces it."""

    key: str
    data: bytes
    content_type: str

    @property
    def checksum(self) -> str:
        """Its SHA-256 as S3 writes it."""
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


def bucket_stem(owner: Identity) -> str:
    """Return the name of the buckets that this program creates, without the region."""
    return f"image-pinner-{owner.account}"


def find_bucket(api: AwsApi, owner: Identity, region: str, named: str = "") -> Bucket:
    """Find the bucket and check that it can be used.

    `named` is the bucket that the user named; empty means the one that this program creates. Lambda reads code
    from a bucket in its own region only. Raises `ConfigurationError` if the bucket is in another region, belongs to
    another account, or was named and does not exist.
    """
    name = named or f"{bucket_stem(owner)}-{region}"
    try:
        response = api.call("s3", region, "head_bucket", Bucket=name, ExpectedBucketOwner=owner.account)
    except AwsApiError as error:
        if error.code in _OTHER_REGION:
            raise _other_region(name, region, "another region") from error
        if error.code in _NOT_OURS:
            # A HEAD response has no body, so S3 does not contain the reason:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
            raise ConfigurationError(
                f"bucket {name} does not belong to account {owner.account}, or {api.caller} is not allowed to call"
                " s3:ListBucket on it",
                "allow s3:ListBucket, or pass --bucket with a bucket of this account",
            ) from error
        if error.code not in _NO_BUCKET:
            raise
        if named:
            raise ConfigurationError(
                f"bucket {name} does not exist", "create it, or omit --bucket to have one created"
            ) from error
        return Bucket(name, region, owner, exists=False, managed=True)
    actual = response.get("BucketRegion") or region
    if actual != region:
        raise _other_region(name, region, actual)
    return Bucket(name, region, owner, exists=True, managed=not named)


def list_missing_protections(api: AwsApi, bucket: Bucket) -> tuple[Protection, ...]:
    """Return the protections that a bucket lacks; a bucket that does not exist lacks all of them."""
    return tuple(one for one in PROTECTIONS if not (bucket.exists and _has(api, bucket, one)))


def prepare_bucket(api: AwsApi, bucket: Bucket, organization: str = "") -> None:
    """Create the bucket if needed, and protect it; a bucket that the user named stays as it is.

    Settings and statements of others stay; what is missing is added. `organization` is the ID of the organization whose
    accounts may read the code, or empty.
    """
    if not bucket.managed:
        return
    missing = list_missing_protections(api, bucket)
    if not bucket.exists:
        location = {"CreateBucketConfiguration": {"LocationConstraint": bucket.region}}
        api.call(
            "s3",
            bucket.region,
            "create_bucket",
            Bucket=bucket.name,
            ObjectOwnership="BucketOwnerEnforced",
            **({} if bucket.region == _REGION_WITHOUT_LOCATION else location),
        )
    for one in missing:
        api.call("s3", bucket.region, one.write, **bucket.identity, **{one.field: one.value})
    partition = bucket.owner.partition
    required = [tls_statement(partition, bucket.name)]
    if organization:
        required.append(organization_statement(partition, bucket.name, organization))
    policy = _get_policy(api, bucket)
    merged = merge_statements(policy, required)
    if merged != policy:
        api.call("s3", bucket.region, "put_bucket_policy", **bucket.identity, Policy=merged)


def find_uploaded_version(api: AwsApi, bucket: Bucket, file: BucketObject) -> str | None:
    """Return the version of the object with these very bytes; empty without versioning.

    Returns None if there is no such object, or if S3 has no checksum of it. Raises `SourceError` if other content is
    stored under the key.
    """
    if not bucket.exists:
        return None
    try:
        response = api.call("s3", bucket.region, "head_object", **bucket.identity, Key=file.key, ChecksumMode="ENABLED")
    except AwsApiError as error:
        # Without s3:ListBucket, S3 answers 403 for a key that does not exist.
        if error.code not in {"404", "NoSuchKey", "403"}:
            raise
        return None
    found = response.get("ChecksumSHA256")
    if found and found != file.checksum:
        raise SourceError(
            f"s3://{bucket.name}/{file.key} does not contain this package",
            "find out who uploaded it, delete it, and install again",
        )
    return _version(response) if found else None


def upload(api: AwsApi, bucket: Bucket, file: BucketObject) -> str:
    """Upload a file, and return the version of its object; empty without versioning. S3 verifies its checksum.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    response = api.call(
        "s3",
        bucket.region,
        "put_object",
        **bucket.identity,
        Key=file.key,
        Body=file.data,
        ChecksumAlgorithm="SHA256",
        ChecksumSHA256=file.checksum,
        ContentType=file.content_type,
    )
    return _version(response)


def remove_bucket(session: DeploymentSession, owner: Identity, region: str, name: str) -> None:
    """Delete all versions of our objects, and the bucket if nothing else is in it.

    Args:
        session: Makes the requests and prints what was done.
        owner: The account or organization of the bucket.
        region: The region of the bucket.
        name: The name of the bucket, which may be that of the default bucket.

    Raises:
        SourceError: An object cannot be deleted.
    """
    api, console = session.api, session.console
    bucket = find_bucket(api, owner, region, "" if name == f"{bucket_stem(owner)}-{region}" else name)
    if not bucket.exists:
        console.print(f"{region}: bucket {bucket.name} does not exist")
        return
    ours, others = _list_versions(api, bucket)
    for start in range(0, len(ours), _DELETE_BATCH):
        batch = {"Objects": ours[start : start + _DELETE_BATCH], "Quiet": True}
        response = api.call("s3", region, "delete_objects", **bucket.identity, Delete=batch)
        for error in response.get("Errors", ()):
            raise SourceError(
                f"cannot delete s3://{name}/{error.get('Key')}: {error.get('Message')}",
                "delete the remaining objects and the bucket yourself",
            )
    if others:
        console.print(f"{region}: kept bucket {bucket.name}: it has {others} other objects", "yellow")
        return
    api.call("s3", region, "delete_bucket", **bucket.identity)
    console.print(f"{region}: deleted bucket {bucket.name}", "green")


def tls_statement(partition: str, bucket: str) -> Statement:
    """Deny every request without TLS.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """
    return {
        "Sid": "ImagePinnerTlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:{partition}:s3:::{bucket}", f"arn:{partition}:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def organization_statement(partition: str, bucket: str, organization: str) -> Statement:
    """Let the accounts of an organization read the code; Lambda reads it as the deploying principal.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid
    """
    return {
        "Sid": "ImagePinnerOrganization",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:{partition}:s3:::{bucket}/{PREFIX}*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}},
    }


def merge_statements(policy: str, required: Iterable[Statement]) -> str:
    """Return the policy with the required statements, which replace earlier ones of the same `Sid`.

    `policy` is JSON, or empty; it is returned unchanged if it has all of them.
    """
    content: dict[str, Any] = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    found = content["Statement"]
    statements: list[Statement] = list(found) if isinstance(found, list) else [found]
    merged = list(statements)
    for statement in required:
        merged = [one for one in merged if one.get("Sid") != statement["Sid"] or one == statement]
        if statement not in merged:
            merged.append(statement)
    return policy if merged == statements and policy else json.dumps(content | {"Statement": merged})


def _has(api: AwsApi, bucket: Bucket, protection: Protection) -> bool:
    try:
        response = api.call("s3", bucket.region, protection.read, **bucket.identity)
    except AwsApiError as error:
        if error.code != protection.absent:
            raise
        return False
    return protection.is_set(response)


def _version(response: Mapping[str, Any]) -> str:
    # An object from before versioning, or while it is suspended, has the version `null`, which the next one replaces:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html
    version = str(response.get("VersionId", ""))
    return "" if version == "null" else version


def _get_policy(api: AwsApi, bucket: Bucket) -> str:
    try:
        return str(api.call("s3", bucket.region, "get_bucket_policy", **bucket.identity)["Policy"])
    except AwsApiError as error:
        if error.code != "NoSuchBucketPolicy":
            raise
        return ""


def _list_versions(api: AwsApi, bucket: Bucket) -> tuple[list[dict[str, str]], int]:
    """Return the versions of our objects, and the number of versions of other objects."""
    ours: list[dict[str, str]] = []
    others = 0
    for page in api.pages("s3", bucket.region, "list_object_versions", **bucket.identity):
        for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            if one["Key"].startswith(PREFIX):
                ours.append({"Key": one["Key"], "VersionId": one["VersionId"]})
            else:
                others += 1
    return ours, others


def _other_region(name: str, region: str, actual: str) -> ConfigurationError:
    return ConfigurationError(
        f"bucket {name} is in {actual}, and Lambda in {region} reads code from its own region only",
        f"pass --bucket with a bucket in {region}, or omit --bucket to have one created",
    )
