"""The error about a file that cannot be edited so that it says what was intended."""

from __future__ import annotations

from image_pinner.core.errors import ImagePinnerError


class UnfaithfulEdit(ImagePinnerError):  # noqa: N818 - the name says what it is
    """A file cannot be edited so that it says what was intended; nothing was written."""

    @classmethod
    def unintended(cls, name: str, difference: str) -> UnfaithfulEdit:
        """Give the error about a result that, read again, says something else: a fault of this program.

        Args:
            name: What messages call the file.
            difference: What would be different, as a clause.
        """
        return cls(
            f"{name} cannot be edited in place: read again after the edit, {difference}",
            "The file was left as it is; this is a fault of image-pinner, please report it with the lines concerned",
        )

    @classmethod
    def shared(cls, place: str, path: str, anchor: str, line: int) -> UnfaithfulEdit:
        """Give the error about a value that other places share and must keep.

        Args:
            place: The file and the line in it.
            path: The value's path in the template.
            anchor: The anchor through which it is shared.
            line: The line of the anchor.
        """
        return cls(
            f"{place}: {path} cannot be changed alone: through the anchor &{anchor} of line {line} "
            "other places of the template have the same value and would change with it",
            f"Write the value out at this place instead of *{anchor}; the file was left as it is",
        )

    @classmethod
    def used_elsewhere(cls, place: str, path: str, anchor: str, line: int) -> UnfaithfulEdit:
        """Give the error about a value in which something is defined that another place needs.

        Args:
            place: The file and the line in it.
            path: The value's path in the template.
            anchor: The anchor inside the value.
            line: The line of an alias that stands for it.
        """
        return cls(
            f"{place}: {path} cannot be changed alone: the anchor &{anchor} inside it is used in line {line} as well",
            f"Write the value out there instead of *{anchor}; the file was left as it is",
        )
