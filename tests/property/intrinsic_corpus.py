"""The expressions of real templates: the corpus next to the checkout, read in place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from image_pinner.core.intrinsics import intrinsic_of
from support.corpus import CORPUS, INDEX
from support.sampling import sample


class _Loader(yaml.CSafeLoader):
    """Reads YAML with CloudFormation's tags, dates as text."""


def _tagged(loader: yaml.Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)  # as the service does before a macro sees it
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class RealTemplate:
    """A template of the corpus, with the entries of its index about its images."""

    name: str
    content: dict[str, Any]
    images: list[dict[str, Any]]


@cache
def corpus() -> tuple[RealTemplate, ...]:
    """Return the real templates that a run evaluates; they must not be changed."""
    return tuple(
        RealTemplate(
            entry["file"],
            yaml.load((CORPUS / entry["file"]).read_text(encoding="utf-8-sig"), Loader=_Loader),
            entry["images"],
        )
        for entry in sample(json.loads(INDEX.read_text(encoding="utf-8")), 60)
    )


def expressions_in(node: Any) -> Iterator[Any]:
    """Return the outermost functions in a part of a template, loops and references to conditions excepted."""
    name = intrinsic_of(node)
    if name is not None and name != "Condition" and not name.startswith("Fn::ForEach"):
        yield node
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from expressions_in(part)
