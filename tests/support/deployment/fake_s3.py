"""A fake S3 with owners, regions, checksums and policies.

moto checks neither `ExpectedBucketOwner` nor the conditions of a bucket policy: there a bucket that denies requests
without TLS denies everything.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from support.deployment.fake_clients import ACCOUNT, Answer, Refusal

_NUMBERS = itertools.count(1)


@dataclass
class FakeBucket:
    """A bucket; `settings` are the requests that configured it, by operation."""

    region: str
    owner: str = ACCOUNT
    policy: str = ""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, list[tuple[str, bytes, str | None]]] = field(default_factory=dict)

    @property
    def keeps_versions(self) -> bool:
        versioning = self.settings.get("PutBucketVersioning", {}).get("VersioningConfiguration", {})
        return bool(versioning.get("Status") == "Enabled")

    def put(self, key: str, data: bytes, checksum: str | None = None) -> str:
        """Store an object and return its version; without versioning it is `null`, and only the last one is kept."""
        version = f"v{next(_NUMBERS)}" if self.keeps_versions else "null"
        kept = self.objects.get(key, []) if self.keeps_versions else []
        self.objects[key] = [*kept, (version, data, checksum)]
        return version


class FakeS3:
    """The buckets of all accounts and regions."""

    def __init__(self) -> None:
        self.buckets: dict[str, FakeBucket] = {}
        self.requests: list[str] = []
        self.refusals: dict[str, Refusal] = {}

    def in_region(self, region: str) -> Answer:
        """Return the fake for the client of a region."""

        def answer(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
            self.requests.append(operation)
            if operation in self.refusals:
                raise self.refusals[operation]
            if operation == "CreateBucket":
                return self._create(region, given)
            bucket = self._bucket(operation, given)
            if operation.startswith("PutBucket") or operation == "PutPublicAccessBlock":
                bucket.settings[operation] = dict(given)
                bucket.policy = given.get("Policy", bucket.policy)
                return {}
            found: dict[str, Any] = getattr(self, f"_{operation}")(bucket, given)
            return found

        return answer

    def _bucket(self, operation: str, given: Mapping[str, Any]) -> FakeBucket:
        bucket = self.buckets.get(given["Bucket"])
        if bucket is None:
            raise Refusal("404" if operation == "HeadBucket" else "NoSuchBucket", "Not Found", 404)
        if given["ExpectedBucketOwner"] != bucket.owner:
            raise Refusal("403" if operation == "HeadBucket" else "AccessDenied", "Forbidden", 403)
        return bucket

    def _create(self, region: str, given: Mapping[str, Any]) -> dict[str, Any]:
        location = given.get("CreateBucketConfiguration", {}).get("LocationConstraint", "us-east-1")
        assert location == region
        self.buckets[given["Bucket"]] = FakeBucket(region)
        return {}

    def _HeadBucket(self, bucket: FakeBucket, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        return {"BucketRegion": bucket.region}

    def _GetBucketPolicy(self, bucket: FakeBucket, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if not bucket.policy:
            raise Refusal("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
        return {"Policy": bucket.policy}

    def _GetPublicAccessBlock(self, bucket: FakeBucket, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if "PutPublicAccessBlock" not in bucket.settings:
            raise Refusal("NoSuchPublicAccessBlockConfiguration", "The configuration was not found", 404)
        block = bucket.settings["PutPublicAccessBlock"]["PublicAccessBlockConfiguration"]
        return {"PublicAccessBlockConfiguration": block}

    def _GetBucketEncryption(self, bucket: FakeBucket, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if "PutBucketEncryption" not in bucket.settings:
            raise Refusal("ServerSideEncryptionConfigurationNotFoundError", "The configuration was not found", 404)
        encryption = bucket.settings["PutBucketEncryption"]["ServerSideEncryptionConfiguration"]
        return {"ServerSideEncryptionConfiguration": encryption}

    def _GetBucketVersioning(self, bucket: FakeBucket, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return dict(bucket.settings.get("PutBucketVersioning", {}).get("VersioningConfiguration", {}))

    def _HeadObject(self, bucket: FakeBucket, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert given["ChecksumMode"] == "ENABLED"
        if given["Key"] not in bucket.objects:
            raise Refusal("404", "Not Found", 404)
        version, _, checksum = bucket.objects[given["Key"]][-1]
        return {"VersionId": version} | ({"ChecksumSHA256": checksum} if checksum else {})

    def _PutObject(self, bucket: FakeBucket, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        checksum = base64.b64encode(hashlib.sha256(given["Body"]).digest()).decode()
        if given["ChecksumSHA256"] != checksum:
            raise Refusal("BadDigest", "The SHA256 you specified did not match")
        version = bucket.put(given["Key"], given["Body"], checksum)
        return {"VersionId": version} if bucket.keeps_versions else {}

    def _ListObjectVersions(self, bucket: FakeBucket, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        listed = [{"Key": key, "VersionId": one[0]} for key, versions in bucket.objects.items() for one in versions]
        return {"Versions": listed}

    def _DeleteObject(self, bucket: FakeBucket, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        left = [one for one in bucket.objects.pop(given["Key"]) if one[0] != given.get("VersionId", "null")]
        bucket.objects |= {given["Key"]: left} if left else {}
        return {}

    def _DeleteObjects(self, bucket: FakeBucket, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        for one in given["Delete"]["Objects"]:
            left = [version for version in bucket.objects[one["Key"]] if version[0] != one["VersionId"]]
            bucket.objects[one["Key"]] = left
        bucket.objects = {key: versions for key, versions in bucket.objects.items() if versions}
        return {}

    def _DeleteBucket(self, bucket: FakeBucket, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if bucket.objects:
            raise Refusal("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
        del self.buckets[given["Bucket"]]
        return {}
