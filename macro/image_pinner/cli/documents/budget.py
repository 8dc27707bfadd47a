"""How large a template may become: told while it is read, before aliases expand to more than a machine can hold."""

from __future__ import annotations

from image_pinner.cli.documents.source_lines import SourceLines

# The deepest of 376 real templates has 30 levels. Beyond a few hundred, programs that walk a template by recursion
# end in a crash (libyaml's own composer from about 20,000 on, in C).
MAX_DEPTH = 200
# A template of CloudFormation's 1 MB has up to 200,000 values; the bounds are for what aliases make of it.
MAX_VALUES = 1_000_000
MAX_CHARACTERS = 10_000_000


class Budget:
    """Counts what a template expands to.

    Args:
        lines: The text that is read, for messages.

    Attributes:
        values: Values counted so far, those behind aliases as often as they are used.
        characters: Characters in them.
    """

    __slots__ = ("characters", "lines", "values")

    def __init__(self, lines: SourceLines) -> None:
        self.lines = lines
        self.values = 0
        self.characters = 0

    def spend(self, values: int, characters: int, index: int) -> None:
        """Count values.

        Args:
            values: How many.
            characters: How many characters they have together.
            index: Where they stand.

        Raises:
            UnreadableTemplateError: The template has become too large.
        """
        self.values += values
        self.characters += characters
        if self.values > MAX_VALUES:
            self._refuse(index, f"{MAX_VALUES:,} values")
        if self.characters > MAX_CHARACTERS:
            self._refuse(index, f"{MAX_CHARACTERS:,} characters")

    def _refuse(self, index: int, bound: str) -> None:
        raise self.lines.unreadable(
            index,
            f"with all aliases expanded the template has more than {bound} up to here",
            "Look for anchors and aliases that multiply each other, or split the template",
        )

    def check_depth(self, depth: int, index: int) -> None:
        """Refuse a value that is too deep in the template.

        Args:
            depth: Its level, 1 for the root; a short-form tag is a level of its own.
            index: Where it stands.

        Raises:
            UnreadableTemplateError: It is too deep.
        """
        if depth > MAX_DEPTH:
            raise self.lines.unreadable(
                index,
                f"values are nested in more than {MAX_DEPTH} levels",
                "Check that this is a template: none needs a tenth of that",
            )
