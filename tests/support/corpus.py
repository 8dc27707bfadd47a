"""The corpus of real templates, and its index of the images in them."""

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
from image_pinner.core.template.paths import Step
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.project import ROOT
from support.sampling import sample

CORPUS = Path(os.environ.get("IMAGE_PINNER_CORPUS") or ROOT.parent / "shared" / "corpus")
INDEX = CORPUS / "index.json"

REGION, ACCOUNT = "us-east-1", "123456789012"
"""The region and the account with which the index was made."""
GENERATED = "generated"
"""A value that is valid as any part of a reference: host, repository, tag or all of it."""


@dataclass(frozen=True, slots=True)
class IndexedImage:
    """An image as the index of the corpus records it.

    `resource` is a logical ID, and `path` a property path with `[]` for each list. `resolved` is the reference with the
    defaults of the parameters, or `None` if the simple evaluator of the index failed; `unresolved` is why.
    """

    resource: str
    path: str
    resolved: str | None
    unresolved: str


@cache
def index() -> Mapping[str, tuple[IndexedImage, ...]]:
    """Return the images of each template by file name; empty without the corpus."""
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
    """Return the names of the valid templates, sorted."""
    return sorted(index().keys() - set(DUPLICATE_KEYS))


def sampled_names() -> list[str]:
    """Return the names of the templates that a run tests one by one."""
    return sample(names(), 40)


def has_duplicate_keys(name: str) -> bool:
    """Return whether PyYAML finds a duplicate key in a template."""
    pending = [yaml.compose((CORPUS / name).read_bytes(), yaml.CSafeLoader)]
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(keys)) < len(keys):
                return True
            pending += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            pending += node.value
    return False


@cache
def document(name: str) -> SourceDocument:
    """Read a template with its source positions."""
    return read_source((CORPUS / name).read_bytes(), name)


def tree(name: str) -> Mapping[str, Any]:
    """Return a template as Python values."""
    return document(name).tree


def generated_values(name: str) -> dict[str, str]:
    """Return values for the parameters of a template that have no default, or an empty one."""
    return values_of(tree(name))


def values_of(template: Mapping[str, Any]) -> dict[str, str]:
    """See `generated_values`."""
    values = {}
    for parameter, declaration in (template.get("Parameters") or {}).items():
        if declaration.get("Default", "") == "":
            allowed = [str(value) for value in declaration.get("AllowedValues", [])]
            number = "1" if declaration["Type"] == "Number" else GENERATED
            values[parameter] = next((value for value in allowed if value), number)
    return values


class PermissiveRegistry(InMemoryRegistry):
    """A registry in which every image exists, and every external value is `GENERATED`."""

    def __init__(self) -> None:
        super().__init__(has_every_image=True)

    def resolve_values(
        self,
        external_values: Collection[ExternalValue],
        deadline: Deadline,  # noqa: ARG002 - part of the protocol
    ) -> Mapping[ExternalValue, Answer]:
        return dict.fromkeys(external_values, Known(GENERATED))


def differences(before: Any, after: Any) -> list[tuple[Step, ...]]:
    """Return the paths of changed, added and removed values, and of mappings in another order."""
    found: list[tuple[Step, ...]] = []
    pending: list[tuple[Any, Any, tuple[Step, ...]]] = [(before, after, ())]
    while pending:
        old, new, steps = pending.pop()
        if isinstance(old, dict) and isinstance(new, dict):
            found += [(*steps, key) for key in old.keys() ^ new.keys()]
            pending += [(old[key], new[key], (*steps, key)) for key in old.keys() & new.keys()]
            if [key for key in new if key in old] != list(old):
                found.append(steps)
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            pending += [
                (one, other, (*steps, number)) for number, (one, other) in enumerate(zip(old, new, strict=True))
            ]
        elif old != new or type(old) is not type(new):
            found.append(steps)
    return found
