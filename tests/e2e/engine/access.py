"""How the AWS of the tests is asked: with credentials that nobody else would take, and on loopback alone."""

from __future__ import annotations

from typing import Any

import boto3
import urllib3
from botocore.config import Config

ACCOUNT = "000000000000"
"""The account in which the engine puts everything."""
REGION = "eu-central-1"


def credentials() -> dict[str, str]:
    """Give the environment variables by which boto3 and the AWS CLI sign, and ask nobody else for credentials."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "of-the-tests",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(service: str, url: str) -> Any:
    """Give a boto3 client that asks one URL and never tries twice."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="of-the-tests",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120, s3={"addressing_style": "path"}),
    )


def answers(url: str) -> bool:
    """Tell whether something answers well."""
    with urllib3.PoolManager(retries=False, timeout=2.0) as pool:
        try:
            return pool.request("GET", url).status == 200
        except urllib3.exceptions.HTTPError:
            return False
