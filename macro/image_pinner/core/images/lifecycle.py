"""Predict what the lifecycle policy of an ECR repository does with an image.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from image_pinner.core.errors import SourceError

_SECONDS_PER_DAY = 86_400
_BY_COUNT = "imageCountMoreThan"
_BY_AGE = {"sinceImagePushed": "pushed_at", "sinceImagePulled": "used_at", "sinceImageTransitioned": "archived_at"}


class RepositoryImage(NamedTuple):
    """An image of a repository. Times are in seconds since 1970.

    Args:
        digest: The digest, as text.
        tags: Its tags.
        pushed_at: When it was pushed.
        pulled_at: When it was last pulled, or `None`.
        archived_at: When it was archived, or `None` if it is not.
    """

    digest: str
    tags: tuple[str, ...]
    pushed_at: float
    pulled_at: float | None = None
    archived_at: float | None = None

    @property
    def used_at(self) -> float:
        """When it was last pulled or, if never, pushed."""
        return self.pushed_at if self.pulled_at is None else self.pulled_at


class LifecycleRule(NamedTuple):
    """A rule of a lifecycle policy.

    Args:
        priority: Its priority; the lowest number comes first.
        tag_status: `tagged`, `untagged` or `any`.
        patterns: What the tags of an image must match, each at least one.
        archived: Whether it selects archived images rather than the others.
        count_type: What `number` counts.
        number: The number of images, or of days.
        action: `expire` or `transition`.
    """

    priority: int
    tag_status: str
    patterns: tuple[re.Pattern[str], ...]
    archived: bool
    count_type: str
    number: int
    action: str

    def selects(self, image: RepositoryImage) -> bool:
        """Return whether the tags and the storage class of an image are those of the rule."""
        if (image.archived_at is not None) is not self.archived:
            return False
        if self.tag_status == "untagged":
            return not image.tags
        if self.tag_status == "any":
            return True
        return bool(image.tags) and all(any(map(pattern.fullmatch, image.tags)) for pattern in self.patterns)


class Expiry(NamedTuple):
    """What a lifecycle policy does with an image: `expire` or `transition`, by the rule with this priority."""

    action: str
    priority: int


def parse_lifecycle_policy(text: str) -> tuple[LifecycleRule, ...]:
    """Parse the text of a lifecycle policy. The rules are sorted by priority.

    Raises:
        SourceError: It contains what is not documented, so that its effect is unknown.
    """
    try:
        rules = [_parse_rule(rule) for rule in json.loads(text)["rules"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SourceError("the lifecycle policy has rules that this version does not know") from None
    return tuple(sorted(rules, key=lambda rule: rule.priority))


def _parse_rule(rule: dict[str, Any]) -> LifecycleRule:
    selection, action = rule["selection"], rule["action"]["type"]
    storage_class, count_type = selection.get("storageClass", "standard"), selection["countType"]
    known = (
        (action, {"expire", "transition"}),
        (selection["tagStatus"], {"tagged", "untagged", "any"}),
        (storage_class, {"standard", "archive"}),
        (count_type, {_BY_COUNT, *_BY_AGE}),
        (selection.get("countUnit", "days"), {"days"}),
    )
    if any(value not in values for value, values in known):
        raise ValueError
    patterns = [_wildcard(pattern) for pattern in selection.get("tagPatternList") or ()]
    patterns += [_wildcard(f"{prefix}*") for prefix in selection.get("tagPrefixList") or ()]
    return LifecycleRule(
        int(rule["rulePriority"]),
        selection["tagStatus"],
        tuple(patterns),
        storage_class == "archive",
        count_type,
        int(selection["countNumber"]),
        action,
    )


def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def find_expiry(
    rules: Sequence[LifecycleRule], images: Iterable[RepositoryImage], digest: str, now: float
) -> Expiry | None:
    """Return what a policy does with an image at a time, or `None` if it does nothing or the image is not there.

    All rules are evaluated together. The first rule that selects an image by its tags decides on it alone; later rules
    count the image but never act on it.
    """
    images = tuple(images)
    image = next((image for image in images if image.digest == digest), None)
    rule = next((rule for rule in rules if image and rule.selects(image)), None)
    if image is None or rule is None or not _acts_on(rule, image, images, now):
        return None
    return Expiry(rule.action, rule.priority)


def _acts_on(rule: LifecycleRule, image: RepositoryImage, images: Sequence[RepositoryImage], now: float) -> bool:
    if rule.count_type == _BY_COUNT:
        newer = sum(_order(other) > _order(image) for other in images if rule.selects(other))
        return newer >= rule.number
    since = getattr(image, _BY_AGE[rule.count_type])
    return since is not None and now - since > rule.number * _SECONDS_PER_DAY


def _order(image: RepositoryImage) -> float:
    return image.pushed_at if image.archived_at is None else image.archived_at
