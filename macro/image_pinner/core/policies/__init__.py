"""Policies: rules of the platform team that judge images from facts gathered before.

They never fetch facts, and do not know each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from image_pinner.core.images.lookups import Resolved
from image_pinner.core.images.references import ImageReference
from image_pinner.core.template.problems import ProblemKind

Facts = Mapping[str, object]
"""Facts about the image with a digest, by the names that policies list in `Policy.needs`."""


class JudgedImage(NamedTuple):
    """What is known of an image when policies judge it.

    `resolved` is `None` where the template sets a digest that is not the one its tag points to. `facts` lacks every
    fact that could not be gathered.
    """

    reference: ImageReference
    resolved: Resolved | None
    facts: Facts


@dataclass(frozen=True, slots=True)
class Allowed:
    """The policy allows the image, with a warning or without (empty)."""

    warning: str = ""


@dataclass(frozen=True, slots=True)
class Denied:
    """The policy denies the image. `kind` is `TEMPLATE` if the template lacks something, whatever is configured."""

    cause: str
    help: str
    kind: ProblemKind = ProblemKind.POLICY


Verdict = Allowed | Denied


class Policy(Protocol):
    """A rule that every image must satisfy."""

    @property
    def id(self) -> str:
        """The policy's name in kebab case."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """The facts to gather before images are judged."""
        ...

    def judge(self, image: JudgedImage) -> Verdict:
        """Judge an image; a fact that is missing denies it."""
        ...
