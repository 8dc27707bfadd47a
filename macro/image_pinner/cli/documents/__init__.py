"""Template files with positions: reading YAML and JSON, and editing them in place so that every other byte stays."""

from image_pinner.cli.documents.document import SourceDocument, corrected_line, read_source
from image_pinner.cli.documents.source_lines import Position
from image_pinner.cli.documents.unfaithful import UnfaithfulEdit
from image_pinner.cli.documents.write import UnwritableFileError, read_file, write_by_rename

__all__ = [
    "Position",
    "SourceDocument",
    "UnfaithfulEdit",
    "UnwritableFileError",
    "corrected_line",
    "read_file",
    "read_source",
    "write_by_rename",
]
