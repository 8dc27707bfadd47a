"""Hosts of private ECR registries, and AWS partitions.

From botocore's partitions.json of November 2026:
https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json

The forms: https://docs.aws.amazon.com/general/latest/gr/ecr.html. `public.ecr.aws` is none of these: it answers to
everybody as any registry does, and its API lists only what is one's own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from image_pinner.core.errors import cut


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


_HOST = re.compile(
    r"(?P<account>[a-z0-9-]+)\.(?P<service>dkr\.ecr|dkr-ecr)(?P<fips>-fips)?(?:\.(?P<rest>.+))?",
    re.ASCII,
)
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_API_HOST = re.compile(r"(?:api\.)?ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.|api\.aws).*", re.ASCII)
# A suffix of another kind is somebody's own host, a mirror or LocalStack, and speaks the protocol of all registries.
_OF_AWS = re.compile(r"(?:.*\.)?(?:amazon|amazonaws|amazonwebservices|aws|c2s|sc2s|adc-e|hci)(?:\..*)?", re.ASCII)
_HTTPS_PORT = "443"
_SHOWN_HOST = 100  # characters of a host that a message repeats: the longest of ECR's has some 60
# The partitions' dual-stack suffixes, as https://github.com/aws/amazon-ecs-agent (ecs-agent/utils/uri) and
# https://github.com/kubernetes/cloud-provider-aws take them, November 2026; that of aws-eusc follows their pattern.
_DUAL_STACK_SUFFIXES = {
    "aws": "on.aws",
    "aws-us-gov": "on.aws",
    "aws-cn": "on.amazonwebservices.com.cn",
    "aws-eusc": "on.amazonwebservices.eu",
    "aws-iso": "on.aws.ic.gov",
    "aws-iso-b": "on.aws.scloud",
    "aws-iso-e": "on.cloud-aws.adc-e.uk",
    "aws-iso-f": "on.aws.hci.ic.gov",
}


class EcrRegistry(NamedTuple):
    """A private registry.

    Args:
        account_id: The account that it belongs to, 12 digits.
        region: The region that it is in, which is where its API is asked.
        fips: Whether the host is the one with validated cryptography.
        dual_stack: Whether the host has IPv6 addresses as well.
        host: The host, as it was written.
    """

    account_id: str
    region: str
    fips: bool
    dual_stack: bool
    host: str


class EcrRepository(NamedTuple):
    """A repository of a private registry.

    Args:
        account_id: The account that it belongs to.
        region: The region that it is in.
        name: Its name.
    """

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The name that policies know it by."""
        partition = partition_of(self.region)
        name = partition.name if partition else "aws"
        return f"arn:{name}:ecr:{self.region}:{self.account_id}:repository/{self.name}"

    def __str__(self) -> str:
        return f"the ECR repository {self.name!r} in {self.region} of account {self.account_id}"


def parse_ecr_host(host: str) -> EcrRegistry | None:
    """Read the host of a private ECR registry.

    Args:
        host: A registry as a reference has it, with or without the port 443.

    Returns:
        The registry, or `None` where the host is not one of the forms that AWS serves.
    """
    read = _read(host)
    return read if isinstance(read, EcrRegistry) else None


def looks_like_ecr(host: str) -> str | None:
    """Tell why a host that means a private ECR registry cannot be one, so that no made-up host is asked.

    Args:
        host: A registry as a reference has it.

    Returns:
        The reason as a clause, or `None` where the host is right, or means something else.
    """
    read = _read(host)
    return read if isinstance(read, str) else None


@lru_cache(maxsize=256)  # thousands of images come from a few hosts
def _read(host: str) -> EcrRegistry | str | None:
    name, _, port = host.lower().partition(":")
    written = cut(host, _SHOWN_HOST)
    if _API_HOST.fullmatch(name):
        return f"{written!r} is ECR's API; images are at <account>.dkr.ecr.<region>.<suffix>"
    found = _HOST.fullmatch(name)
    if not found:
        return None
    account, rest = found["account"], found["rest"] or ""
    if "." in rest and not _OF_AWS.fullmatch(rest):
        return None
    region, _, suffix = rest.partition(".")
    dual_stack = found["service"] == "dkr-ecr"
    partition = partition_of(region)
    if reason := _wrong(account, region, partition, suffix, dual_stack=dual_stack):
        return f"{written!r} is no ECR registry: {reason}"
    if port not in ("", _HTTPS_PORT):
        return f"{written!r} is no ECR registry: ECR answers on port {_HTTPS_PORT} only"
    return EcrRegistry(account, region, found["fips"] is not None, dual_stack, host)


def _wrong(account: str, region: str, partition: Partition | None, suffix: str, *, dual_stack: bool) -> str:
    if not _ACCOUNT.fullmatch(account):
        counted = f"has {len(account)}" if account.isdecimal() else f"is {cut(account, _SHOWN_HOST)!r}"
        return f"it begins with the account's 12 digits, and this {counted}"
    if partition is None:
        return f"{cut(region, _SHOWN_HOST)!r} is no region" if region else "the region is missing"
    expected = _DUAL_STACK_SUFFIXES[partition.name] if dual_stack else partition.suffix
    if suffix != expected:
        return f"a registry in {region} ends in {expected!r}, and this in {cut(suffix, _SHOWN_HOST)!r}"
    return ""
