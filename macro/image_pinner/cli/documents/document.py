"""A template file with the position of every value, and edits of it that leave all other bytes unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from image_pinner.cli.documents.edits import (
    InPlaceEditError,
    TextEdit,
    differences,
    first_difference,
    plan_edits,
    splice_texts,
)
from image_pinner.cli.documents.nodes import AliasNode, MappingNode, Node, SequenceNode, content_of, resolve_path
from image_pinner.cli.documents.text import (
    JSON_LINE_BREAK,
    YAML_LINE_BREAK,
    Encoding,
    Excerpt,
    Position,
    Preview,
    SourceText,
    Splice,
    Splices,
    decode,
)
from image_pinner.cli.documents.yaml_layout import Comment, comments_in
from image_pinner.cli.documents.yaml_reader import read_yaml
from image_pinner.core.errors import ImagePinnerError, UnreadableTemplateError
from image_pinner.core.intrinsics.values import JsonObject
from image_pinner.core.template.edits import Edit, apply_edits
from image_pinner.core.template.paths import TemplatePath

if TYPE_CHECKING:
    from image_pinner.cli.documents.json_reader import JsonSyntaxError

# `{Resources: …}` is YAML, whatever follows.
_COMMENT = re.compile(r"//|/\*")
_BEGINS_LIKE_JSON = re.compile(r'\s*\{\s*(?:"|\}|\Z)')
_EXPECTED = 'pass a CloudFormation template: a mapping with the key "Resources"'


class SourceDocument(NamedTuple):
    """A template file: its `tree` in long form, as CloudFormation sends it to a macro, its text and nodes.

    Do not change `tree`: aliases share values in it.
    """

    tree: JsonObject
    source: SourceText
    root: MappingNode
    is_json: bool
    data: bytes
    encoding: Encoding

    @property
    def name(self) -> str:
        """The name of the file in messages."""
        return self.source.name

    def position(self, path: TemplatePath) -> Position:
        """Return the position of a value.

        The argument of a short-form tag is at the tag; a value that does not exist has the position of the
        value that should contain it.
        """
        return self.span(path)[0]

    def span(self, path: TemplatePath) -> tuple[Position, Position]:
        """Return the positions of the first character of a value, and of the one after its last. See `position`."""
        node = resolve_path(self.root, path).node
        return self.source.position(node.start), self.source.position(node.end)

    def apply(self, edits: Sequence[Edit]) -> bytes:
        """Return the file, in its encoding, with edits of `tree` whose paths do not contain each other.

        Raises:
            InPlaceEditError: The file cannot be edited so that it reads as `tree` with the edits.
        """
        if not edits:
            return self.data
        data, tree = self._edited(self._splices(edits).parts)
        self._verify(tree, edits)
        return data

    def apply_to_texts(self, edits: Sequence[TextEdit]) -> bytes:
        """Return the file, in its encoding, with edits of texts that keep their quotes, line breaks and comments.

        A text is changed in all values that share it by an alias or a merge. A text in which `old` is written with
        escapes is replaced as a whole.

        Raises:
            InPlaceEditError: The file cannot be edited so that it reads as `tree` with the edits.
        """
        if not edits:
            return self.data
        texts = splice_texts(self.source, self.root, edits)
        expected = [edit.as_replacement(self.tree) for edit in edits]
        parts = [splice for splice, _ in texts.by_node.values()]
        if texts.others:
            parts += self._splices([edit.as_replacement(self.tree) for edit in texts.others]).parts
        data, tree = self._edited(parts)
        shared = [
            found[1]._replace(path=path).as_replacement(self.tree)
            for path in differences(tree, apply_edits(self.tree, expected))
            if (found := texts.by_node.get(id(content_of(resolve_path(self.root, path).node))))
        ]
        self._verify(tree, [*expected, *shared])
        return data

    def _edited(self, parts: Iterable[Splice]) -> tuple[bytes, JsonObject]:
        """Return the file with splices, and its tree."""
        text = Splices.of(parts).apply(self.source.text)
        try:
            return self.encoding.encode(text), _read_text(text, self.name)[1].tree
        except (ImagePinnerError, UnicodeEncodeError) as error:
            raise self._internal_error(f"no template: {error}") from error

    def _verify(self, tree: JsonObject, edits: Iterable[Edit]) -> None:
        if difference := first_difference(tree, apply_edits(self.tree, edits)):
            raise self._internal_error(f"another value at {difference}")

    def _internal_error(self, result: str) -> InPlaceEditError:
        return InPlaceEditError(
            f"internal error: editing {self.name} results in {result}",
            "nothing was written; please report this with the lines of the file that it names",
        )

    def lost_comments(self, edits: Sequence[Edit]) -> tuple[str, ...]:
        """Return a sentence, without a period, on each comment that `apply` removes.

        Only comments inside a replaced value in a flow collection are removed.
        """
        return self._splices(edits).lost_comments

    def comments(self, word: str) -> list[Comment]:
        """Return the YAML comments that contain a word; JSON has none."""
        text = self.source.text
        if self.is_json or word not in text:
            return []
        return [comment for comment in comments_in(self.source, self.root, 0, len(text)) if word in comment.text]

    def excerpt(self, path: TemplatePath) -> Excerpt:
        """Return the line of a value. See `position`."""
        node = resolve_path(self.root, path).node
        return self.source.excerpt(node.start, node.end)

    def preview(self, edits: Iterable[Edit]) -> Preview:
        """Return what edits replace, and the lines that each of them changes, in the order of the text.

        Raises:
            InPlaceEditError: An alias or a merge shares the value with another property.
        """
        previews = sorted(self._splices((edit,)).preview(self.source) for edit in edits)
        return Preview(*(tuple(chain.from_iterable(parts)) for parts in zip(*previews, strict=True)))

    def _splices(self, edits: Sequence[Edit]) -> Splices:
        changes = plan_edits(self.source, self.root, self.tree, edits)
        # Each format is imported when a template has it: starting the CLI would take longer otherwise.
        if self.is_json:
            from image_pinner.cli.documents.json_writer import json_splices  # noqa: PLC0415 - see above

            return json_splices(self.source, self.root, changes)
        from image_pinner.cli.documents.yaml_writer import yaml_splices  # noqa: PLC0415 - see above

        return yaml_splices(self.source, self.root, changes)


def read_source(data: bytes, name: str) -> SourceDocument:
    """Read a template file, YAML or JSON by its content; `name` is its name in messages.

    Raises:
        UnreadableTemplateError: The file is not a template; the cause names the file, the line and the column.
    """
    text, encoding = decode(data, name)
    source, root, is_json = _read_text(text, name)
    return SourceDocument(root.tree, source, root, is_json, data, encoding)


def _read_text(text: str, name: str) -> tuple[SourceText, MappingNode, bool]:
    """Read a text as JSON if it is JSON in braces, or else as YAML, which includes JSON with trailing commas."""
    json_error: JsonSyntaxError | None = None
    if text.lstrip()[:1] == "{" or _COMMENT.match(text.lstrip()):
        from image_pinner.cli.documents.json_reader import JsonSyntaxError, read_json  # noqa: PLC0415

        source = SourceText.of(name, text, JSON_LINE_BREAK)
        try:
            return source, _checked_root(source, read_json(source)), True
        except JsonSyntaxError as error:
            json_error = error
    source = SourceText.of(name, text, YAML_LINE_BREAK)
    try:
        return source, _checked_root(source, read_yaml(source)), False
    except UnreadableTemplateError:
        if json_error and _COMMENT.match(text, json_error.index):
            raise source.error(json_error.index, "invalid JSON: it has no comments", "remove the comment") from None
        if json_error and _BEGINS_LIKE_JSON.match(text):
            cause = f"invalid JSON: {json_error.problem}"
            raise source.error(json_error.index, cause, "correct this line or the one above it") from None
        raise


def _checked_root(source: SourceText, root: Node) -> MappingNode:
    if isinstance(root, MappingNode) and not root.function:
        return root
    if root.tree is None:
        raise UnreadableTemplateError(f"{source.name} has no content", _EXPECTED)
    function = "" if isinstance(root, AliasNode) else root.function
    kind = function or ("a sequence" if isinstance(root, SequenceNode) else "a scalar")
    raise source.error(root.start, f"template must be a mapping, got {kind}", _EXPECTED)
