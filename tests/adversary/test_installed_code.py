"""Attempts to install other code than this project's: in the environment, in the zip, in the bucket and in Lambda."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.deployment.install import install
from image_pinner.core.errors import SourceError
from support.deployment.command import package, run
from support.deployment.fake_organization import FakeOrganization
from support.deployment.fake_s3 import FakeBucket
from support.deployment.scene import BUCKET, REGION, Scene, code, for_organization, request, template
from support.project import ROOT

PATCH = b"\nSTOLEN = []\n"


@pytest.fixture
def aws() -> Scene:
    return Scene()


def _record_hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _patched_urllib3(folder: Path) -> Path:
    """Copy urllib3 and change a module; its version stays that of the lock, and its RECORD fits the change."""
    installed = metadata.distribution("urllib3")
    site = Path(str(installed.locate_file("")))
    information = site / f"urllib3-{installed.version}.dist-info"
    for source in (site / "urllib3", information):
        shutil.copytree(source, folder / source.name)
    module, record = folder / "urllib3" / "poolmanager.py", folder / information.name / "RECORD"
    before = module.read_bytes()
    module.write_bytes(before + PATCH)
    text = record.read_text("utf-8")
    assert _record_hash(before) in text
    record.write_text(text.replace(_record_hash(before), _record_hash(before + PATCH)), "utf-8")
    return folder


def test_a_library_that_was_changed_with_its_record_is_not_packed(tmp_path: Path) -> None:
    changed = _patched_urllib3(tmp_path / "site")
    built = subprocess.run(
        [sys.executable, "-B", ROOT / "tools" / "build_package", "--output", tmp_path / "dist", "--no-compile"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(changed)},
    )
    assert built.returncode == 2
    assert "are not those of the locked wheel" in built.stderr
    assert not (tmp_path / "dist").exists()


def test_a_zip_with_another_library_is_not_uploaded(aws: Scene, tmp_path: Path) -> None:
    path = Path(package(tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("urllib3/poolmanager.py", PATCH)
    about = path.with_suffix(".json")
    content = json.loads(about.read_text("utf-8")) | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    for manifest in (about.read_text("utf-8"), json.dumps(content)):
        about.write_text(manifest, "utf-8")
        refused = run(aws, "install", "--yes", "--package", str(path))
        assert refused.code == 2
        assert "the function's zip is damaged" in refused.err
    assert (aws.s3.requests, aws.regions) == ([], {})


def test_an_object_that_is_replaced_between_upload_and_deployment_is_not_loaded(aws: Scene) -> None:
    put = FakeBucket.put

    def put_and_replace(bucket: FakeBucket, key: str, data: bytes, checksum: str | None = None) -> str:
        version = put(bucket, key, data, checksum)
        put(bucket, key, b"replaced")
        return version

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FakeBucket, "put", put_and_replace)
        install(aws.session, REGION, request())

    assert [data for _, data, _ in aws.s3.buckets[BUCKET].objects[code().key]] == [b"zip", b"replaced"]
    version = aws.client("lambda", REGION).get_function_configuration(
        FunctionName="image-pinner-Function-1", Qualifier="1"
    )
    assert version["CodeSha256"] == code().checksum


def test_a_replaced_object_in_a_bucket_without_versions_is_reported(aws: Scene) -> None:
    aws.s3.buckets["mine"] = FakeBucket(REGION)
    put = FakeBucket.put

    def replace(bucket: FakeBucket, key: str, data: bytes, checksum: str | None = None) -> str:  # noqa: ARG001 - see put
        return put(bucket, key, b"replaced")

    # CloudFormation would fail by CodeSha256; if it did not, the hash that Lambda reports would differ.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FakeBucket, "put", replace)
        with pytest.raises(SourceError, match="does not have the code of this package"):
            install(aws.session, REGION, request(bucket="mine"))
    assert aws.cloud.live("image-pinner").parameters["CodeSha256"] == code().checksum


def test_other_code_that_lambda_reports_is_an_error(aws: Scene) -> None:
    def other(_operation: str, _given: Mapping[str, Any]) -> dict[str, Any]:
        return {"CodeSha256": code(b"other").checksum}

    aws.answers["lambda"] = other
    with pytest.raises(SourceError) as caught:
        install(aws.session, REGION, request())
    assert caught.value.cause == (
        f"version 1 of function image-pinner-Function-1 in {REGION} does not have the code of this package: Lambda"
        f" reports SHA-256 {code(b'other').checksum}, the package has {code().checksum}"
    )


def test_another_template_of_a_stack_set_is_an_error(aws: Scene) -> None:
    aws.answers["organizations"] = FakeOrganization().answer
    aws.cloud.stack_set_template = template().text.replace("sts:AssumeRole", "sts:*")
    targets = {"OrganizationalUnitIds": "ou-abcd-12345678"}

    with pytest.raises(SourceError, match="does not have the template of this version"):
        install(aws.session, REGION, request(organization=for_organization(), parameters=targets))


def test_a_bucket_that_a_policy_of_its_own_made_public_is_closed(aws: Scene) -> None:
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    aws.s3.buckets[BUCKET] = FakeBucket(REGION, policy=json.dumps({"Version": "2012-10-17", "Statement": [public]}))

    install(aws.session, REGION, request())

    bucket = aws.s3.buckets[BUCKET]
    assert set(bucket.settings["PutPublicAccessBlock"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert json.loads(bucket.policy)["Statement"][0] == public
    assert bucket.keeps_versions
