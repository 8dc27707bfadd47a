"""Comparisons of any two templates: complete, symmetric, and empty for equal ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.comparison import ChangeKind, ImageList, compare_images, find_effects, list_images
from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.intrinsics.scope import Scope
from support.images import digest_of

IMAGES = st.sampled_from([f"shop/web@{digest_of('a')}", f"shop/web@{digest_of('b')}", "shop/web:1", {"Ref": "Missing"}])
CONTAINERS = st.lists(
    st.fixed_dictionaries({"Image": IMAGES}, optional={"Name": st.sampled_from(["web", "proxy"])}), max_size=3
)
TASKS = CONTAINERS.map(
    lambda found: {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": found}}
)
FUNCTIONS = IMAGES.map(lambda image: {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": image}}})
LOOPS = TASKS.map(lambda found: ["N", ["A", "B"], {"Web${N}": found}])
TEMPLATES = st.fixed_dictionaries(
    {}, optional={"WebA": TASKS, "WebB": TASKS | FUNCTIONS, "Job": FUNCTIONS, "Fn::ForEach::Each": LOOPS}
).map(lambda resources: {"Resources": resources})
_MIRRORED = {ChangeKind.ADDED: ChangeKind.REMOVED, ChangeKind.REMOVED: ChangeKind.ADDED}


def listed(tree: dict[str, Any]) -> ImageList:
    return list_images(tree, Scope.of_template(tree, {}, region="us-east-1", account_id="111122223333"))


@given(TEMPLATES)
def test_a_template_equals_itself(tree: dict[str, Any]) -> None:
    changes = compare_images(listed(tree), listed(tree))

    assert {change.kind for change in changes} <= {ChangeKind.UNCHANGED}
    assert find_effects(changes, tree, tree, Budget()) == ()


@given(TEMPLATES, TEMPLATES)
def test_each_image_is_compared_once_unless_the_other_template_may_hide_it(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    before, after = listed(old), listed(new)
    changes = compare_images(before, after)

    for images, other, found in (
        (before, after, [change.old for change in changes if change.old]),
        (after, before, [change.new for change in changes if change.new]),
    ):
        compared = [image.path for image in found]
        assert len(compared) == len(set(compared))
        missing = [image for image in images.images if image.path not in compared]
        assert all(other.may_hide(image) for image in missing)


@given(TEMPLATES, TEMPLATES)
def test_the_opposite_comparison_has_the_opposite_changes(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = listed(old), listed(new)
    there, back = (
        Counter(change.kind for change in compare_images(*sides)) for sides in ((before, after), (after, before))
    )

    assert there == Counter({_MIRRORED.get(kind, kind): number for kind, number in back.items()})
