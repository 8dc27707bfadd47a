"""Real templates: each is read as cfn-flip reads it, and edits change only its images."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfn_tools
import pytest
import yaml

from image_pinner.cli.documents import SourceDocument, read_source
from image_pinner.cli.documents.nodes import MappingNode, parent_of, resolve_path
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.paths import Step, TemplatePath, value_at

pytestmark = pytest.mark.corpus

CORPUS = Path(os.environ.get("IMAGE_PINNER_CORPUS") or Path(__file__).parents[2] / ".." / "shared" / "corpus")
NO_TEMPLATES = ("index.json", "SOURCES.tsv")
TEMPLATES = sorted(path for path in CORPUS.glob("*") if path.name not in NO_TEMPLATES)
EXPECTED = 376

# CloudFormation would use the last of two equal keys, which may not be the one that its author meant.
DUPLICATE_KEYS = {
    "0055-PacktPublishing+Docker-on-Amazon-Web-Services-stack.yml": "duplicate key 'EcsCapacityPermission'",
    "0155-aws-samples+aws-batch-processing-job-repo-template.yaml": "duplicate key 'Resource'",
    "0567-improving-minnesota+jenkins-ecs-refarch-cloudformation-jenkins.cf.yml": "duplicate key 'JenkinsPasswordKey'",
}


class CfnFlipOnLibyaml(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """cfn-flip's loader on libyaml: seven times as fast, with the same result."""


CfnFlipOnLibyaml.add_constructor(cfn_tools.yaml_loader.TAG_MAP, cfn_tools.yaml_loader.construct_mapping)
CfnFlipOnLibyaml.add_multi_constructor("!", cfn_tools.yaml_loader.multi_constructor)


@pytest.fixture(scope="module", autouse=True)
def _corpus() -> None:
    if not TEMPLATES:
        pytest.skip(f"no corpus of templates in {CORPUS.name}; set IMAGE_PINNER_CORPUS to its directory")


def differences(ours: Any, theirs: Any, steps: tuple[Step, ...] = ()) -> Iterator[str]:
    """Yield the differences between two trees, except intended ones."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        # Keys stay strings as written; cfn-flip turns them into numbers and dates.
        if list(ours) != [str(key) for key in theirs]:
            yield f"{TemplatePath(steps)}: the keys {list(ours)} and {list(theirs)}"
            return
        for (key, inner), other in zip(ours.items(), theirs.values(), strict=True):
            yield from differences(inner, other, (*steps, key))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (inner, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(inner, other, (*steps, index))
    elif (type(ours) is not type(theirs) or ours != theirs) and not is_intended(ours, theirs, steps):
        yield f"{TemplatePath(steps)}: {ours!r} and {theirs!r}"


def is_intended(ours: Any, theirs: Any, steps: tuple[Step, ...]) -> bool:
    if isinstance(ours, str) and isinstance(theirs, dt.date | int | float):
        # Dates, and numbers that JSON would write differently, stay strings as written.
        return json.dumps(theirs, default=str) != ours and yaml.safe_load(ours) == theirs
    # cfn-flip drops what is nested in the list form of !GetAtt.
    return steps[-2:-1] == ("Fn::GetAtt",) and isinstance(ours, dict) and list(ours.values()) == [theirs]


def images(value: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Image" and isinstance(inner, str):
                yield (*steps, key)
            yield from images(inner, (*steps, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from images(inner, (*steps, index))


def read(path: Path) -> SourceDocument | None:
    data = path.read_bytes()
    if path.name in DUPLICATE_KEYS:
        with pytest.raises(UnreadableTemplateError, match=re.escape(DUPLICATE_KEYS[path.name])):
            read_source(data, path.name)
        return None
    return read_source(data, path.name)


def test_corpus_is_complete() -> None:
    assert len(TEMPLATES) == EXPECTED


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name[:4])
def test_real_template_is_read_as_cfn_flip_reads_it(path: Path) -> None:
    document = read(path)
    if document is None:
        return
    data = path.read_bytes()
    assert document.apply(()) == data
    theirs = json.loads(data) if document.is_json else yaml.load(data, Loader=CfnFlipOnLibyaml)
    assert list(differences(document.tree, theirs)) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name[:4])
def test_new_images_change_only_the_images(path: Path) -> None:
    document = read(path)
    if document is None:
        return
    paths = list(images(document.tree))
    edits = [Replace(TemplatePath(steps), value_at(document.tree, steps) + "x") for steps in paths]
    assert document.lost_comments(edits) == ()
    before, after = path.read_bytes(), document.apply(edits)
    document_lines, new_lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    touched = {document.position(edit.path).line - 1 for edit in edits}
    for number, line in enumerate(document_lines):
        if number not in touched:
            assert new_lines[number] == line
    for edit in edits:
        number = document.position(edit.path).line - 1
        old, new = (
            text.decode().replace("'", "").replace('"', "") for text in (document_lines[number], new_lines[number])
        )
        # An empty image without quotes has no text to find in its line.
        assert edit.value == "x" or new == old.replace(edit.value[:-1], edit.value, 1)


def containers(value: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    if isinstance(value, dict) and "Image" in value:
        yield steps
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        yield from containers(inner, (*steps, step))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name[:4])
def test_pinned_images_with_labels_leave_every_other_line(path: Path) -> None:
    document = read(path)
    if document is None:
        return
    edits: list[Edit] = []
    for steps in containers(document.tree):
        container = TemplatePath(steps)
        edits.append(Replace(container.child("Image"), "repo@sha256:" + "a" * 64))
        edits.append(InsertKey(container, "x-label", {"image-pinner.source": "repo:tag"}, "Image"))
    assert document.lost_comments(edits) == ()
    touched: set[int] = set()
    for edit in edits:
        node = resolve_path(document.root, edit.path).node
        parent = parent_of(document.root, node)
        member = parent.member if parent else None
        if member and isinstance(edit, Replace):
            touched |= set(
                range(document.source.position(member.key.start).line, document.source.position(node.end).line + 1)
            )
        elif isinstance(node, MappingNode) and node.flow:
            touched.add(document.source.position(node.values["Image"].end).line)
    after = iter(read_source(document.apply(edits), path.name).source.text.splitlines())
    for number in range(1, len(document.source.line_starts) + 1):
        if number not in touched:
            # Each is searched for after the one before.
            assert number == len(document.source.line_starts) or document.source.line_text(number) in after
