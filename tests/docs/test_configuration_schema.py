"""The JSON schema of the configuration file matches the code. `make golden` regenerates it."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from docs.configuration_schema import render, schema
from docs.documents import ROOT, Block, as_parameters, blocks
from support.command import image_pinner

PATH = ROOT / "docs" / "image-pinner.schema.json"
TOML = [block for block in blocks("toml") if not block.comment]


def _published() -> Draft202012Validator:
    return Draft202012Validator(json.loads(PATH.read_text("utf-8")))


def _properties(found: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for part in [found, *found.get("anyOf", ())]:
        for name, value in {**part.get("properties", {}), **part.get("$defs", {})}.items():
            if "description" in value or "$ref" not in value:
                yield f"{path}.{name}", value
            yield from _properties(value, f"{path}.{name}")


def _configuration(text: str) -> Any:
    content = tomllib.loads(text)
    return content.get("tool", {}).get("image-pinner", content)


def test_the_published_schema_is_up_to_date() -> None:
    text = f"{render(schema())}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        PATH.write_text(text, "utf-8")
    assert PATH.read_text("utf-8") == text, "the schema is out of date: run make golden"
    assert json.loads(text) == schema()
    Draft202012Validator.check_schema(schema())


def test_every_key_has_a_description_without_markup() -> None:
    described = {path: value.get("description", "") for path, value in _properties(schema()) if "anyOf" not in value}
    assert len(described) > 100
    assert [path for path, text in described.items() if not re.search(r"[.)\]]$", text) or "`" in text] == []


@pytest.mark.parametrize(
    "text",
    [
        "worker = 3",
        "workers = '3'",
        "timeout = true",
        "pin = 'Skip'",
        "when-missing = 'Warn'",
        "image-paths = '$.A'",
        "mirrors = {a = 1.5}",
        "[check]\nformt = 'json'",
        "[check]\nformat = 'xml'",
        "[install]\nyes = true",
        "[lock.publish]\nworkers = 3",
        "check = 1",
        "[settings]\nworker = 3",
    ],
)
def test_an_invalid_file_does_not_match_the_schema_and_is_rejected(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _published().is_valid(_configuration(text))
    assert _show(text, tmp_path, monkeypatch) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pin = 'All'\nplatform = 'linux/arm64'\nmetered-registries = []",
        "mirrors = {'docker.io' = 'm.example'}\n[pin]\npin = 'All'\nparameter = {Tag = 1, On = true}",
        "mirrors = ['docker.io=m.example']\n[lock]\nupdate = ['shop/web']\n[lock.publish]\nforce = true",
        "[settings]\npin = 'All'\n[pin]\nkeep-tag = true",
        "[check]\nmax-images = 3\ntimeout = 5\nformat = 'json'",
    ],
)
def test_a_valid_file_matches_the_schema_and_is_accepted(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _published().validate(_configuration(text))
    assert _show(text, tmp_path, monkeypatch) == 0


@pytest.mark.parametrize("block", as_parameters(TOML))
def test_every_example_in_the_documentation_is_valid(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _published().validate(_configuration(block.text))
    assert _show(block.text, tmp_path, monkeypatch) == 0


def _show(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    name = "pyproject.toml" if "[tool." in text else "image-pinner.toml"
    (folder / name).write_text(text, "utf-8")
    monkeypatch.chdir(folder)
    return image_pinner("config").code
