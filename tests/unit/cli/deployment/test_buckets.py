"""The bucket with the code: who may read it, and that what is there stays."""

from __future__ import annotations

import json

import pytest

from image_pinner.cli.deployment.aws_access import Asker
from image_pinner.cli.deployment.bucket_policy import readable_in, tls_only, with_statements
from image_pinner.cli.deployment.buckets import find_bucket, make_ready
from image_pinner.cli.deployment.identity import who_asks
from image_pinner.cli.deployment.uploads import is_uploaded, upload
from unit.cli.deployment.fake_s3 import FakeBucket
from unit.cli.deployment.installations import BUCKET, REGION, Scene, code

TLS = tls_only("aws-cn", "b")
THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "x"}


def _ready(aws: Scene, named: str = "", organization: str = "", region: str = REGION) -> None:
    asker = Asker(aws)
    make_ready(asker, find_bucket(asker, who_asks(asker, region), region, named), organization)


def test_statements_of_others_stay_in_a_policy() -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": THEIRS})
    assert json.loads(with_statements(policy, [TLS]))["Statement"] == [THEIRS, TLS]


def test_a_policy_that_has_all_stays_the_same_text() -> None:
    policy = json.dumps({"Statement": [TLS, THEIRS]}, indent=3)
    assert with_statements(policy, [TLS]) == policy


def test_an_older_statement_of_ours_is_replaced() -> None:
    old = with_statements("", [readable_in("aws", "b", "o-old")])
    new = json.loads(with_statements(old, [readable_in("aws", "b", "o-new")]))["Statement"]
    assert [one["Condition"]["StringEquals"]["aws:PrincipalOrgID"] for one in new] == ["o-new"]


def test_arns_are_of_the_partition() -> None:
    assert TLS["Resource"] == ["arn:aws-cn:s3:::b", "arn:aws-cn:s3:::b/*"]


def test_a_bucket_of_the_users_is_left_as_it_is(aws: Scene) -> None:
    aws.s3.buckets["mine"] = FakeBucket(REGION)
    _ready(aws, "mine", "o-1")
    assert (aws.s3.buckets["mine"].settings, aws.s3.buckets["mine"].policy) == ({}, "")


def test_a_bucket_is_made_protected(aws: Scene) -> None:
    _ready(aws)
    settings = aws.s3.buckets[BUCKET].settings
    assert set(settings) == {"PutBucketEncryption", "PutBucketPolicy", "PutBucketVersioning", "PutPublicAccessBlock"}
    assert set(settings["PutPublicAccessBlock"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert settings["PutBucketVersioning"]["VersioningConfiguration"] == {"Status": "Enabled"}


def test_the_region_without_a_location_is_asked_without_one(aws: Scene) -> None:
    _ready(aws, region="us-east-1")
    assert next(iter(aws.s3.buckets.values())).region == "us-east-1"


def test_a_bucket_that_was_left_half_made_is_completed(aws: Scene) -> None:
    aws.s3.buckets[BUCKET] = FakeBucket(REGION)
    _ready(aws)
    assert "PutPublicAccessBlock" in aws.s3.buckets[BUCKET].settings


def test_a_complete_bucket_is_not_changed(aws: Scene) -> None:
    _ready(aws)
    aws.s3.asked.clear()
    _ready(aws)
    assert aws.s3.asked == ["HeadBucket", "GetBucketPolicy"]


def test_an_organization_may_read_nothing_but_the_code(aws: Scene) -> None:
    _ready(aws, organization="o-1")
    allowed = [one for one in json.loads(aws.s3.buckets[BUCKET].policy)["Statement"] if one["Effect"] == "Allow"]
    assert [(one["Action"], one["Resource"]) for one in allowed] == [
        ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/image-pinner/*")
    ]
    assert allowed[0]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}


@pytest.mark.parametrize("checksum", [None, "right"])
def test_code_is_uploaded_once(aws: Scene, checksum: str | None) -> None:
    _ready(aws)
    asker = Asker(aws)
    bucket = find_bucket(asker, who_asks(asker, REGION), REGION)
    assert not is_uploaded(asker, bucket, code())

    if checksum is None:
        # Somebody copied it there by another tool: that says nothing about its bytes.
        aws.s3.buckets[BUCKET].put(code().key, b"zip")
        assert not is_uploaded(asker, bucket, code())
    upload(asker, bucket, code())
    assert is_uploaded(asker, bucket, code())
