from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lifecycle import LifecycleAction, LifecyclePolicy, RepositoryImage

DAY = 86_400
NOW = 100 * DAY


def rule(priority: int = 1, action: str = "expire", **selection: Any) -> dict[str, Any]:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1} | selection
    if selection["countType"] != "imageCountMoreThan":
        selection["countUnit"] = "days"
    return {"rulePriority": priority, "selection": selection, "action": {"type": action}}


def action_on(digest: str, images: list[RepositoryImage], *rules: dict[str, Any]) -> LifecycleAction | None:
    policy = LifecyclePolicy.of(json.dumps({"rules": list(rules)}), images)
    return policy.find_action(next(each for each in images if each.digest == digest), NOW)


def image(digest: str, *tags: str, age: float = 0, **others: Any) -> RepositoryImage:
    return RepositoryImage(digest, tags, NOW - age * DAY, **others)


EXPIRE_UNTAGGED = rule(tagStatus="untagged", countType="sinceImagePushed", countNumber=14)


def test_an_old_image_expires() -> None:
    assert action_on("a", [image("a", age=15)], EXPIRE_UNTAGGED) == LifecycleAction("expire", 1)
    assert action_on("a", [image("a", age=14)], EXPIRE_UNTAGGED) is None
    assert action_on("a", [image("a", "v1", age=15)], EXPIRE_UNTAGGED) is None


def test_the_newest_images_stay() -> None:
    images = [image(str(age), f"v{age}", age=age) for age in range(5)]

    expiring = [each.digest for each in images if action_on(each.digest, images, rule(countNumber=3))]

    assert expiring == ["3", "4"]


def test_the_first_rule_that_selects_an_image_decides_on_it_alone() -> None:
    keep = rule(tagStatus="tagged", tagPatternList=["prod*"], countNumber=100)
    expire = rule(2, countType="sinceImagePushed", countNumber=1)

    assert action_on("a", [image("a", "prod-1", age=50)], keep, expire) is None
    assert action_on("a", [image("a", "dev-1", age=50)], keep, expire) == LifecycleAction("expire", 2)


def test_rules_are_ordered_by_priority_not_by_position() -> None:
    keep, expire = rule(1, countNumber=9), rule(2, countNumber=1, countType="sinceImagePushed")

    assert action_on("a", [image("a", age=50)], expire, keep) is None


def test_a_later_rule_counts_the_images_of_an_earlier_one() -> None:
    images = [image("new", "prod", age=0), image("old", "dev", age=1)]

    assert action_on("old", images, rule(1, tagStatus="tagged", tagPrefixList=["prod"], countNumber=9), rule(2))


PROD = [image("A", "beta-1", "prod-1", age=10), image("B", "beta-2", "prod-2", age=9), image("C", "beta-3", age=8)]
ALPHA = [
    image("A", "alpha-1", age=12),
    image("B", "beta-1", age=11),
    image("C", "alpha-2", "beta-2", age=10),
    image("D", "alpha-3", age=0.2),
    image("E", "beta-3", age=0.2),
    image("F", "alpha-4", "beta-4", age=0.1),
]
ONE_PROD, ONE_BETA = (
    {"tagStatus": "tagged", "tagPrefixList": [prefix], "countNumber": 1} for prefix in ("prod", "beta")
)
BOTH = {"tagStatus": "tagged", "tagPrefixList": ["alpha", "beta"], "countType": "sinceImagePushed", "countNumber": 5}


@pytest.mark.parametrize(
    ("images", "rules", "removed"),
    [
        (PROD, [rule(1, **ONE_PROD), rule(2, **ONE_BETA)], {"A": 1}),
        (PROD, [rule(1, **ONE_BETA), rule(2, **ONE_PROD)], {"A": 1, "B": 1}),
        (ALPHA, [rule(1, **BOTH)], {"C": 1}),
    ],
)
def test_the_examples_of_the_user_guide(
    images: list[RepositoryImage], rules: list[dict[str, Any]], removed: dict[str, int]
) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html
    found = {each.digest: action_on(each.digest, images, *rules) for each in images}
    assert {digest: action.priority for digest, action in found.items() if action} == removed


@pytest.mark.parametrize(
    ("tags", "patterns", "prefixes", "selected"),
    [
        (("prod", "eu"), ["prod*", "eu*"], [], True),
        (("prod",), ["prod*", "eu*"], [], False),
        (("prod", "eu"), [], ["pr", "e"], True),
        (("prod",), [], ["pr", "e"], False),
        (("a.b",), ["a*b"], [], True),
        (("axb",), ["a.b"], [], False),
        (("prod",), ["rod*"], [], False),
        (("Prod",), ["prod"], [], False),
    ],
)
def test_an_image_must_match_all_patterns_of_a_rule(
    tags: tuple[str, ...], patterns: list[str], prefixes: list[str], *, selected: bool
) -> None:
    selection = {"tagPatternList": patterns} if patterns else {"tagPrefixList": prefixes}
    tagged = rule(tagStatus="tagged", countType="sinceImagePushed", countNumber=1, **selection)

    assert (action_on("a", [image("a", *tags, age=50)], tagged) is not None) is selected


def test_an_image_that_was_never_pulled_counts_from_its_push() -> None:
    unused = rule(action="transition", countType="sinceImagePulled", countNumber=30)

    assert action_on("a", [image("a", age=31)], unused) == LifecycleAction("transition", 1)
    assert action_on("a", [image("a", age=31, pulled_at=NOW - DAY)], unused) is None


def test_an_image_that_was_restored_and_not_pulled_since_counts_from_then() -> None:
    unused = rule(action="transition", countType="sinceImagePulled", countNumber=30)

    assert action_on("a", [image("a", age=90, pulled_at=NOW - 50 * DAY, restored_at=NOW - DAY)], unused) is None
    assert action_on("a", [image("a", age=90, pulled_at=NOW - 50 * DAY, restored_at=NOW - 40 * DAY)], unused)


def test_rules_for_the_archive_do_not_select_other_images() -> None:
    old = rule(1, tagStatus="any", storageClass="archive", countType="sinceImageTransitioned", countNumber=30)
    standard = rule(2, storageClass="standard", countType="sinceImagePushed")

    assert action_on("a", [image("a", age=90)], old) is None
    assert action_on("a", [image("a", age=90)], old, standard) == LifecycleAction("expire", 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"rules": 5}',
        '{"rules": ["x"]}',
        *(
            json.dumps({"rules": [changed]})
            for changed in (
                rule(tagStatus="some"),
                rule(countType="sinceMoon"),
                rule(countType="sinceImageTransitioned"),
                rule(countNumber="x"),
                rule(action="mark"),
                rule(storageClass="tape"),
                rule(countUnit="weeks"),
            )
        ),
    ],
)
def test_a_policy_that_is_not_documented_has_no_known_effect(text: str) -> None:
    with pytest.raises(SourceError):
        LifecyclePolicy.of(text, [])
