"""Reads YAML and JSON template files with positions, and edits them in place so that all other bytes stay."""

from image_pinner.cli.documents.document import SourceDocument, read_source
from image_pinner.cli.documents.edits import InPlaceEditError, TextEdit
from image_pinner.cli.documents.files import (
    FileReadError,
    FileWriteError,
    create_directory,
    read_file,
    write_all,
    write_atomically,
)
from image_pinner.cli.documents.text import (
    Excerpt,
    Position,
    Preview,
    TemplateSyntaxError,
    TextReplacement,
    decode,
)

__all__ = [
    "Excerpt",
    "FileReadError",
    "FileWriteError",
    "InPlaceEditError",
    "Position",
    "Preview",
    "SourceDocument",
    "TemplateSyntaxError",
    "TextEdit",
    "TextReplacement",
    "create_directory",
    "decode",
    "read_file",
    "read_source",
    "write_all",
    "write_atomically",
]
