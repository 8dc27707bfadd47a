"""Paths to images: JSONPath expressions as steps that `walking` follows."""

from __future__ import annotations

from functools import cache

from image_pinner.core.template.path_steps import PathStep


@cache
def parse_image_path(text: str) -> tuple[PathStep, ...]:
    """Parse a JSONPath expression.

    Args:
        text: The expression, from `$`; https://www.rfc-editor.org/rfc/rfc9535 says what the parts mean.

    Returns:
        The steps from the root to the value.

    Raises:
        InvalidPath: The expression cannot be parsed, or holds an operator that is not followed.
    """
    # Loaded here: the parser takes a quarter as long to load as all the rest, and the handler's start must not wait.
    from image_pinner.core.template.json_paths import parsed_path  # noqa: PLC0415

    return parsed_path(text)
