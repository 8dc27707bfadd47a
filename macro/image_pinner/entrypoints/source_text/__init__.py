"""Template files with positions: reading YAML and JSON, and editing them in place so that every other byte stays."""

from image_pinner.entrypoints.source_text.document import SourceDocument, corrected_line, read_source
from image_pinner.entrypoints.source_text.source_lines import Position
from image_pinner.entrypoints.source_text.unfaithful import UnfaithfulEdit
from image_pinner.entrypoints.source_text.write import UnwritableFile, read_file, write_by_rename

__all__ = [
    "Position",
    "SourceDocument",
    "UnfaithfulEdit",
    "UnwritableFile",
    "corrected_line",
    "read_file",
    "read_source",
    "write_by_rename",
]
