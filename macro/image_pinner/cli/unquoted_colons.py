"""Find the values that old YAML parsers reject: unquoted ones with `::` in a flow sequence or mapping."""

from __future__ import annotations

from image_pinner.cli.documents import SourceDocument
from image_pinner.cli.documents.nodes import MappingNode, Node, ScalarNode, SequenceNode, children_of
from image_pinner.cli.output import LocatedFinding
from image_pinner.core.check import Finding
from image_pinner.core.rules import UNQUOTED_COLON
from image_pinner.core.template.paths import TemplatePath

_MAX_SHOWN = 5  # different texts


def find_unquoted_colons(document: SourceDocument) -> tuple[LocatedFinding, ...]:
    """Return a finding at the first such value of a YAML file, with their texts and number."""
    if document.is_json or "::" not in document.source.text:
        return ()
    found = _plain_scalars(document.root)
    if not found:
        return ()
    first, position = found[0], document.source.position
    texts = list(dict.fromkeys(node.text for node in found))
    values = ", ".join(map(repr, texts[:_MAX_SHOWN])) + (", …" if len(texts) > _MAX_SHOWN else "")
    verb = "is" if len(texts) == 1 else "are"
    cause = f"{values} {verb} unquoted in a flow collection, which old YAML parsers reject"
    if len(found) > 1:
        cause += f" ({len(found)} values in this file)"
    finding = Finding(UNQUOTED_COLON, TemplatePath(), cause, f'write "{first.text}", or use block style')
    excerpt = document.source.excerpt(first.start, first.end)
    return (LocatedFinding(document.name, position(first.start), position(first.end), finding, excerpt=excerpt),)


def _plain_scalars(root: Node) -> list[ScalarNode]:
    """Return the plain scalars with `::` in flow collections, in the order of the text."""
    found: list[ScalarNode] = []
    todo: list[tuple[Node, bool]] = [(root, False)]
    while todo:
        node, in_flow = todo.pop()
        if isinstance(node, ScalarNode):
            if in_flow and not node.style and "::" in node.text:
                found.append(node)
        elif isinstance(node, MappingNode | SequenceNode):
            inside = in_flow or node.flow
            todo += [(child, inside) for child in reversed(children_of(node))]
    return found
