"""Help that the users of each entry point follow in a different way: how they set a value, or sign in to AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Advice(StrEnum):
    """A clause of a help, and the key of its wording in an entry point.

    The value is the wording for users of environment variables; an entry point replaces it with `reword` where its own
    users do something else. `{}` is a word that the user of the member formats into it.
    """

    ACCOUNT = "set the AWS account ID"
    REGION = "set the AWS region"
    STACK_NAME = "set StackName: !Ref AWS::StackName in the Parameters of the Transform"
    PARAMETER = "set the parameter {} or its Default"
    IMAGE_PATH = "add its JSONPath to IMAGE_PINNER_IMAGE_PATHS"
    INSECURE_REGISTRY = "add {} to IMAGE_PINNER_INSECURE_REGISTRIES"
    TIMEOUT = "raise IMAGE_PINNER_TIMEOUT"
    AWS_CREDENTIALS = "configure AWS credentials or set AWS_PROFILE"
    AWS_SIGN_IN = "sign in to AWS again, or set AWS_PROFILE to a profile with valid credentials"
    AWS_NETWORK = "check that the region exists and that this network reaches it"
    S3_NETWORK = "check that this network reaches S3"


def reword(help: str, wording: Mapping[Advice, str]) -> str:
    """Return a help in the words of an entry point.

    A help is raised, returned, cut and joined with others on its way to the user, so its text itself has the keys.
    """
    for advice, own in wording.items():
        pattern = re.escape(advice).replace(r"\{\}", r"(\S+)")
        help = re.sub(pattern, own.replace("{}", r"\1"), help)
    return help
