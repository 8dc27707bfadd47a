"""The template that installs the macro, read for its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from image_pinner.cli.documents import read_source
from image_pinner.core.errors import ConfigurationError, ImagePinnerError

_NAMES_IN_IAM = {"RoleName", "ManagedPolicyName", "GroupName", "UserName", "InstanceProfileName"}
_NEEDED = {"CodeBucket", "CodeKey", "CodeBucketPerRegion", "MacroName", "Revision"}
MAX_BYTES = 51_200
"""How long a template may be that is sent along with the request:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


class MacroTemplate(NamedTuple):
    """The template.

    Args:
        text: Its text, as it is sent.
        tree: What it says, without comments.
    """

    text: str
    tree: Mapping[str, Any]

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Its parameters, as they are declared."""
        declared: Mapping[str, Mapping[str, Any]] = self.tree.get("Parameters", {})
        return declared

    @property
    def capabilities(self) -> list[str]:
        """What CloudFormation wants to be acknowledged.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
        """
        iam = [one for one in self.tree["Resources"].values() if str(one.get("Type")).startswith("AWS::IAM::")]
        named = any(_NAMES_IN_IAM & set(one.get("Properties") or {}) for one in iam)
        return ["CAPABILITY_NAMED_IAM"] if named else ["CAPABILITY_IAM"] if iam else []


def read_macro_template(text: str) -> MacroTemplate:
    """Read the template.

    Args:
        text: Its text.

    Returns:
        The template.

    Raises:
        ConfigurationError: It is none that this command can install.
    """
    try:
        tree = read_source(text.encode(), "macro.yaml").tree
    except ImagePinnerError as error:
        raise ConfigurationError(error.cause, "Install ImagePinner anew") from error
    missing = _NEEDED - set(tree.get("Parameters", {}))
    if missing or len(text.encode()) > MAX_BYTES:
        what = f"has no parameter {min(missing)}" if missing else f"is longer than {MAX_BYTES} bytes"
        raise ConfigurationError(f"the template that installs the macro {what}", "Install ImagePinner anew")
    return MacroTemplate(text, tree)
