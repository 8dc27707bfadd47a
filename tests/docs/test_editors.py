"""The settings of editors in the documentation fit templates, the schema and the output of `check`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.documents import blocks
from docs.schemas import SCHEMA
from support.command import image_pinner
from support.project import ROOT
from support.repository import UNPINNED

KINDS = {yaml.ScalarEvent: "scalar", yaml.SequenceStartEvent: "sequence", yaml.MappingStartEvent: "mapping"}
TEMPLATES = sorted([*(ROOT / "templates").glob("*.yaml"), *(ROOT / "tests" / "golden" / "inputs").glob("*.yaml")])


def settings(name: str) -> dict[str, Any]:
    (block,) = [block for block in blocks("json") if block.comment == f"tested: {name}" and "editors" in block.document]
    content: dict[str, Any] = json.loads(block.text)
    return content


def tags(text: str) -> Iterator[str]:
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, tuple(KINDS)) and (event.tag or "").startswith("!"):
            yield f"{event.tag} {KINDS[type(event)]}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_tag_of_a_template_is_listed(path: Path) -> None:
    assert set(tags(path.read_text("utf-8"))) <= set(settings("settings")["yaml.customTags"])


def test_a_tag_that_is_not_listed_is_found() -> None:
    assert list(tags("a: !Other [1]\nb: !Ref x\n")) == ["!Other sequence", "!Ref scalar"]


def test_the_schema_is_at_its_address() -> None:
    ((address, patterns),) = settings("settings")["yaml.schemas"].items()
    assert address.endswith(f"/main/{SCHEMA}")
    assert patterns == ["templates/*.yaml"]


def test_the_problem_matcher_reads_the_output_of_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "templates" / "web.yaml"
    path.parent.mkdir()
    path.write_text(UNPINNED, "utf-8")
    (task,) = settings("tasks")["tasks"]
    run = image_pinner(*task["args"])
    pattern = task["problemMatcher"]["pattern"]
    matches = [found for line in run.text.splitlines() if (found := re.match(pattern["regexp"], line))]
    named = [{name: found[group] for name, group in pattern.items() if name != "regexp"} for found in matches]
    assert [(one["file"], one["line"], one["column"], one["code"]) for one in named] == [
        ("templates/web.yaml", "8", "18", "IP001")
    ]
    assert named[0]["message"].startswith("image 'nginx:1.27' is not pinned")
