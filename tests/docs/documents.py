"""The documents of the project, and their code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from image_pinner.cli.main import command

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(
    r"(?:<!-- (?P<comment>[^\n]+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_GENERATED = re.compile(r"<!-- generated: [a-z-]+ -->.*?<!-- end -->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block: its document, the comment on the line above it, its language and its text."""

    document: str
    comment: str
    language: str
    text: str


def documents() -> list[str]:
    """Return the paths of the documents, relative to the root."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "deploy" / "README.md"]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def written_text(document: str) -> str:
    """Return the text of a document without its generated parts."""
    return _GENERATED.sub("", (ROOT / document).read_text("utf-8"))


def generated_text(document: str) -> str:
    """Return the generated parts of a document."""
    return "\n".join(_GENERATED.findall((ROOT / document).read_text("utf-8")))


def blocks(language: str) -> list[Block]:
    """Return the code blocks of a language in all documents, without generated ones."""
    return [
        Block(document, block["comment"] or "", language, block["text"])
        for document in documents()
        for block in _BLOCK.finditer(written_text(document))
        if block["language"] == language
    ]


def context_of(subcommand: str) -> click.Context:
    """Return the context of a subcommand, such as `pin` or `lock publish`, as the CLI itself creates it.

    With an empty name, it is that of the CLI.
    """
    root = click.Context(command, info_name="image-pinner", **command.context_settings)
    if not subcommand:
        return root
    name, _, nested = subcommand.partition(" ")
    found = command.get_command(root, name)
    assert found is not None, f"no subcommand {name}"
    if nested:
        found = subcommands_of(found)[nested]
    return click.Context(found, parent=root, info_name=subcommand)


def subcommands_of(found: click.Command) -> dict[str, click.Command]:
    """Return the nested subcommands of a subcommand; most have none."""
    return getattr(found, "commands", {})


def as_parameters(found: list[Block]) -> list[object]:
    """Return blocks as parameters of a test, named by document and number."""
    return [pytest.param(block, id=f"{block.document}-{number}") for number, block in enumerate(found, 1)]
