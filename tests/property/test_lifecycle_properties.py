"""Lifecycle policies do what the user guide of ECR describes, and no text of a policy raises another error."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lifecycle import LifecyclePolicy, RepositoryImage

DAY = 86_400
NOW = 100 * DAY
TAGS = ("prod-1", "dev-1", "image-pinner-keep-1")

SELECTIONS = st.one_of(
    st.fixed_dictionaries({"tagStatus": st.sampled_from(["any", "untagged"])}),
    st.fixed_dictionaries(
        {
            "tagStatus": st.just("tagged"),
            "tagPrefixList": st.lists(st.sampled_from(["prod", "dev", "image", ""]), min_size=1, max_size=2),
        }
    ),
)
COUNTS = st.fixed_dictionaries(
    {
        "countType": st.sampled_from(["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled"]),
        "countNumber": st.integers(0, 6),
    }
)
RULES = st.lists(st.tuples(SELECTIONS, COUNTS, st.sampled_from(["expire", "transition"])), max_size=4)
IMAGES = st.lists(
    st.tuples(st.sets(st.sampled_from(TAGS)), st.none() | st.integers(0, 6)), max_size=7
)  # tags, and the days since the last pull


def removed(rules: list[dict[str, Any]], images: list[RepositoryImage]) -> dict[str, int]:
    """Return which rule acts on which image: all mark images, then the first one that selects an image decides."""
    found: dict[str, int] = {}
    decided: set[str] = set()
    for rule in rules:
        selection = rule["selection"]
        selected = [image for image in images if matches(selection, image)]
        number = selection["countNumber"]
        if selection["countType"] == "imageCountMoreThan":
            marked = sorted(selected, key=lambda image: image.pushed_at, reverse=True)[number:]
        else:
            by_pull = selection["countType"] == "sinceImagePulled"
            limit = NOW - number * DAY
            marked = [image for image in selected if (image.used_at if by_pull else image.pushed_at) < limit]
        found |= {image.digest: rule["rulePriority"] for image in marked if image.digest not in decided}
        decided |= {image.digest for image in selected}
    return found


def matches(selection: dict[str, Any], image: RepositoryImage) -> bool:
    if selection["tagStatus"] == "tagged":
        return bool(image.tags) and all(
            any(tag.startswith(prefix) for tag in image.tags) for prefix in selection["tagPrefixList"]
        )
    return selection["tagStatus"] == "any" or not image.tags


@given(RULES, IMAGES)
def test_each_image_has_the_action_of_the_rule_that_decides_on_it(
    drawn: list[tuple[dict[str, Any], dict[str, Any], str]], states: list[tuple[set[str], int | None]]
) -> None:
    rules = [
        {"rulePriority": priority, "selection": selection | count, "action": {"type": action}}
        for priority, (selection, count, action) in enumerate(drawn, 1)
    ]
    images = [
        RepositoryImage(str(age), tuple(sorted(tags)), NOW - age * DAY, None if pulled is None else NOW - pulled * DAY)
        for age, (tags, pulled) in enumerate(states)
    ]
    policy = LifecyclePolicy.of(json.dumps({"rules": rules}), images)
    actions = {image.digest: policy.find_action(image, NOW) for image in images}
    assert {digest: action.priority for digest, action in actions.items() if action} == removed(rules, images)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["expire", "any", "tagged"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.fixed_dictionaries(
    {"rulePriority": ANYTHING, "action": st.fixed_dictionaries({"type": st.just("expire")}) | ANYTHING},
    optional={
        "selection": st.fixed_dictionaries(
            {
                "tagStatus": st.just("any") | ANYTHING,
                "countType": st.just("imageCountMoreThan") | ANYTHING,
                "countNumber": ANYTHING,
            },
            optional={"tagPatternList": ANYTHING, "tagPrefixList": ANYTHING, "storageClass": ANYTHING},
        )
    },
)


@given(st.one_of(st.text(), st.lists(KEYS, max_size=2).map(lambda rules: json.dumps({"rules": rules}))))
@example("[" * 30_000)
@example('{"rules": ' + "[" * 30_000)
def test_no_text_raises_another_error(text: str) -> None:
    image = RepositoryImage("sha256:1", ("prod-1",), 0.0)
    with suppress(SourceError):
        LifecyclePolicy.of(text, [image]).find_action(image, NOW)
