"""Clients of the AWS services of the tests: with test credentials that AWS does not accept, on loopback only."""

from __future__ import annotations

from typing import Any

import boto3
import urllib3
from botocore.config import Config

ACCOUNT = "000000000000"
"""The account of all resources in the engine."""
REGION = "eu-central-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
"""Its private ECR registry."""


def credentials() -> dict[str, str]:
    """Return the environment variables for boto3 and the AWS CLI to sign with test credentials and find no others."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "of-the-tests",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(service: str, url: str) -> Any:
    """Return a boto3 client that sends its requests to one URL and never retries."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="of-the-tests",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120, s3={"addressing_style": "path"}),
    )


def answers(url: str) -> bool:
    """Return whether a URL responds with status 200."""
    with urllib3.PoolManager(retries=False, timeout=2.0) as pool:
        try:
            return pool.request("GET", url).status == 200
        except urllib3.exceptions.HTTPError:
            return False
