"""The bucket with the code: found, or made so that nobody else reads or fills it."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.cli.deployment.aws_access import Asker, AskFailed
from image_pinner.cli.deployment.bucket_policy import Statement, readable_in, tls_only, with_statements
from image_pinner.cli.deployment.identity import Identity
from image_pinner.core.errors import ConfigurationError

_WITHOUT_LOCATION = "us-east-1"  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
_NO_BUCKET = {"404", "NoSuchBucket"}
_NOT_OURS = {"403", "AccessDenied"}
_ELSEWHERE = {"301", "PermanentRedirect", "AuthorizationHeaderMalformed"}


class Bucket(NamedTuple):
    """A bucket.

    Args:
        name: Its name.
        region: The region that it must be in.
        owner: The account that it must belong to.
        exists: Whether it is there.
        ours: Whether this command keeps it; one that the user named is left as it is.
    """

    name: str
    region: str
    owner: Identity
    exists: bool
    ours: bool


def bucket_name(owner: Identity, region: str) -> str:
    """Give the name of the bucket that this command makes."""
    return f"image-pinner-{owner.account}-{region}"


def find_bucket(asker: Asker, owner: Identity, region: str, named: str = "") -> Bucket:
    """Look for the bucket, and see that it can be used.

    Args:
        asker: Asks AWS.
        owner: The account.
        region: The region: Lambda takes code from buckets of its own region only.
        named: The bucket that the user named, or empty for the one that this command makes.

    Returns:
        The bucket.

    Raises:
        ConfigurationError: It is in another region, of another account, or a named one is not there.
        AskFailed: S3 could not be asked.
    """
    name = named or bucket_name(owner, region)
    try:
        told = asker.ask("s3", region, "head_bucket", Bucket=name, ExpectedBucketOwner=owner.account)
    except AskFailed as failure:
        if failure.code in _ELSEWHERE:
            raise _elsewhere(name, region, "another region") from failure
        if failure.code in _NOT_OURS:
            # A HEAD has no body, so that the reason is not told: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
            raise ConfigurationError(
                f"the bucket {name} belongs to another account than {owner.account}, or {asker.caller} may not"
                f" s3:ListBucket on it",
                "Allow that, or name a bucket of this account by --bucket",
            ) from failure
        if failure.code not in _NO_BUCKET:
            raise
        if named:
            raise ConfigurationError(
                f"there is no bucket {name}", "Create it, or leave --bucket out, which makes one"
            ) from failure
        return Bucket(name, region, owner, exists=False, ours=True)
    place = told.get("BucketRegion") or region
    if place != region:
        raise _elsewhere(name, region, place)
    return Bucket(name, region, owner, exists=True, ours=not named)


def make_ready(asker: Asker, bucket: Bucket, organization: str = "") -> None:
    """Make the bucket where it is not there, and protect it; one that the user named is left as it is.

    Args:
        asker: Asks AWS.
        bucket: The bucket.
        organization: The organization whose accounts may read the code, or empty.

    Raises:
        AskFailed: S3 refused something.
    """
    if not bucket.ours:
        return
    if not bucket.exists:
        location = {"CreateBucketConfiguration": {"LocationConstraint": bucket.region}}
        asker.ask(
            "s3",
            bucket.region,
            "create_bucket",
            Bucket=bucket.name,
            ObjectOwnership="BucketOwnerEnforced",
            **({} if bucket.region == _WITHOUT_LOCATION else location),
        )
    partition = bucket.owner.partition
    wanted = [tls_only(partition, bucket.name)]
    if organization:
        wanted.append(readable_in(partition, bucket.name, organization))
    policy = _policy(asker, bucket)
    # The policy is put last, so that a bucket without it is one that was left half-made.
    if not policy:
        _protect(asker, bucket)
    _put_policy(asker, bucket, policy, wanted)


def _protect(asker: Asker, bucket: Bucket) -> None:
    whose = {"Bucket": bucket.name, "ExpectedBucketOwner": bucket.owner.account}
    blocked = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)
    asker.ask("s3", bucket.region, "put_public_access_block", **whose, PublicAccessBlockConfiguration=blocked)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    asker.ask(
        "s3", bucket.region, "put_bucket_encryption", **whose, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    asker.ask("s3", bucket.region, "put_bucket_versioning", **whose, VersioningConfiguration={"Status": "Enabled"})


def _policy(asker: Asker, bucket: Bucket) -> str:
    try:
        told = asker.ask(
            "s3",
            bucket.region,
            "get_bucket_policy",
            Bucket=bucket.name,
            ExpectedBucketOwner=bucket.owner.account,
        )
    except AskFailed as failure:
        if failure.code != "NoSuchBucketPolicy":
            raise
        return ""
    return str(told["Policy"])


def _put_policy(asker: Asker, bucket: Bucket, policy: str, wanted: list[Statement]) -> None:
    new = with_statements(policy, wanted)
    if new != policy:
        asker.ask(
            "s3",
            bucket.region,
            "put_bucket_policy",
            Bucket=bucket.name,
            ExpectedBucketOwner=bucket.owner.account,
            Policy=new,
        )


def _elsewhere(name: str, region: str, place: str) -> ConfigurationError:
    return ConfigurationError(
        f"the bucket {name} is in {place}, and Lambda in {region} takes code from its own region only",
        f"Name a bucket in {region} by --bucket, or leave --bucket out, which makes one",
    )
