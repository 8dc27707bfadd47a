"""Template files: read with their positions, and seen as the macro would see them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_pinner.core.errors import UnreadableTemplate
from image_pinner.core.template.annotations import snippet_parameters
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.snippets import Fragment, Shape
from image_pinner.core.template.values import JsonMap
from image_pinner.entrypoints.source_text import SourceDocument, read_file, read_source

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A template that was read.

    Args:
        name: The file's name as it was given.
        document: Its text with positions.
        fragment: It, seen as the macro's event would show it.
        names_macro: Whether its Transform names the macro.
    """

    name: str
    document: SourceDocument
    fragment: Fragment
    names_macro: bool

    def scope(self, values: Mapping[str, Any], region: str, account_id: str) -> Scope:
        """Give what is known for its expressions.

        Args:
            values: The parameters' values.
            region: The region that it is meant for, or empty.
            account_id: The account that it is meant for, or empty.

        Returns:
            The scope; values of parameters of SSM types are names here.

        Raises:
            UnreadableTemplate: A value is given for a parameter that the template does not have.
        """
        scope = Scope.of_template(self.fragment.tree, values, region=region, account_id=account_id, ssm_names=True)
        if unknown := sorted(set(values) - set(scope.parameters)):
            raise UnreadableTemplate(
                f"{self.name} has no parameter {', '.join(unknown)}",
                f"Its parameters are {', '.join(scope.parameters) or 'none'}",
            )
        return scope


def read_bytes(name: str) -> bytes:
    """Read a file, or the standard input for `-`.

    Raises:
        UnreadableTemplate: It cannot be read.
    """
    return sys.stdin.buffer.read() if name == STANDARD_INPUT else read_file(Path(name))


def read_template(name: str, macro: str, pin: str = "") -> TemplateFile:
    """Read a template.

    Args:
        name: The file's name, or `-` for the standard input.
        macro: The macro's name.
        pin: `Pin` as the command was asked for, in the place of what the Transform says; or empty.

    Returns:
        The template.

    Raises:
        UnreadableTemplate: It cannot be read, or is no template.
        InvalidOption: The Parameters of its Transform are no map.
    """
    shown = "standard input" if name == STANDARD_INPUT else name
    document = read_source(read_bytes(name), shown)
    tree = document.tree
    if not isinstance(tree.get("Resources"), dict):
        raise UnreadableTemplate(f"{shown} has no Resources", "Give a CloudFormation template")
    parameters = _transform_parameters(tree, macro)
    options = dict(parameters or {}) | ({"Pin": pin} if pin else {})
    return TemplateFile(shown, document, Fragment(Shape.TEMPLATE, tree, options, tree), parameters is not None)


def _transform_parameters(tree: JsonMap, macro: str) -> JsonMap | None:
    transform = tree.get("Transform")
    for call in transform if isinstance(transform, list) else [transform]:
        parameters = snippet_parameters(call, macro)
        if parameters is not None:
            return parameters
    return None
