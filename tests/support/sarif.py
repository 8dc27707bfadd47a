"""Validates SARIF against the schema of OASIS: https://docs.oasis-open.org/sarif/sarif/v2.1.0/."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator


@cache
def _validator() -> Any:
    schema = Path(__file__).with_name("sarif-2.1.0.schema.json").read_text("utf-8")
    return Draft4Validator(json.loads(schema))


def sarif_errors(text: str) -> list[str]:
    """Return what the schema does not accept in a SARIF log."""
    return [f"{error.json_path}: {error.message}" for error in _validator().iter_errors(json.loads(text))]
