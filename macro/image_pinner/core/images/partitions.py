"""AWS partitions: which DNS suffix belongs to a region.

From botocore's partitions.json of November 2026:
https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Partition(NamedTuple):
    """A partition of AWS.

    Args:
        name: The name in ARNs, and the value of `AWS::Partition`.
        suffix: The DNS suffix of its services, and the value of `AWS::URLSuffix`.
        regions: What the names of its regions look like.
    """

    name: str
    suffix: str
    regions: re.Pattern[str]


PARTITIONS = (
    Partition("aws-cn", "amazonaws.com.cn", re.compile(r"cn-\w+-\d+", re.ASCII)),
    Partition("aws-us-gov", "amazonaws.com", re.compile(r"us-gov-\w+-\d+", re.ASCII)),
    Partition("aws-iso", "c2s.ic.gov", re.compile(r"us-iso-\w+-\d+", re.ASCII)),
    Partition("aws-iso-b", "sc2s.sgov.gov", re.compile(r"us-isob-\w+-\d+", re.ASCII)),
    Partition("aws-iso-e", "cloud.adc-e.uk", re.compile(r"eu-isoe-\w+-\d+", re.ASCII)),
    Partition("aws-iso-f", "csp.hci.ic.gov", re.compile(r"us-isof-\w+-\d+", re.ASCII)),
    Partition("aws-eusc", "amazonaws.eu", re.compile(r"eusc-\w+-\w+-\d+", re.ASCII)),
    Partition("aws", "amazonaws.com", re.compile(r"[a-z]{2}-\w+-\d+", re.ASCII)),
)


@lru_cache(maxsize=64)
def partition_of(region: str) -> Partition | None:
    """Give the partition that a region belongs to, or `None` if the name looks like no region of any."""
    return next((partition for partition in PARTITIONS if partition.regions.fullmatch(region)), None)
