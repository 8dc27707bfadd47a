"""From the bytes of a file to its text, and back without losing a byte.

A byte order mark decides (https://www.unicode.org/faq/utf_bom.html); without one the text is UTF-8.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from image_pinner.cli.documents.source_lines import YAML_BREAK, SourceLines
from image_pinner.core.errors import UnreadableTemplateError

# CloudFormation takes 1 MB from S3 and 51,200 bytes in a request:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_BYTES = 5_000_000
# UTF-32 first: its little-endian mark begins like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_WIDE_START = 4  # bytes; a template begins with an ASCII character, of which UTF-16 and UTF-32 show a zero byte here
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file writes its text.

    Args:
        mark: The byte order mark at its beginning, or nothing.
        codec: Python's name of the encoding behind the mark.
    """

    mark: bytes
    codec: str

    def encode(self, text: str) -> bytes:
        """Give the bytes of a text, with the byte order mark."""
        return self.mark + text.encode(self.codec)


def decode(data: bytes, name: str) -> tuple[str, Encoding]:
    """Give the text of a file.

    Args:
        data: The whole file.
        name: What messages call it.

    Returns:
        The text without a byte order mark, and how to write it again.

    Raises:
        UnreadableTemplateError: The file is empty, too big, in an unknown encoding, or has control characters.
    """
    if not data:
        raise UnreadableTemplateError(f"{name} is empty", "Give a file with a template in it")
    if len(data) > MAX_BYTES:
        raise too_big(name, len(data))
    encoding = next((Encoding(mark, codec) for mark, codec in _MARKS if data.startswith(mark)), Encoding(b"", "utf-8"))
    if not encoding.mark and b"\0" in data[:_WIDE_START]:
        raise UnreadableTemplateError(
            f"{name}, line 1, column 1: it looks like UTF-16 or UTF-32 without a byte order mark",
            "Save the file as UTF-8",
        )
    text = _decoded(data, encoding, name)
    _refuse_control_characters(text, name)
    return text, encoding


def too_big(name: str, size: int) -> UnreadableTemplateError:
    """Give the error about a file that no template can need."""
    return UnreadableTemplateError(
        f"{name} has {size:,} bytes, more than the {MAX_BYTES:,} that are read",
        "CloudFormation takes templates of up to 1 MB: check that this is the right file",
    )


def _decoded(data: bytes, encoding: Encoding, name: str) -> str:
    content = data[len(encoding.mark) :]
    try:
        return content.decode(encoding.codec)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding.codec)
        lines = SourceLines.of(name, before, YAML_BREAK)
        shown = content[error.start : error.start + 1].hex()
        raise lines.unreadable(
            len(before), f"the byte 0x{shown} is no {encoding.codec[:6].upper()}", "Save the file as UTF-8"
        ) from None


def _refuse_control_characters(text: str, name: str) -> None:
    found = _CONTROL.search(text)
    if found is None and text.startswith("\ufeff"):
        raise UnreadableTemplateError(
            f"{name}, line 1, column 1: the file begins with two byte order marks", "Save the file as UTF-8"
        )
    if found:
        lines = SourceLines.of(name, text, YAML_BREAK)
        raise lines.unreadable(
            found.start(), f"the control character 0x{ord(found[0]):02x} cannot stand in a template", "Remove it"
        )
