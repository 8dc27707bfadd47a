"""`image-pinner lock publish`: what is not overwritten, and what the macro reads afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from image_pinner.cli.console import Dependencies
from image_pinner.cli.deployment.session import AwsEnvironment
from image_pinner.core.lock import LockFile
from image_pinner.core.lock_text import parse_lock
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.locks import AwsLockSource
from image_pinner.sources.interface import Deadline
from support.command import Run, run_main
from support.images import digest_of
from support.locks import HELD, NGINX, entry, lock_data

REGION = "eu-west-1"
ACCOUNT = "123456789012"
BEFORE = entry(resolved_at="2026-01-01T00:00:00Z", digest=str(digest_of("1")))
AFTER = entry(resolved_at="2026-02-01T00:00:00Z", digest=str(digest_of("2")))
LATER = entry("docker.io/library/later:1", resolved_at="2026-03-01T00:00:00Z")
HELD_TODAY = HELD | {"until": "9999-12-31"}
OLD, NEW = lock_data(BEFORE), lock_data(AFTER)
SSM, S3 = ("--ssm", "/images"), ("--s3", "locks/prod/images.lock.json")
TARGETS = pytest.mark.parametrize("target", [SSM, S3], ids=["ssm", "s3"])


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name=REGION)
        session.client("s3").create_bucket(Bucket="locks", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield AwsClients(lambda: session)


class Publisher:
    """Publishes lock files, and reads what the macro would read."""

    def __init__(self, clients: AwsClients, folder: Path) -> None:
        self.clients = clients
        self.folder = folder

    def publish(self, lock: bytes, *options: str, region: str = REGION) -> Run:
        path = self.folder / "images.lock.json"
        path.write_bytes(lock)
        environment = AwsEnvironment(self.clients, region)
        return run_main(["lock", "publish", str(path), *options], Dependencies(aws=environment))

    def client(self, service: str) -> Any:
        return self.clients.client(service, REGION)

    def read(self, target: tuple[str, str]) -> LockFile:
        location = f"ssm:{target[1]}" if target == SSM else f"s3://{target[1]}"
        found = AwsLockSource(self.clients, REGION).read_lock(location, ACCOUNT, Deadline.after(20))
        assert isinstance(found, LockFile), found
        return found

    def overwrite(self, target: tuple[str, str], data: bytes) -> None:
        """Write without the command."""
        if target == SSM:
            self.client("ssm").put_parameter(Name="/images", Value=data.decode(), Type="String", Overwrite=True)
        else:
            self.client("s3").put_object(Bucket="locks", Key="prod/images.lock.json", Body=data)


@pytest.fixture
def publisher(aws: AwsClients, tmp_path: Path) -> Publisher:
    return Publisher(aws, tmp_path)


def entries(data: bytes) -> Any:
    return parse_lock(data, "", "").entries


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "pass either --ssm or --s3"),
        ((*SSM, *S3), "pass either --ssm or --s3"),
        (("--ssm", "images"), "--ssm 'images' is not a valid location\nhelp: write /name"),
        (("--s3", "locks"), "--s3 'locks' is not a valid location\nhelp: write bucket/key"),
        ((*SSM, "--sse-kms-key", "alias/x"), "--sse-kms-key requires --s3"),
    ],
)
def test_wrong_options_are_refused(options: tuple[str, ...], message: str, publisher: Publisher) -> None:
    run = publisher.publish(NEW, *options)
    assert (run.code, run.out) == (2, b"")
    assert message in run.err


def test_the_region_must_be_known(publisher: Publisher) -> None:
    assert "AWS region is unknown" in publisher.publish(NEW, *SSM, region="").err


@TARGETS
def test_a_file_that_is_not_a_lock_file_is_not_published(target: tuple[str, str], publisher: Publisher) -> None:
    run = publisher.publish(b"hunter2", *target)
    assert run.code == 2
    assert "is not a lock file" in run.err
    assert "hunter2" not in run.err


def test_a_lock_file_that_is_too_large_for_a_parameter_is_refused_with_its_size(publisher: Publisher) -> None:
    large = lock_data(*(entry(f"docker.io/library/app{number}:1") for number in range(100)))
    run = publisher.publish(large, *SSM)
    assert run.code == 2
    assert " bytes; a parameter has at most 8,192\nhelp: publish it with --s3 BUCKET/KEY" in run.err
    assert publisher.publish(large, *S3).code == 0


@TARGETS
@pytest.mark.parametrize(
    ("published", "ours", "loss"),
    [
        ([AFTER], [BEFORE], f"{NGINX} is of 2026-02-01T00:00:00Z, ours of 2026-01-01T00:00:00Z"),
        ([AFTER], [BEFORE, LATER], f"{NGINX} is of 2026-02-01T00:00:00Z, ours of 2026-01-01T00:00:00Z"),
        ([AFTER, LATER], [AFTER], "docker.io/library/later:1 is of 2026-03-01T00:00:00Z, and ours has no entry"),
        ([AFTER], [], f"{NGINX} is of 2026-02-01T00:00:00Z, and ours has no entry"),
        ([BEFORE | HELD_TODAY], [BEFORE], f"{NGINX} is held until 9999-12-31"),
        ([BEFORE | HELD_TODAY], [AFTER], f"{NGINX} is held until 9999-12-31"),
        (
            [BEFORE | HELD_TODAY, AFTER | {"image": "docker.io/library/b:1"}],
            [LATER],
            f"{NGINX} is held until 9999-12-31",
        ),
    ],
)
def test_newer_digests_and_holds_are_not_overwritten_without_force(
    target: tuple[str, str], published: list[Any], ours: list[Any], loss: str, publisher: Publisher
) -> None:
    assert publisher.publish(lock_data(*published), *target).code == 0

    run = publisher.publish(lock_data(*ours), *target)

    assert run.code == 2
    assert f"would lose newer digests or holds: {loss}\nhelp: merge them, or pass --force to overwrite them" in run.err
    assert publisher.read(target).entries == entries(lock_data(*published))
    assert publisher.publish(lock_data(*ours), *target, "--force").code == 0
    assert publisher.read(target).entries == entries(lock_data(*ours))


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        ([BEFORE | HELD], [AFTER]),
        ([AFTER], [BEFORE | {"digest": AFTER["digest"]}]),
        ([AFTER], [LATER]),
        ([BEFORE | HELD_TODAY], [AFTER | HELD_TODAY]),
        ([AFTER], [AFTER | HELD_TODAY]),
    ],
    ids=["expired hold", "same digest", "unused entry", "update of a hold", "new hold"],
)
def test_other_changes_are_published(published: list[Any], ours: list[Any], publisher: Publisher) -> None:
    assert publisher.publish(lock_data(*published), *SSM).code == 0
    assert publisher.publish(lock_data(*ours), *SSM).code == 0
    assert publisher.read(SSM).entries == entries(lock_data(*ours))


@TARGETS
def test_what_is_not_a_lock_file_is_not_overwritten_without_force(
    target: tuple[str, str], publisher: Publisher
) -> None:
    publisher.overwrite(target, b"hunter2")
    run = publisher.publish(NEW, *target)
    assert run.code == 2
    assert "cannot overwrite" in run.err
    assert "hunter2" not in run.err
    assert publisher.publish(NEW, *target, "--force").code == 0


def test_a_secret_is_never_overwritten(publisher: Publisher) -> None:
    publisher.client("ssm").put_parameter(Name="/images", Value="hunter2", Type="SecureString")
    run = publisher.publish(NEW, *SSM, "--force")
    assert run.code == 2
    assert "is a parameter of type SecureString" in run.err


class Racing:
    """Clients with which another lock file is published between reading and writing."""

    def __init__(self, publisher: Publisher, operation: str, race: Callable[[], None]) -> None:
        self.publisher, self.operation, self.race = publisher, operation, race

    def client(self, service: str, region: str) -> Any:
        client = self.publisher.clients.client(service, region)
        racing = self

        class Client:
            def __getattr__(self, name: str) -> Any:
                if name == racing.operation:
                    racing.race()
                return getattr(client, name)

        return Client()


@TARGETS
@pytest.mark.parametrize("existed", [False, True])
def test_a_concurrent_change_is_an_error(
    target: tuple[str, str],
    existed: bool,  # noqa: FBT001 - parametrized
    publisher: Publisher,
    tmp_path: Path,
) -> None:
    if existed:
        publisher.overwrite(target, OLD)
    other = lock_data(entry("docker.io/library/other:1"))
    operation = "put_parameter" if target == SSM else "put_object"
    racing = Racing(publisher, operation, lambda: publisher.overwrite(target, other))
    (tmp_path / "images.lock.json").write_bytes(NEW)
    arguments = ["lock", "publish", str(tmp_path / "images.lock.json"), *target]

    run = run_main(arguments, Dependencies(aws=AwsEnvironment(racing, REGION)))

    assert run.code == 3, run.err
    if target == SSM and existed:
        # The command would only find its own lock file again.
        assert "and this lock file has overwritten that change\nhelp: publish the lock file that has" in run.err
    else:
        assert "was changed at the same time\nhelp: run the command again" in run.err


class Denying:
    """Clients that deny everything."""

    def client(self, service: str, region: str) -> Any:
        del service, region

        class Client:
            def __getattr__(self, _: str) -> Any:
                def fail(**__: Any) -> None:
                    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "x")

                return fail

        return Client()


def test_a_denied_request_has_its_action(tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_bytes(NEW)
    run = run_main(
        ["lock", "publish", str(tmp_path / "lock.json"), *SSM], Dependencies(aws=AwsEnvironment(Denying(), REGION))
    )
    assert run.code == 3
    assert "ssm:GetParameter" in run.err


@TARGETS
def test_the_macro_reads_what_was_published_and_the_same_content_is_not_written_again(
    target: tuple[str, str], publisher: Publisher
) -> None:
    assert publisher.publish(OLD, *target).code == 0
    assert publisher.publish(NEW, *target).code == 0
    before = publisher.read(target)

    again = publisher.publish(NEW, *target)

    assert (again.code, again.out) == (0, b"")
    assert "already has this lock file" in again.err
    assert before.entries == entries(NEW)
    assert publisher.read(target).location == before.location


def test_an_object_is_encrypted_with_the_key_of_the_option(publisher: Publisher) -> None:
    assert publisher.publish(NEW, *S3, "--sse-kms-key", "alias/locks").code == 0
    found = publisher.client("s3").head_object(Bucket="locks", Key="prod/images.lock.json")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/locks")
