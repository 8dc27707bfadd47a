"""What CloudFormation says when it refuses something about a stack set, in words that say what to do."""

from __future__ import annotations

from image_pinner.cli.deployment.aws_access import AskFailed
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError

# The service has one code for all that it finds wrong in a request, so that only its words tell what it is:
# https://github.com/hashicorp/terraform-provider-aws/issues/32536 and https://github.com/cdklabs/cdk-stacksets/issues/265
_INVALID = {"ValidationError", "InvalidOperationException"}
_NO_ADMINISTRATOR = "delegated admin"
_NO_ACCESS = ("organizations access", "trusted access")
_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"


def in_words(name: str, caller: str, failure: AskFailed) -> ImagePinnerError:
    """Put a refusal into words.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html

    Args:
        name: The stack set.
        caller: Who asked.
        failure: The refusal.

    Returns:
        What is to be raised: the refusal itself where there is no better word for it.
    """
    if failure.code == "OperationInProgressException":
        return SourceError(
            f"the stack set {name} is being changed by somebody else", "Wait for that, then run this again"
        )
    if failure.code == "StackSetNotEmptyException":
        return SourceError(
            f"the stack set {name} has got new stacks while its others were deleted", "Run this again to delete them"
        )
    text = failure.text.lower() if failure.code in _INVALID else ""
    if any(words in text for words in _NO_ACCESS):
        return ConfigurationError(
            f"CloudFormation has no access to the organization, so that the stack set {name} reaches no account",
            "Activate it in the management account: aws cloudformation activate-organizations-access",
        )
    if _NO_ADMINISTRATOR in text:
        return ConfigurationError(
            f"{caller} is neither in the organization's management account nor in a delegated administrator of stack"
            f" sets, and only those see the stack set {name}",
            "Sign in to one of them, or let the management account register this one:"
            f" aws organizations register-delegated-administrator --service-principal {_PRINCIPAL}",
        )
    return failure
