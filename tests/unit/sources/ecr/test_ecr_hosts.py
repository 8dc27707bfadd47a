"""Each form of host selects the client of its region and kind, and the registry of its account."""

from __future__ import annotations

import boto3
import pytest

from image_pinner.core.images.lookups import Resolved
from image_pinner.sources.aws.clients import AwsClients
from support.aws import FakeEcr, ecr_lookup, image, resolve, resolve_all

ACCOUNT, OTHER = "444455556666", "777788889999"


@pytest.mark.parametrize(
    ("host", "region", "fips", "dual_stack", "endpoint"),
    [
        (".dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", None, None, "api.ecr.eu-west-1.amazonaws.com"),
        (".dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", True, None, "ecr-fips.us-east-1.amazonaws.com"),
        (".dkr-ecr.us-east-1.on.aws", "us-east-1", None, True, "ecr.us-east-1.api.aws"),
        (".dkr-ecr-fips.us-west-2.on.aws", "us-west-2", True, True, "ecr-fips.us-west-2.api.aws"),
        (".dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", None, None, "api.ecr.cn-north-1.amazonaws.com.cn"),
        (
            ".dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
            "cn-northwest-1",
            None,
            True,
            "ecr.cn-northwest-1.api.amazonwebservices.com.cn",
        ),
        (".dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", None, None, "api.ecr.us-gov-west-1.amazonaws.com"),
        (
            ".dkr.ecr-fips.us-gov-east-1.amazonaws.com",
            "us-gov-east-1",
            True,
            None,
            "ecr-fips.us-gov-east-1.amazonaws.com",
        ),
        (".dkr-ecr-fips.us-gov-west-1.on.aws", "us-gov-west-1", True, True, "ecr-fips.us-gov-west-1.api.aws"),
        (".dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", None, None, "api.ecr.us-iso-east-1.c2s.ic.gov"),
        (".dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", None, None, "api.ecr.us-isob-east-1.sc2s.sgov.gov"),
        (
            ".dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
            "eu-isoe-west-1",
            None,
            None,
            "api.ecr.eu-isoe-west-1.cloud.adc-e.uk",
        ),
        (
            ".dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
            "us-isof-south-1",
            None,
            None,
            "api.ecr.us-isof-south-1.csp.hci.ic.gov",
        ),
        (".dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", None, None, "api.ecr.eusc-de-east-1.amazonaws.eu"),
        (".DKR.ecr.EU-west-1.amazonaws.com:443", "eu-west-1", None, None, "api.ecr.eu-west-1.amazonaws.com"),
    ],
)
def test_a_host_determines_region_kind_of_endpoint_and_account(
    host: str, region: str, endpoint: str, *, fips: bool | None, dual_stack: bool | None
) -> None:
    ecr = FakeEcr({"team/app": {"1": image("app")}})
    assert isinstance(resolve(ecr, f"{ACCOUNT}{host}/team/app:1"), Resolved)
    ((_, request),) = ecr.calls
    assert request["registryId"] == ACCOUNT
    (made,) = ecr.clients
    config = made["config"]
    assert (made["region_name"], config.use_fips_endpoint, config.use_dualstack_endpoint) == (region, fips, dual_stack)
    client = AwsClients(boto3.Session).client("ecr", region, fips=bool(fips), dual_stack=bool(dual_stack))
    assert client.meta.endpoint_url == f"https://{endpoint}"


def test_each_kind_of_host_of_a_registry_has_its_own_requests() -> None:
    ecr = FakeEcr({"team/app": {"1": image("app")}})
    forms = (".dkr.ecr.us-east-1.amazonaws.com", ".dkr.ecr-fips.us-east-1.amazonaws.com", ".dkr-ecr.us-east-1.on.aws")
    answers = resolve_all(
        ecr, [ecr_lookup(f"{account}{form}/team/app:1") for account in (ACCOUNT, OTHER) for form in forms]
    )
    assert all(isinstance(answer, Resolved) for answer in answers)
    kinds = [(made["config"].use_fips_endpoint, made["config"].use_dualstack_endpoint) for made in ecr.clients]
    assert kinds == [(None, None), (True, None), (None, True)]
    assert sorted(request["registryId"] for _, request in ecr.calls) == [ACCOUNT] * 3 + [OTHER] * 3
