"""The option `Lock` of the macro: the lock file is read from AWS, and no registry is requested."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws

from image_pinner.assembly import AwsResolvers
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.fragments import read_fragment
from image_pinner.pinning import PinResult, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline
from support.locks import DIGEST, entry, lock_data
from support.templates import image_in, problems_of, template_of

REGION = "eu-west-1"


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


def pin_with_lock(image: str, location: str) -> tuple[PinResult, dict[str, Any]]:
    """Pin a template; return the result, and the requests to AWS."""
    template = template_of(image)
    fragment = read_fragment(template, {"Lock": location})
    scope = Scope.of_template(template, {}, region=REGION, account_id="123456789012")
    factory = AwsResolvers()
    resolvers = factory(Settings(), REGION)
    result = pin_template(fragment, scope, Settings(), lambda _: resolvers, Deadline.after(20))
    return result, dict(factory.call_stats.snapshot().attempts)


@mock_aws
@pytest.mark.usefixtures("_credentials")
def test_a_lock_file_that_does_not_exist_fails_the_template() -> None:
    result, _ = pin_with_lock("!PinDigest nginx:1.27", "ssm:/none")
    cause = "cannot read the lock file: ssm:/none does not exist in Parameter Store in eu-west-1"
    assert problems_of(result) == [("Transform", cause)]


@mock_aws
@pytest.mark.usefixtures("_credentials")
def test_digests_come_from_the_parameter_and_the_report_has_its_version() -> None:
    boto3.client("ssm", region_name=REGION).put_parameter(
        Name="/images", Value=lock_data(entry()).decode(), Type="String"
    )

    result, requests = pin_with_lock("!PinDigest nginx:1.27", "ssm:/images")

    assert image_in(result.answer) == f"nginx@{DIGEST}"
    (image,) = result.report.to_json()["images"]
    assert (image["decision"], image["request"]) == ("locked", "ssm:/images version 1")
    assert list(requests) == ["ssm:GetParameter"]
