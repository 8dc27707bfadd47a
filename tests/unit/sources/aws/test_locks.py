"""Lock files in the Parameter Store and in S3, against moto, and refusals of the services against fakes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.stub import Stubber
from moto import mock_aws

from image_pinner.core.deployed import NotKnown
from image_pinner.core.lock import LockFile
from image_pinner.core.lock_text import MAX_LOCK_BYTES
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.locks import AwsLockSource
from image_pinner.sources.interface import Deadline
from support.locks import entry, lock_data

REGION = "eu-west-1"
ACCOUNT = "123456789012"
LOCK = lock_data(entry())
SSM, S3 = "ssm:/images", "s3://locks/prod/images.lock.json"
DENIED = "User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: {} on resource: {}"


class OneClient:
    """A session whose only client is the one that was passed, or that raises."""

    def __init__(self, client: Any) -> None:
        self.made = client

    def client(self, *_: Any, **__: Any) -> Any:
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


class Raising:
    """A client whose operations all fail."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, _: str) -> Any:
        def fail(**__: Any) -> None:
            raise self.error

        return fail


def read(session: Any, location: str, account: str = ACCOUNT, seconds: float = 20) -> LockFile | NotKnown:
    source = AwsLockSource(AwsClients(lambda: session), REGION, lambda: "2026-02-01")
    return source.read_lock(location, account, Deadline.after(seconds))


def refused(session: Any, location: str, **more: Any) -> NotKnown:
    found = read(session, location, **more)
    assert isinstance(found, NotKnown)
    assert found.help
    assert "hunter2" not in str(found)
    return found


def error(code: str, message: str = "", operation: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws():
        ssm = boto3.client("ssm", region_name=REGION)
        ssm.put_parameter(Name="/images", Value="{}", Type="String")
        ssm.put_parameter(Name="/images", Value=LOCK.decode(), Type="String", Overwrite=True)
        ssm.put_parameter(Name="/secret", Value="hunter2", Type="SecureString")
        ssm.put_parameter(Name="/list", Value="hunter2,b", Type="StringList")
        ssm.put_parameter(Name="/password", Value="hunter2", Type="String")
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket="locks", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="locks", Key="prod/images.lock.json", Body=LOCK)
        s3.put_object(Bucket="locks", Key="password", Body=b"hunter2")
        yield boto3


@pytest.mark.parametrize(
    ("location", "cause"),
    [
        ("ssm:/secret", "ssm:/secret is a SecureString; a lock file is a parameter of type String"),
        ("ssm:/list", "ssm:/list is a StringList; a lock file is a parameter of type String"),
        ("ssm:/none", "ssm:/none does not exist in Parameter Store in eu-west-1"),
        ("s3://locks/none", "s3://locks/none does not exist in S3 in eu-west-1"),
        ("s3://none/x", "s3://none/x does not exist in S3 in eu-west-1"),
        ("ssm:/password", "ssm:/password version 1 is not a lock file: line 1 is not valid JSON"),
    ],
)
def test_what_is_not_a_lock_file_is_refused_without_its_content(aws: Any, location: str, cause: str) -> None:
    assert refused(aws, location).cause == cause


def test_an_object_that_is_not_a_lock_file_is_refused_without_its_content(aws: Any) -> None:
    assert "is not a lock file" in refused(aws, "s3://locks/password").cause


def test_a_bucket_needs_the_account_that_owns_it(aws: Any) -> None:
    assert "the account that must own the bucket" in refused(aws, S3, account="").cause


@pytest.mark.parametrize(
    ("location", "action", "resource"),
    [
        (SSM, "ssm:GetParameter", "arn:aws:ssm:eu-west-1:123456789012:parameter/images"),
        (S3, "s3:GetObject", "arn:aws:s3:::locks/prod/images.lock.json"),
        (S3, "kms:Decrypt", "arn:aws:kms:eu-west-1:123456789012:key/1"),
    ],
)
def test_a_denial_has_the_missing_action(location: str, action: str, resource: str) -> None:
    client = Raising(error("AccessDenied", DENIED.format(action, resource)))
    found = refused(OneClient(client), location)
    assert found.cause.startswith(f"{action} is denied on {resource}")
    assert found.help.startswith(f"allow {action} on it")


@pytest.mark.parametrize(("location", "action"), [(SSM, "ssm:GetParameter"), (S3, "s3:GetObject")])
def test_a_denial_without_details_has_the_action_too(location: str, action: str) -> None:
    found = refused(OneClient(Raising(error("AccessDenied", "Access Denied"))), location)
    assert found.cause == f"{action} is denied on {location}"


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (error("ExpiredToken"), "rejected the AWS credentials: they have expired"),
        (error("ThrottlingException"), "throttled the request"),
        (NoCredentialsError(), "there are no AWS credentials"),
    ],
)
@pytest.mark.parametrize("location", [SSM, S3])
def test_other_failures_are_explained(failure: Exception, cause: str, location: str) -> None:
    assert cause in refused(OneClient(Raising(failure)), location).cause


def test_a_client_that_cannot_be_made_is_explained() -> None:
    assert "there is no endpoint" in refused(OneClient(ValueError("Invalid endpoint")), SSM).cause


@pytest.mark.parametrize("location", [SSM, S3])
def test_nothing_is_known_after_the_deadline(location: str) -> None:
    assert "did not respond within" in refused(OneClient(Raising(error("x"))), location, seconds=0).cause


class Stream(io.BytesIO):
    """A stream that counts what is read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize("claimed", [1, MAX_LOCK_BYTES + 1])
def test_a_large_object_is_refused_and_read_no_further_than_the_limit(claimed: int) -> None:
    stream = Stream(b"x" * (MAX_LOCK_BYTES + 100))
    client = boto3.client("s3", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    request = {"Bucket": "locks", "Key": "prod/images.lock.json", "ExpectedBucketOwner": ACCOUNT}
    with Stubber(client) as stubber:
        stubber.add_response("get_object", {"Body": stream, "ContentLength": claimed, "ETag": '"e"'}, request)
        assert refused(OneClient(client), S3).cause == f"{S3} is larger than 4,194,304 bytes"
    assert stream.count <= MAX_LOCK_BYTES + 1


def test_a_lock_file_is_read_with_its_version(aws: Any) -> None:
    found = read(aws, SSM)
    assert isinstance(found, LockFile)
    assert (found.location, found.today, len(found.entries)) == ("ssm:/images version 2", "2026-02-01", 1)


def test_an_object_is_read_with_its_etag_or_version(aws: Any) -> None:
    found = read(aws, S3)
    assert isinstance(found, LockFile)
    s3 = boto3.client("s3", region_name=REGION)
    etag = s3.head_object(Bucket="locks", Key="prod/images.lock.json")["ETag"]
    assert found.location == f"{S3} ETag {etag.strip(chr(34))}"
    s3.put_bucket_versioning(Bucket="locks", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="locks", Key="prod/images.lock.json", Body=LOCK)["VersionId"]
    newer = read(aws, S3)
    assert isinstance(newer, LockFile)
    assert newer.location == f"{S3} version {version}"
