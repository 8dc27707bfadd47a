from __future__ import annotations

import pytest

from image_pinner.core.images.ecr import (
    PARTITIONS,
    EcrRegistry,
    EcrRepository,
    Partition,
    explain_invalid_ecr_host,
    parse_ecr_host,
)

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("111122223.dkr.ecr.us-east-1.amazonaws.com", "12 digits, got 9 digits"),
        ("1111222233334.dkr.ecr.us-east-1.amazonaws.com", "12 digits, got 13 digits"),
        ("my-account.dkr.ecr.us-east-1.amazonaws.com", "12 digits, got 'my-account'"),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com", "expected the suffix 'amazonaws.com.cn'"),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com.cn", "expected the suffix 'amazonaws.com'"),
        ("111122223333.dkr.ecr.us-iso-east-1.amazonaws.com", "expected the suffix 'c2s.ic.gov'"),
        (
            "111122223333.dkr.ecr.us-east-1.amazonaws.co",
            "expected the suffix 'amazonaws.com' for us-east-1, got 'amazonaws.co'",
        ),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.hacker.example", "expected the suffix 'amazonaws.com'"),
        ("111122223333.dkr.ecr.us-east-1.on.aws", "expected the suffix 'amazonaws.com' for us-east-1, got 'on.aws'"),
        ("111122223333.dkr-ecr.us-east-1.amazonaws.com", "expected the suffix 'on.aws'"),
        ("111122223333.dkr-ecr.cn-north-1.on.aws", "expected the suffix 'on.amazonwebservices.com.cn'"),
        ("111122223333.dkr.ecr.us-east.amazonaws.com", "'us-east' is not a valid region"),
        ("111122223333.dkr.ecr.amazonaws.com", "'amazonaws' is not a valid region"),
        ("111122223333.dkr.ecr.us-east-1", "expected the suffix 'amazonaws.com' for us-east-1, got ''"),
        ("111122223333.dkr.ecr", "the region is missing"),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com:5000", "port 443 only"),
        ("api.ecr.us-east-1.amazonaws.com", "is the host of ECR's API"),
        ("ecr.us-east-1.api.aws", "is the host of ECR's API"),
    ],
)
def test_an_invalid_ecr_host_is_refused_with_the_reason(host: str, reason: str) -> None:
    assert parse_ecr_host(host) is None
    assert reason in str(explain_invalid_ecr_host(host))
    assert host in str(explain_invalid_ecr_host(host))


@pytest.mark.parametrize(
    "host",
    [
        "public.ecr.aws",
        "ecr-public.aws.com",
        "docker.io",
        "ghcr.io",
        "localhost:5000",
        "[::1]:5000",
        "000000000000.dkr.ecr.us-east-1.localhost.localstack.cloud:4566",
        "111122223333.dkr.ecr.us-east-1.mirror.example.com",
        "dkr.ecr.example.com",
        "",
    ],
)
def test_other_registries_are_not_ecr(host: str) -> None:
    assert parse_ecr_host(host) is None
    assert explain_invalid_ecr_host(host) is None


REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-northwest-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.name)
@pytest.mark.parametrize("fips", [False, True])
def test_every_partition_has_its_suffix(partition: Partition, *, fips: bool) -> None:
    name, suffix = partition.name, partition.suffix
    host = f"{ACCOUNT}.dkr.ecr{'-fips' if fips else ''}.{REGIONS[name]}.{suffix}"
    assert parse_ecr_host(host) == EcrRegistry(ACCOUNT, REGIONS[name], fips, dual_stack=False, host=host)
    assert explain_invalid_ecr_host(host) is None


@pytest.mark.parametrize(
    ("host", "region", "fips"),
    [
        ("111122223333.dkr-ecr.eu-west-1.on.aws", "eu-west-1", False),
        ("111122223333.dkr-ecr-fips.us-west-2.on.aws", "us-west-2", True),
        ("111122223333.dkr-ecr-fips.us-gov-east-1.on.aws", "us-gov-east-1", True),
        ("111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", False),
        ("111122223333.dkr-ecr.us-isob-east-1.on.aws.scloud", "us-isob-east-1", False),
    ],
)
def test_dual_stack_hosts(host: str, region: str, *, fips: bool) -> None:
    assert parse_ecr_host(host) == EcrRegistry(ACCOUNT, region, fips, dual_stack=True, host=host)


def test_a_host_keeps_its_spelling_and_its_port() -> None:
    for host in ("111122223333.DKR.ECR.US-EAST-1.amazonaws.com", "111122223333.dkr.ecr.us-east-1.amazonaws.com:443"):
        registry = parse_ecr_host(host)
        assert registry is not None
        assert (registry.host, registry.region) == (host, "us-east-1")


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("us-east-1", "arn:aws:ecr:us-east-1:111122223333:repository/team/app"),
        ("cn-north-1", "arn:aws-cn:ecr:cn-north-1:111122223333:repository/team/app"),
        ("us-gov-west-1", "arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/team/app"),
    ],
)
def test_a_repository_has_the_arn_of_its_partition(region: str, arn: str) -> None:
    repository = EcrRepository(ACCOUNT, region, "team/app")
    assert repository.arn == arn
    assert str(repository) == f"the ECR repository 'team/app' in {region} of account 111122223333"
