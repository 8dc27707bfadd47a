"""Host names of private ECR registries, and AWS partitions.

Partitions: https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json (November 2026).
Host names: https://docs.aws.amazon.com/general/latest/gr/ecr.html. `public.ecr.aws` is not one of them: it is an
ordinary public registry, and its API lists only the caller's own repositories.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from image_pinner.core.errors import cut


class Partition(NamedTuple):
    """An AWS partition: `name` is `AWS::Partition`, `suffix` is `AWS::URLSuffix`, `regions` matches region names."""

    name: str
    suffix: str
    dual_stack_suffix: str
    regions: str


# Dual-stack suffixes as in https://github.com/aws/amazon-ecs-agent (ecs-agent/utils/uri) and
# https://github.com/kubernetes/cloud-provider-aws, November 2026; that of aws-eusc is inferred from their pattern.
PARTITIONS = (
    Partition("aws-cn", "amazonaws.com.cn", "on.amazonwebservices.com.cn", r"cn-\w+-\d+"),
    Partition("aws-us-gov", "amazonaws.com", "on.aws", r"us-gov-\w+-\d+"),
    Partition("aws-iso", "c2s.ic.gov", "on.aws.ic.gov", r"us-iso-\w+-\d+"),
    Partition("aws-iso-b", "sc2s.sgov.gov", "on.aws.scloud", r"us-isob-\w+-\d+"),
    Partition("aws-iso-e", "cloud.adc-e.uk", "on.cloud-aws.adc-e.uk", r"eu-isoe-\w+-\d+"),
    Partition("aws-iso-f", "csp.hci.ic.gov", "on.aws.hci.ic.gov", r"us-isof-\w+-\d+"),
    Partition("aws-eusc", "amazonaws.eu", "on.amazonwebservices.eu", r"eusc-\w+-\w+-\d+"),
    Partition("aws", "amazonaws.com", "on.aws", r"[a-z]{2}-\w+-\d+"),
)


_MAX_REGION = 63  # characters: a region is a label of host names


def partition_of(region: str) -> Partition | None:
    """Return the partition of a region, or `None` if the name is not a valid region name."""
    return _find_partition(region) if len(region) <= _MAX_REGION else None


@lru_cache(maxsize=64)
def _find_partition(region: str) -> Partition | None:
    return next((partition for partition in PARTITIONS if re.fullmatch(partition.regions, region, re.ASCII)), None)


# Compiled by `re` when they are first used: a process that pins from a lock file may not need them.
_HOST = r"(?P<account>[a-z0-9-]+)\.(?P<service>dkr\.ecr|dkr-ecr)(?P<fips>-fips)?(?:\.(?P<location>.+))?"
_ACCOUNT = r"[0-9]{12}"
_API_HOST = r"(?:api\.)?ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.|api\.aws).*"
# A host with any other suffix is a mirror or an emulator such as LocalStack, and an ordinary OCI registry.
_AWS_SUFFIX = r"(?:.*\.)?(?:amazon|amazonaws|amazonwebservices|aws|c2s|sc2s|adc-e|hci)(?:\..*)?"
_HTTPS_PORT = "443"
_MAX_HOST = 100  # characters of a host that a message or the cache has; the longest ECR host has about 60


class EcrRegistry(NamedTuple):
    """A private registry; `host` is its host name as written, `fips` and `dual_stack` describe that host."""

    account_id: str
    region: str
    fips: bool
    dual_stack: bool
    host: str


class EcrRepository(NamedTuple):
    """A repository of a private registry."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The repository's ARN."""
        partition = partition_of(self.region)
        name = partition.name if partition else "aws"
        return f"arn:{name}:ecr:{self.region}:{self.account_id}:repository/{self.name}"

    def __str__(self) -> str:
        return f"the ECR repository {self.name!r} in {self.region} of account {self.account_id}"


def parse_ecr_host(host: str) -> EcrRegistry | None:
    """Parse the host of a private ECR registry, with or without port 443; return `None` for any other host."""
    parsed = _parse(host)
    return parsed if isinstance(parsed, EcrRegistry) else None


def explain_invalid_ecr_host(host: str) -> str | None:
    """Explain why a host that looks like a private ECR registry is not a valid one.

    Such a host must not be contacted: it may belong to anyone. Return `None` for valid and for other hosts.
    """
    parsed = _parse(host)
    return parsed if isinstance(parsed, str) else None


def _parse(host: str) -> EcrRegistry | str | None:
    # A template can have a host of any length, which must not stay in the cache.
    return _parse_cached(host) if len(host) <= _MAX_HOST else _parse_host(host)


@lru_cache(maxsize=256)  # thousands of images come from a few hosts
def _parse_cached(host: str) -> EcrRegistry | str | None:
    return _parse_host(host)


def _parse_host(host: str) -> EcrRegistry | str | None:
    name, _, port = host.lower().partition(":")
    if "ecr" not in name:
        return None
    written = cut(host, _MAX_HOST)
    if re.fullmatch(_API_HOST, name, re.ASCII):
        return f"{written!r} is the host of ECR's API; images are at <account>.dkr.ecr.<region>.<suffix>"
    match = re.fullmatch(_HOST, name, re.ASCII)
    if not match:
        return None
    account, location = match["account"], match["location"] or ""
    if "." in location and not re.fullmatch(_AWS_SUFFIX, location, re.ASCII):
        return None
    region, _, suffix = location.partition(".")
    dual_stack = match["service"] == "dkr-ecr"
    if cause := _find_error(account, region, suffix, dual_stack=dual_stack):
        return f"{written!r} is not a valid ECR registry: {cause}"
    if port not in ("", _HTTPS_PORT):
        return f"{written!r} is not a valid ECR registry: ECR uses port {_HTTPS_PORT} only"
    return EcrRegistry(account, region, match["fips"] is not None, dual_stack, host)


def _find_error(account: str, region: str, suffix: str, *, dual_stack: bool) -> str:
    if not re.fullmatch(_ACCOUNT, account, re.ASCII):
        actual = f"{len(account)} digits" if account.isdecimal() else repr(cut(account, _MAX_HOST))
        return f"expected an account ID of 12 digits, got {actual}"
    partition = partition_of(region)
    if partition is None:
        return f"{cut(region, _MAX_HOST)!r} is not a valid region" if region else "the region is missing"
    expected = partition.dual_stack_suffix if dual_stack else partition.suffix
    if suffix != expected:
        return f"expected the suffix {expected!r} for {region}, got {cut(suffix, _MAX_HOST)!r}"
    return ""
