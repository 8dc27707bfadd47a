"""The corpus of real templates: where it is, and each template with what others have found out about it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from image_pinner.cli.documents import SourceDocument, read_source
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.project import ROOT
from support.sampling import sample

CORPUS = Path(os.environ.get("IMAGE_PINNER_CORPUS") or ROOT.parent / "shared" / "corpus")
INDEX = CORPUS / "index.json"

REGION, ACCOUNT = "us-east-1", "123456789012"
"""The region and the account with which the index was made."""
MADE_UP = "made-up"
"""A value that is valid wherever a parameter can stand in a reference: as host, repository, tag, or all of it."""


@dataclass(frozen=True, slots=True)
class IndexedImage:
    """An image as the corpus's own index tells it.

    Args:
        resource: The logical id.
        path: The property path, with `[]` for each list.
        resolved: The reference with the parameters' defaults, or `None` where a small evaluator could not tell.
        unresolved: Why it could not.
    """

    resource: str
    path: str
    resolved: str | None
    unresolved: str


@cache
def index() -> Mapping[str, tuple[IndexedImage, ...]]:
    """Return the images of each template by the file's name; nothing where the corpus is not here."""
    if not INDEX.exists():
        return {}
    return {
        entry["file"]: tuple(
            IndexedImage(
                image["resource"], image["path"], image.get("resolved_with_defaults"), image.get("unresolved", "")
            )
            for image in entry["images"]
        )
        for entry in json.loads(INDEX.read_text("utf-8"))
    }


DUPLICATE_KEYS = (
    "0055-PacktPublishing+Docker-on-Amazon-Web-Services-stack.yml",
    "0155-aws-samples+aws-batch-processing-job-repo-template.yaml",
    "0567-improving-minnesota+jenkins-ecs-refarch-cloudformation-jenkins.cf.yml",
)
"""The templates with a duplicate key. YAML forbids it, and CloudFormation would use the last one."""


def names() -> list[str]:
    """Give the templates that can be read, in order."""
    return sorted(index().keys() - set(DUPLICATE_KEYS))


def sampled_names() -> list[str]:
    """Return the templates that a run tests one by one."""
    return sample(names(), 40)


def has_duplicate_keys(name: str) -> bool:
    """Return whether PyYAML finds a duplicate key in a template."""
    todo = [yaml.compose((CORPUS / name).read_bytes(), yaml.CSafeLoader)]
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(keys)) < len(keys):
                return True
            todo += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value
    return False


@cache
def document(name: str) -> SourceDocument:
    """Read a template with its places."""
    return read_source((CORPUS / name).read_bytes(), name)


def tree(name: str) -> Mapping[str, Any]:
    """Read a template."""
    return document(name).tree


def made_up_values(name: str) -> dict[str, str]:
    """Return values for the parameters that have no default, or an empty one."""
    values = {}
    for parameter, declaration in (tree(name).get("Parameters") or {}).items():
        if declaration.get("Default", "") == "":
            allowed = [str(value) for value in declaration.get("AllowedValues", [])]
            number = "1" if declaration["Type"] == "Number" else MADE_UP
            values[parameter] = next((value for value in allowed if value), number)
    return values


class GenerousWorld(InMemoryRegistry):
    """A world in which every image exists, and every look-up has a made-up answer."""

    def __init__(self) -> None:
        super().__init__(has_every_image=True)

    def resolve_values(
        self,
        external_values: Collection[ExternalValue],
        deadline: Deadline,  # noqa: ARG002 - the interface's
    ) -> Mapping[ExternalValue, Answer]:
        return dict.fromkeys(external_values, Known(MADE_UP))


def value_at(template: Any, path: TemplatePath) -> Any:
    """Return what stands at a path."""
    for step in path.steps:
        template = template[step]
    return template


def differences(before: Any, after: Any) -> list[tuple[Step, ...]]:
    """Return the paths at which two trees differ: a changed or new value, or a value that has gone."""
    found: list[tuple[Step, ...]] = []
    todo: list[tuple[Any, Any, tuple[Step, ...]]] = [(before, after, ())]
    while todo:
        old, new, steps = todo.pop()
        if isinstance(old, dict) and isinstance(new, dict):
            found += [(*steps, key) for key in old.keys() ^ new.keys()]
            todo += [(old[key], new[key], (*steps, key)) for key in old.keys() & new.keys()]
            if [key for key in new if key in old] != list(old):
                found.append(steps)
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            todo += [(one, other, (*steps, number)) for number, (one, other) in enumerate(zip(old, new, strict=True))]
        elif old != new or type(old) is not type(new):
            found.append(steps)
    return found
