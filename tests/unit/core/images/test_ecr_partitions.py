from __future__ import annotations

import pytest

from image_pinner.core.images.ecr import PARTITIONS, partition_of


@pytest.mark.parametrize(
    "region", ["", "us-east", "us-east-1a", "US-EAST-1", "mars", "us-east-1\n", "us-gov-1-", "x" * 50]
)
def test_an_invalid_region_has_no_partition(region: str) -> None:
    assert partition_of(region) is None


@pytest.mark.parametrize(
    ("region", "name", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("ap-southeast-5", "aws", "amazonaws.com"),
        ("mx-central-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ],
)
def test_the_partition_of_a_region(region: str, name: str, suffix: str) -> None:
    found = partition_of(region)
    assert found is not None
    assert (found.name, found.suffix) == (name, suffix)


def test_partition_names_are_unique() -> None:
    assert len({partition.name for partition in PARTITIONS}) == len(PARTITIONS)
