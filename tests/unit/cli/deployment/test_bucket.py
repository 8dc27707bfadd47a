"""The bucket with the code: who may read it, and that existing settings are kept."""

from __future__ import annotations

import json

import pytest

from image_pinner.cli.deployment.aws import AwsApi, AwsApiError
from image_pinner.cli.deployment.bucket import (
    BucketObject,
    find_bucket,
    find_uploaded_version,
    list_missing_protections,
    merge_statements,
    organization_statement,
    prepare_bucket,
    tls_statement,
    upload,
)
from support.deployment.fake_clients import Refusal
from support.deployment.fake_s3 import FakeBucket
from support.deployment.scene import BUCKET, REGION, Scene, code

TLS = tls_statement("aws-cn", "b")
THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "x"}


def _prepare(aws: Scene, named: str = "", organization: str = "", region: str = REGION) -> None:
    api = AwsApi(aws)
    prepare_bucket(api, find_bucket(api, api.identify(region), region, named), organization)


def _missing(aws: Scene) -> list[str]:
    api = AwsApi(aws)
    return [one.name for one in list_missing_protections(api, find_bucket(api, api.identify(REGION), REGION))]


def test_statements_of_others_stay_in_a_policy() -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": THEIRS})
    assert json.loads(merge_statements(policy, [TLS]))["Statement"] == [THEIRS, TLS]


def test_a_policy_with_all_statements_is_returned_unchanged() -> None:
    policy = json.dumps({"Statement": [TLS, THEIRS]}, indent=3)
    assert merge_statements(policy, [TLS]) == policy


def test_an_older_statement_of_ours_is_replaced() -> None:
    old = merge_statements("", [organization_statement("aws", "b", "o-old")])
    new = json.loads(merge_statements(old, [organization_statement("aws", "b", "o-new")]))["Statement"]
    assert [one["Condition"]["StringEquals"]["aws:PrincipalOrgID"] for one in new] == ["o-new"]


def test_arns_have_the_partition() -> None:
    assert TLS["Resource"] == ["arn:aws-cn:s3:::b", "arn:aws-cn:s3:::b/*"]


def test_settings_of_a_bucket_that_the_user_named_are_not_changed(aws: Scene) -> None:
    aws.s3.buckets["mine"] = FakeBucket(REGION)
    _prepare(aws, "mine", "o-1")
    assert (aws.s3.buckets["mine"].settings, aws.s3.buckets["mine"].policy) == ({}, "")


def test_a_created_bucket_is_protected(aws: Scene) -> None:
    _prepare(aws)
    settings = aws.s3.buckets[BUCKET].settings
    assert set(settings) == {"PutBucketEncryption", "PutBucketPolicy", "PutBucketVersioning", "PutPublicAccessBlock"}
    assert set(settings["PutPublicAccessBlock"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert settings["PutBucketVersioning"]["VersioningConfiguration"] == {"Status": "Enabled"}


def test_a_bucket_in_us_east_1_is_created_without_location(aws: Scene) -> None:
    _prepare(aws, region="us-east-1")
    assert next(iter(aws.s3.buckets.values())).region == "us-east-1"


def test_a_bucket_whose_creation_was_interrupted_is_completed(aws: Scene) -> None:
    aws.s3.buckets[BUCKET] = FakeBucket(REGION)
    _prepare(aws)
    assert "PutPublicAccessBlock" in aws.s3.buckets[BUCKET].settings


def test_a_complete_bucket_is_not_changed(aws: Scene) -> None:
    _prepare(aws)
    aws.s3.requests.clear()
    _prepare(aws)
    assert [name for name in aws.s3.requests if not name.startswith(("Get", "Head"))] == []


def test_a_bucket_with_a_policy_of_its_own_is_protected_too(aws: Scene) -> None:
    aws.s3.buckets[BUCKET] = FakeBucket(REGION, policy=json.dumps({"Version": "2012-10-17", "Statement": [THEIRS]}))
    _prepare(aws)
    bucket = aws.s3.buckets[BUCKET]
    assert {"PutBucketEncryption", "PutBucketVersioning", "PutPublicAccessBlock"} < set(bucket.settings)
    assert json.loads(bucket.policy)["Statement"][0] == THEIRS


@pytest.mark.parametrize("operation", ["PutPublicAccessBlock", "PutBucketEncryption", "PutBucketVersioning"])
def test_only_what_is_missing_is_applied(aws: Scene, operation: str) -> None:
    _prepare(aws)
    del aws.s3.buckets[BUCKET].settings[operation]
    aws.s3.requests.clear()
    _prepare(aws)
    assert [name for name in aws.s3.requests if name.startswith("Put")] == [operation]


def test_a_partial_access_block_and_suspended_versioning_count_as_missing(aws: Scene) -> None:
    _prepare(aws)
    settings = aws.s3.buckets[BUCKET].settings
    settings["PutPublicAccessBlock"]["PublicAccessBlockConfiguration"] = {"BlockPublicAcls": True}
    settings["PutBucketVersioning"]["VersioningConfiguration"] = {"Status": "Suspended"}
    assert _missing(aws) == ["public access block", "versioning"]
    _prepare(aws)
    assert _missing(aws) == []


def test_an_encryption_with_a_key_of_the_owner_is_kept(aws: Scene) -> None:
    _prepare(aws)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "theirs"}}
    encryption = {"Rules": [rule]}
    aws.s3.buckets[BUCKET].settings["PutBucketEncryption"]["ServerSideEncryptionConfiguration"] = encryption
    _prepare(aws)
    kept = aws.s3.buckets[BUCKET].settings["PutBucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert kept == encryption


def test_a_protection_that_cannot_be_read_is_not_taken_for_missing(aws: Scene) -> None:
    _prepare(aws)
    aws.s3.refusals["GetBucketVersioning"] = Refusal("AccessDenied", "Access Denied", 403)
    with pytest.raises(AwsApiError, match="is not allowed to call s3:GetBucketVersioning"):
        _prepare(aws)


def test_an_organization_may_read_only_the_code(aws: Scene) -> None:
    _prepare(aws, organization="o-1")
    allowed = [one for one in json.loads(aws.s3.buckets[BUCKET].policy)["Statement"] if one["Effect"] == "Allow"]
    assert [(one["Action"], one["Resource"]) for one in allowed] == [
        ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/image-pinner/*")
    ]
    assert allowed[0]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}


@pytest.mark.parametrize("checksum", [None, "right"])
def test_a_file_is_uploaded_once(aws: Scene, checksum: str | None) -> None:
    _prepare(aws)
    api = AwsApi(aws)
    bucket = find_bucket(api, api.identify(REGION), REGION)
    file = BucketObject(code().key, code().data, "application/zip")
    assert find_uploaded_version(api, bucket, file) is None

    if checksum is None:
        # A copy by another tool has no checksum, so its bytes are unknown.
        aws.s3.buckets[BUCKET].put(file.key, b"zip")
        assert find_uploaded_version(api, bucket, file) is None
    version = upload(api, bucket, file)
    assert version == aws.s3.buckets[BUCKET].objects[file.key][-1][0]
    assert find_uploaded_version(api, bucket, file) == version


def test_a_file_in_a_bucket_without_versioning_has_no_version(aws: Scene) -> None:
    aws.s3.buckets["mine"] = FakeBucket(REGION)
    api = AwsApi(aws)
    bucket = find_bucket(api, api.identify(REGION), REGION, "mine")
    file = BucketObject(code().key, code().data, "application/zip")
    assert (upload(api, bucket, file), find_uploaded_version(api, bucket, file)) == ("", "")
