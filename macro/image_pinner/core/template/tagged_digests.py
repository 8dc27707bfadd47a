"""Find where the digest of an image is written in its property."""

from __future__ import annotations

import re
from collections.abc import Iterator

from image_pinner.core.images.references import Digest
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.traversal import TemplateNode

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")


def contains_digest(expression: JsonValue) -> bool:
    """Return whether a text of an expression contains a digest."""
    return any(_DIGEST.search(text) for _, text in _texts((), expression))


def digest_path(node: TemplateNode, digest: Digest) -> TemplatePath | None:
    """Return the path of the text in which a digest is written, or `None` unless there is exactly one, with one."""
    found = [(steps, text.count(str(digest))) for steps, text in _texts(node.steps, node.value) if str(digest) in text]
    match found:
        case [(steps, 1)]:
            return TemplatePath(steps)
        case _:
            return None


def _texts(steps: tuple[Step, ...], value: JsonValue) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Yield the texts in a value with their paths; templates are limited in depth."""
    if isinstance(value, str):
        yield steps, value
    elif isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts((*steps, step), inner)
