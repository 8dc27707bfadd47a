"""Predict what the lifecycle policy of an ECR repository does with its images.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple

from image_pinner.core.errors import SourceError
from image_pinner.core.images.globs import compile_glob

_SECONDS_PER_DAY = 86_400
_BY_COUNT = "imageCountMoreThan"
_BY_AGE = {"sinceImagePushed": "pushed_at", "sinceImagePulled": "used_at"}
_OF_ARCHIVE = "sinceImageTransitioned"
EXPIRE, TRANSITION = "expire", "transition"
"""The actions of rules: remove an image, and move it to the archive, from which it cannot be pulled."""


class RepositoryImage(NamedTuple):
    """An image of a repository that is not archived. Times are in seconds since 1970.

    Args:
        digest: The digest, as text.
        tags: Its tags.
        pushed_at: When it was pushed.
        pulled_at: When it was last pulled, or `None`.
        restored_at: When it was last restored from the archive, or `None`.
    """

    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    pulled_at: float | None = None
    restored_at: float | None = None

    @property
    def used_at(self) -> float:
        """When it was last pulled or restored or, if never, pushed."""
        return max(filter(None, (self.pulled_at, self.restored_at)), default=self.pushed_at)


class LifecycleRule(NamedTuple):
    """A rule of a lifecycle policy for images that are not archived.

    Args:
        priority: Its priority; the lowest number comes first.
        tag_status: `tagged`, `untagged` or `any`.
        patterns: What the tags of an image must match, each at least one.
        count_type: What `number` counts.
        number: The number of images, or of days.
        action: `EXPIRE` or `TRANSITION`.
    """

    priority: int
    tag_status: str
    patterns: tuple[re.Pattern[str], ...]
    count_type: str
    number: int
    action: str

    def selects(self, image: RepositoryImage) -> bool:
        """Return whether the tags of an image are those of the rule."""
        if self.tag_status == "untagged":
            return not image.tags
        if self.tag_status == "any":
            return True
        return bool(image.tags) and all(any(map(pattern.fullmatch, image.tags)) for pattern in self.patterns)


class LifecycleAction(NamedTuple):
    """What a lifecycle policy does with an image, and the priority of the rule."""

    action: str
    priority: int


class LifecyclePolicy(NamedTuple):
    """The rules of a repository by priority, and for each that counts images the sorted times of their pushes."""

    rules: tuple[LifecycleRule, ...]
    pushes: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, text: str, images: Iterable[RepositoryImage]) -> LifecyclePolicy:
        """Parse the text of the policy of a repository with these images.

        Raises:
            SourceError: It contains what is not documented, so that its effect is unknown.
        """
        rules, images = _parse_rules(text), tuple(images)
        pushes = [
            sorted(image.pushed_at for image in images if rule.count_type == _BY_COUNT and rule.selects(image))
            for rule in rules
        ]
        return cls(rules, tuple(map(tuple, pushes)))

    def find_action(self, image: RepositoryImage, now: float) -> LifecycleAction | None:
        """Return what the policy does with an image at a time, or `None` if it keeps it.

        All rules are evaluated together. The first rule that selects an image by its tags decides on it alone; later
        rules count the image but never act on it.
        """
        for rule, pushes in zip(self.rules, self.pushes, strict=True):
            if rule.selects(image):
                acts = _acts_on(rule, image, pushes, now)
                return LifecycleAction(rule.action, rule.priority) if acts else None
        return None


def _parse_rules(text: str) -> tuple[LifecycleRule, ...]:
    try:
        rules = [_parse_rule(rule) for rule in json.loads(text)["rules"]]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise SourceError(
            "the lifecycle policy has a rule that this version does not know", "upgrade ImagePinner"
        ) from None
    return tuple(sorted((rule for rule in rules if rule), key=lambda rule: rule.priority))


def _parse_rule(rule: dict[str, Any]) -> LifecycleRule | None:
    """Parse a rule; `None` is one for archived images."""
    selection, action = rule["selection"], rule["action"]["type"]
    storage_class, count_type = selection.get("storageClass", "standard"), selection["countType"]
    known = (
        (action, {EXPIRE, TRANSITION}),
        (selection["tagStatus"], {"tagged", "untagged", "any"}),
        (storage_class, {"standard", "archive"}),
        (count_type, {_BY_COUNT, *_BY_AGE} if storage_class == "standard" else {_BY_COUNT, *_BY_AGE, _OF_ARCHIVE}),
        (selection.get("countUnit", "days"), {"days"}),
    )
    if any(value not in values for value, values in known):
        raise ValueError
    patterns = [
        *(selection.get("tagPatternList") or ()),
        *(f"{each}*" for each in selection.get("tagPrefixList") or ()),
    ]
    if storage_class == "archive":
        return None
    return LifecycleRule(
        int(rule["rulePriority"]),
        selection["tagStatus"],
        tuple(map(compile_glob, patterns)),
        count_type,
        int(selection["countNumber"]),
        action,
    )


def _acts_on(rule: LifecycleRule, image: RepositoryImage, pushes: tuple[float, ...], now: float) -> bool:
    if rule.count_type == _BY_COUNT:
        newer = len(pushes) - bisect_right(pushes, image.pushed_at)
        return newer >= rule.number
    since: float = getattr(image, _BY_AGE[rule.count_type])
    return now - since > rule.number * _SECONDS_PER_DAY
