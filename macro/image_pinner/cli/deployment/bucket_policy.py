"""The policy of a bucket with the macro's code: what this command sees to, beside what others put there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from image_pinner.cli.deployment.code import PREFIX

Statement = dict[str, Any]
_TLS = "ImagePinnerTlsOnly"
_ORGANIZATION = "ImagePinnerOrganization"


def tls_only(partition: str, bucket: str) -> Statement:
    """Deny what does not come by TLS.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """
    return {
        "Sid": _TLS,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:{partition}:s3:::{bucket}", f"arn:{partition}:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def readable_in(partition: str, bucket: str, organization: str) -> Statement:
    """Let the accounts of an organization read the code, which Lambda does as whoever deploys there.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid
    """
    return {
        "Sid": _ORGANIZATION,
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:{partition}:s3:::{bucket}/{PREFIX}*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}},
    }


def with_statements(policy: str, wanted: Iterable[Statement]) -> str:
    """Put statements into a policy, in the place of earlier ones of the same Sid.

    Args:
        policy: The policy as JSON, or empty.
        wanted: The statements.

    Returns:
        The policy, the very same text where it has them all.
    """
    content: dict[str, Any] = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    found = content["Statement"]
    statements: list[Statement] = list(found) if isinstance(found, list) else [found]
    new = list(statements)
    for statement in wanted:
        new = [one for one in new if one.get("Sid") != statement["Sid"] or one == statement]
        if statement not in new:
            new.append(statement)
    return policy if new == statements and policy else json.dumps(content | {"Statement": new})
