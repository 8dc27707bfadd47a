"""Generated parts of the documentation match the code. `make golden` regenerates them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from docs.blocks import BLOCKS
from image_pinner.core.template.options import OPTION_RULES

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"<!-- generated: ([a-z-]+) -->\n(.*?)<!-- end -->", re.DOTALL)
DOCUMENTS = (
    "README.md",
    "docs/ci.md",
    "docs/cli.md",
    "docs/configuration.md",
    "docs/exit-codes.md",
    "docs/gates.md",
    "docs/permissions.md",
    "docs/registries.md",
    "docs/resources.md",
    "docs/rules.md",
)


def _renewed(text: str) -> str:
    return _BLOCK.sub(lambda found: f"<!-- generated: {found[1]} -->\n\n{BLOCKS[found[1]]()}\n\n<!-- end -->", text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_blocks_are_up_to_date(name: str) -> None:
    path = ROOT / name
    text = path.read_text("utf-8")
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(_renewed(text), "utf-8")
        return
    assert text == _renewed(text), f"{name} is out of date: run make golden"


def test_every_block_is_in_exactly_one_document() -> None:
    used = [found[1] for name in DOCUMENTS for found in _BLOCK.finditer((ROOT / name).read_text("utf-8"))]
    assert sorted(used) == sorted(BLOCKS)


def test_every_option_is_in_the_table() -> None:
    table = BLOCKS["options"]()
    assert [f"| `{rule.name}` |" in table for rule in OPTION_RULES] == [True] * len(OPTION_RULES)
