"""Output formats of `diff`. Each is a module with the function of `ComparisonFormat`."""

from image_pinner.cli.comparison import json, markdown, text
from image_pinner.cli.comparison.interface import Comparison, ComparisonFormat

FORMATS: dict[str, ComparisonFormat] = {"text": text, "markdown": markdown, "json": json}
"""The formats by their names in `--format`."""

__all__ = ["FORMATS", "Comparison", "ComparisonFormat"]
