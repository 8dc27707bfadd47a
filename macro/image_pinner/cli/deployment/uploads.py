"""The code's way into the bucket."""

from __future__ import annotations

import base64

from image_pinner.cli.deployment.aws_access import Asker, AskFailed
from image_pinner.cli.deployment.buckets import Bucket
from image_pinner.cli.deployment.code import Code
from image_pinner.core.errors import SourceError


def is_uploaded(asker: Asker, bucket: Bucket, code: Code) -> bool:
    """Tell whether the code is in the bucket already.

    Args:
        asker: Asks AWS.
        bucket: The bucket.
        code: The code.

    Returns:
        Whether its very bytes are there; not where S3 knows no checksum of what is.

    Raises:
        SourceError: Something else is there under its name, or S3 could not be asked.
    """
    if not bucket.exists:
        return False
    try:
        told = asker.ask("s3", bucket.region, "head_object", **_object(bucket, code), ChecksumMode="ENABLED")
    except AskFailed as failure:
        # Without s3:ListBucket S3 does not tell what is missing from what is forbidden.
        if failure.code not in {"404", "NoSuchKey", "403"}:
            raise
        return False
    found = told.get("ChecksumSHA256")
    if found and found != _checksum(code):
        raise SourceError(
            f"s3://{bucket.name}/{code.key} holds something else than this package",
            "Find out who put it there, delete it, and install again",
        )
    return bool(found)


def upload(asker: Asker, bucket: Bucket, code: Code) -> None:
    """Upload the code; S3 compares its checksum.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html

    Raises:
        AskFailed: S3 refused it.
    """
    asker.ask(
        "s3",
        bucket.region,
        "put_object",
        **_object(bucket, code),
        Body=code.data,
        ChecksumAlgorithm="SHA256",
        ChecksumSHA256=_checksum(code),
        ContentType="application/zip",
    )


def _object(bucket: Bucket, code: Code) -> dict[str, str]:
    return {"Bucket": bucket.name, "Key": code.key, "ExpectedBucketOwner": bucket.owner.account}


def _checksum(code: Code) -> str:
    return base64.b64encode(bytes.fromhex(code.sha256)).decode()
