"""Whether a template names a macro."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from image_pinner.cli.documents import read_source
from image_pinner.core.errors import ImagePinnerError


def names_macro(body: str | Mapping[str, Any], macro: str) -> bool:
    """Tell whether a template names a macro, behind `Transform` or `Fn::Transform`.

    Args:
        body: The template as GetTemplate gives it: a text, or a map where it was JSON.
        macro: The macro's name.

    Returns:
        Whether it does. One that cannot be read and yet holds the name counts as one that does.
    """
    if isinstance(body, str):
        # The reader of YAML is slow, and most templates do not even hold the name.
        if not re.search(rf"(?<![\w-]){re.escape(macro)}(?![\w-])", body, re.ASCII):
            return False
        try:
            body = json.loads(body) if body.lstrip().startswith("{") else read_source(body.encode(), "template").tree
        except (ValueError, RecursionError, ImagePinnerError):
            return True
    return isinstance(body, Mapping) and (_calls(body.get("Transform"), macro) or _nested(body, macro))


def _nested(tree: Mapping[str, Any], macro: str) -> bool:
    left: list[Any] = [tree]
    seen: set[int] = set()
    while left:
        node = left.pop()
        # What aliases share is looked at once, or a small text could keep this busy for ever.
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            if _calls(node.get("Fn::Transform"), macro):
                return True
            left += node.values()
        elif isinstance(node, list):
            left += node
    return False


def _calls(transform: Any, macro: str) -> bool:
    calls = transform if isinstance(transform, list) else [transform]
    names = [call.get("Name") if isinstance(call, Mapping) else call for call in calls]
    # With the account in front of it, as it is in a macro's event.
    return any(isinstance(name, str) and name.rpartition("::")[2] == macro for name in names)
