"""The revision: a text that changes exactly when what the macro does could change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from image_pinner.cli.deployment.macro_template import MacroTemplate
from image_pinner.cli.deployment.parameter_choices import OWN, Choice

_SHOWN = 12


def revision_of(code_sha256: str, template: MacroTemplate, choices: Iterable[Choice]) -> str:
    """Give the revision, so that the alias moves when something changed and stays when nothing did.

    Args:
        code_sha256: The hash of the package.
        template: The template; its comments do not count.
        choices: The parameters' values. Where the code lies does not count: its hash says what it is.

    Returns:
        Hexadecimal digits.
    """
    values = {choice.name: choice.value for choice in choices if choice.name not in OWN}
    content = json.dumps([code_sha256, template.tree, values], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:_SHOWN]
