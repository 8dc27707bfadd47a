"""From the text of a file to its nodes, whichever of the two formats it has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from image_pinner.cli.documents.json_reader import NotJson, read_json
from image_pinner.cli.documents.nodes import AliasNode, ListNode, MapNode, Node
from image_pinner.cli.documents.source_lines import JSON_BREAK, YAML_BREAK, SourceLines
from image_pinner.cli.documents.yaml_reader import read_yaml
from image_pinner.core.errors import UnreadableTemplateError

# How JSON begins; `{Resources: …}` is YAML whatever follows.
_BEGINS_LIKE_JSON = re.compile(r'\s*\{\s*(?:"|\}|\Z)')
_REMEDY = 'Give a template: a map with the key "Resources"'


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text that was read.

    Args:
        lines: The text with its lines.
        root: The root of its nodes.
        is_json: Whether it is JSON; else it is YAML.
    """

    lines: SourceLines
    root: MapNode
    is_json: bool


def read_text(text: str, name: str) -> ReadText:
    """Read a template from the text of a file.

    What begins with a brace and is JSON is read as such; all else is YAML, of which JSON with a comma too many is part.

    Args:
        text: The text without a byte order mark.
        name: What messages call it.

    Returns:
        Its nodes.

    Raises:
        UnreadableTemplateError: It is neither JSON nor YAML, or no template.
    """
    problem: NotJson | None = None
    if text.lstrip()[:1] == "{":
        lines = SourceLines.of(name, text, JSON_BREAK)
        try:
            return ReadText(lines, _template(lines, read_json(lines)), is_json=True)
        except NotJson as error:
            problem = error
    lines = SourceLines.of(name, text, YAML_BREAK)
    try:
        return ReadText(lines, _template(lines, read_yaml(lines)), is_json=False)
    except UnreadableTemplateError:
        if problem and _BEGINS_LIKE_JSON.match(text):
            raise lines.unreadable(
                problem.index, f"this is no JSON: {problem.problem}", "Mend the line, or the one above it"
            ) from None
        raise


def _template(lines: SourceLines, root: Node) -> MapNode:
    if isinstance(root, MapNode) and not root.function:
        return root
    if not isinstance(root, AliasNode) and root.function:
        raise lines.unreadable(root.start, f"a template is a map, and this is one single {root.function}", _REMEDY)
    if isinstance(root, ListNode):
        raise lines.unreadable(root.start, "a template is a map, and this is a list", _REMEDY)
    if root.tree is None:
        raise UnreadableTemplateError(f"{lines.name} has no content but comments or blanks", _REMEDY)
    raise lines.unreadable(root.start, "a template is a map, and this is one single value", _REMEDY)
