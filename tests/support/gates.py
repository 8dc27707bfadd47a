"""Gates and facts for tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.enabled import DENY, EnabledGate
from image_pinner.core.gates.interface import (
    Fact,
    Facts,
    Failed,
    GateOption,
    JudgedImage,
    Judgment,
    Need,
    Passed,
    Seen,
    Subject,
    UnknownFact,
)
from image_pinner.core.gates.lifecycle import KEEP_TAG_PREFIX, Evaluation, ImageLifecycle
from image_pinner.core.images.lifecycle import LifecyclePolicy, RepositoryImage
from image_pinner.core.images.references import ImageReference
from image_pinner.core.template.options import Options
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline

SOURCE, TIME = "ecr:DescribeImages in us-east-1", "2026-11-30T12:00:00Z"


@dataclass(frozen=True)
class FakeGate:
    """A gate that judges with a function."""

    id: ClassVar[str] = "fake"
    summary: ClassVar[str] = "It is what a test says."
    options: ClassVar[tuple[GateOption, ...]] = ()
    required: ClassVar[tuple[str, ...]] = ()
    possible_needs: ClassVar[frozenset[Need]] = frozenset()

    decide: Callable[[JudgedImage], Judgment]
    needs: frozenset[Need] = frozenset()

    def judge(self, image: JudgedImage) -> Judgment:
        return self.decide(image)


def denying(needs: frozenset[Need] = frozenset()) -> EnabledGate:
    """Return a gate that denies every image."""
    return EnabledGate(
        FakeGate(lambda image: Failed(Seen("all"), f"{image.reference} is forbidden", "use another image"), needs),
        DENY,
        DENY,
    )


def requiring(name: str, value: Any, mode: str = DENY) -> EnabledGate:
    """Return a gate that requires a value of a fact."""

    def judge(image: JudgedImage) -> Judgment:
        fact = image.fact(name)
        if isinstance(fact, UnknownFact):
            return fact
        seen = Seen.of(fact, f"{name} is {fact.value}")
        return Passed(seen) if fact.value == value else Failed(seen, f"{name} is {fact.value}", "change it")

    return EnabledGate(FakeGate(judge, frozenset({Need(name)})), mode, DENY)


def fact_of(value: Any) -> Fact:
    """Return a fact with a value."""
    return Fact(value, SOURCE, TIME)


def lifecycle_of(*tags: str, age: float) -> ImageLifecycle:
    """Return what is known about an image that was pushed so many days ago to a repository with a usual policy.

    It keeps a thousand images with keep-tags, and removes images without tags after two weeks.
    """
    kept = {"tagStatus": "tagged", "tagPatternList": [f"{KEEP_TAG_PREFIX}*"], "countType": "imageCountMoreThan"}
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    rules = [
        {"rulePriority": 1, "selection": kept | {"countNumber": 1000}, "action": {"type": "expire"}},
        {"rulePriority": 2, "selection": untagged | {"countNumber": 14}, "action": {"type": "expire"}},
    ]
    image = RepositoryImage(f"sha256:{'1' * 64}", tags, 0.0)
    policy = LifecyclePolicy.of(json.dumps({"rules": rules}), [image])
    return ImageLifecycle(None, Evaluation(policy, image, None, age * 86400))


def judged(reference: str = "nginx:1", **facts: Fact | UnknownFact) -> JudgedImage:
    """Return an image to judge, with facts by their names, in which hyphens are underscores."""
    return JudgedImage(
        ImageReference.parse(reference), facts={name.replace("_", "-"): fact for name, fact in facts.items()}
    )


def with_gates(*entries: str, **settings: Any) -> Settings:
    """Return settings with gates."""
    return Settings(options=Options(gates=parse_gates(list(entries))), **settings)


@dataclass
class FakeFacts:
    """Returns facts by the references of images with their digests, and records what is gathered.

    Those of other images are `others`; the rest is unknown.
    """

    facts: Mapping[str, Facts] = field(default_factory=dict)
    others: Facts = field(default_factory=dict)
    gathered: list[tuple[list[str], frozenset[Need]]] = field(default_factory=list)

    def gather(
        self, subjects: Collection[Subject], needs: frozenset[Need], deadline: Deadline
    ) -> Mapping[Subject, Facts]:
        assert deadline.remaining() > 0
        assert subjects, "a call without images"
        assert needs, "a call without needs"
        self.gathered.append(([str(subject.image) for subject in subjects], needs))
        unknown = UnknownFact("the registry does not report it", "ask the platform team")
        return {
            subject: {
                need.fact: self.facts.get(str(subject.image), self.others).get(need.fact, unknown) for need in needs
            }
            for subject in subjects
        }
