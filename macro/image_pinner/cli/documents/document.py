"""A template file that was read: its tree, where each value stands, and the file with edits made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from image_pinner.cli.documents.document_reader import read_text
from image_pinner.cli.documents.edit_plan import plan_edits
from image_pinner.cli.documents.encodings import Encoding, decode
from image_pinner.cli.documents.json_splices import json_splices
from image_pinner.cli.documents.nodes import MapNode
from image_pinner.cli.documents.places import find_place
from image_pinner.cli.documents.same_values import first_difference
from image_pinner.cli.documents.source_lines import Position, SourceLines
from image_pinner.cli.documents.splices import Splices
from image_pinner.cli.documents.unfaithful import UnfaithfulEdit
from image_pinner.cli.documents.yaml_splices import yaml_splices
from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.intrinsics.values import JsonMap
from image_pinner.core.template.edits import Edit, apply_edits
from image_pinner.core.template.paths import TemplatePath


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A template file. Give it to nobody who changes `tree`: values behind aliases are shared in it.

    Args:
        tree: The template in its long form, as CloudFormation would send it to a macro.
        lines: The file's text.
        root: The root of its nodes.
        is_json: Whether the file is JSON; else it is YAML.
        data: The file's bytes.
        encoding: How the file writes its text.
    """

    tree: JsonMap
    lines: SourceLines = field(repr=False)
    root: MapNode = field(repr=False)
    is_json: bool
    data: bytes = field(repr=False)
    encoding: Encoding

    @property
    def name(self) -> str:
        """What messages call the file."""
        return self.lines.name

    def position(self, path: TemplatePath) -> Position:
        """Tell where a value stands.

        Args:
            path: The place in the template. What a short-form tag holds stands where the tag does, and what does not
                exist where the nearest value around it does.

        Returns:
            The line and the column of the value's first character.
        """
        place = find_place(self.root, path)
        return self.lines.position((place.alias or place.node).start)

    def line_text(self, line: int) -> str:
        """Give a line of the file, counted from 1, without its line break; empty where there is none."""
        return self.lines.line_text(line)

    def is_short_form(self, path: TemplatePath) -> bool:
        """Tell whether the value at a path is written with a tag such as `!Sub`."""
        place = find_place(self.root, path)
        return bool(place.node.function) and not place.inside and not place.left

    def apply(self, edits: Sequence[Edit]) -> bytes:
        """Give the file with edits made; all bytes that they do not concern stay as they are.

        Args:
            edits: Edits of `tree` whose places do not contain each other.

        Returns:
            The edited file in its own encoding.

        Raises:
            UnfaithfulEdit: The file cannot be edited so that it means what `apply_edits` makes of the tree.
        """
        if not edits:
            return self.data
        text = self._splices(edits).applied_to(self.lines.text)
        try:
            data = self.encoding.encode(text)
            again = read_text(text, self.name)
        except (ImagePinnerError, UnicodeEncodeError) as error:
            raise UnfaithfulEdit.unintended(self.name, f"it is no template: {error}") from error
        if difference := first_difference(again.root.tree, apply_edits(self.tree, edits)):
            raise UnfaithfulEdit.unintended(self.name, f"{difference} would have another value")
        return data

    def notes_for(self, edits: Sequence[Edit]) -> tuple[str, ...]:
        """Tell which comments `apply` takes out of the file: those inside a value that is part of a flow collection.

        In block style none is lost: what stood inside a value that is replaced gets lines of its own behind it.

        Args:
            edits: The edits that `apply` gets.

        Returns:
            For each comment that is lost a sentence without a full stop.

        Raises:
            UnfaithfulEdit: As `apply`.
        """
        return self._splices(edits).notes

    def _splices(self, edits: Sequence[Edit], *, alone: bool = False) -> Splices:
        plan = plan_edits(self.lines, self.root, self.tree, edits, alone=alone)
        return (json_splices if self.is_json else yaml_splices)(self.lines, self.root, plan)


def read_source(data: bytes, name: str) -> SourceDocument:
    """Read a template file, YAML or JSON by its content.

    Args:
        data: The whole file.
        name: What messages call it.

    Returns:
        The template with its places.

    Raises:
        UnreadableTemplateError: The file is no template; the cause names the file, the line and the column.
    """
    text, encoding = decode(data, name)
    read = read_text(text, name)
    return SourceDocument(read.root.tree, read.lines, read.root, read.is_json, data, encoding)


def corrected_line(document: SourceDocument, edit: Edit) -> str:
    """Show an edit: the lines that it changes, as they would be after it.

    Args:
        document: The file.
        edit: One edit. That an alias may share the value with other places is left aside: this only shows.

    Returns:
        The lines without the last line break.
    """
    return document._splices((edit,), alone=True).changed_lines(document.lines)  # noqa: SLF001 - same module
