"""Find markers that CloudFormation rejects before any macro runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from image_pinner.core.check.findings import Finding
from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.rules import UNSUPPORTED_MARKER_SYNTAX
from image_pinner.core.template.edits import Replace
from image_pinner.core.template.markers import IMAGE_KEY, LONG_FORM, PIN_MARKER, SNIPPET, with_marker
from image_pinner.core.template.paths import Step, TemplatePath


def find_unsupported_syntax(template: JsonObject, macro: str, rejecting: Collection[TemplatePath]) -> Iterator[Finding]:
    """Yield a finding for each YAML tag or function; linters reject a marker in the images in `rejecting`."""
    todo: list[tuple[JsonValue, tuple[Step, ...]]] = [(template, ())]
    while todo:
        node, steps = todo.pop()
        if isinstance(node, dict):
            if len(node) == 1 and LONG_FORM in node:
                path = TemplatePath(steps)
                yield _unsupported_syntax(path, node[LONG_FORM], macro, rejects_marker=path in rejecting)
            todo.extend((value, (*steps, key)) for key, value in node.items() if isinstance(value, dict | list))
        elif isinstance(node, list):
            todo.extend((value, (*steps, number)) for number, value in enumerate(node))


def _unsupported_syntax(path: TemplatePath, content: JsonValue, macro: str, *, rejects_marker: bool) -> Finding:
    options: dict[str, JsonValue] = {}
    expression = content
    if isinstance(content, dict) and intrinsic_of(content) is None:
        options = {str(key): value for key, value in content.items() if key != IMAGE_KEY}
        expression = content.get(IMAGE_KEY, "repository:tag")
    help = "write the marker as a quoted string"
    if not rejects_marker and all(isinstance(value, str) for value in options.values()):
        fixed: JsonValue = with_marker(expression, " ".join(f"{key}={value}" for key, value in options.items()))
    else:
        help = "write a snippet"
        fixed = {SNIPPET: {"Name": macro, "Parameters": {IMAGE_KEY: expression, **options}}}
    return Finding(
        UNSUPPORTED_MARKER_SYNTAX,
        path,
        f"CloudFormation rejects the YAML tag {PIN_MARKER} and the function {LONG_FORM} before any macro runs",
        help,
        Replace(path, fixed),
    )
