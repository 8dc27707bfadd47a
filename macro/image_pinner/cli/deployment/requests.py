"""What the user wants to have installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from image_pinner.cli.deployment.code import Code
from image_pinner.cli.deployment.macro_template import MacroTemplate


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be installed, and how.

    Args:
        code: The code.
        template: The template.
        stack_name: The stack.
        parameters: Values of the template's parameters that were given.
        tags: Tags that were given.
        bucket: The bucket that was named, or empty.
        role_arn: The role that CloudFormation works as, or empty.
        protected: Whether the stack gets termination protection; None is yes for a new one, and no change for others.
        must_exist: Whether only a stack that is there is changed.
        replace_failed: Whether a stack that never came to be is deleted first.
        dry_run: Whether everything is only shown.
    """

    code: Code
    template: MacroTemplate
    stack_name: str = "image-pinner"
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""
    role_arn: str = ""
    protected: bool | None = None
    must_exist: bool = False
    replace_failed: bool = False
    dry_run: bool = False


class Outcome(Enum):
    """What it came to."""

    DONE = "done"
    UNCHANGED = "nothing to change"
    SHOWN = "shown only"
    DECLINED = "declined"
