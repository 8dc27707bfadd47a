"""The changes of a change set as lines."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.cli.deployment.change_sets import has_no_changes, read_changes, summarize


def changed(action: str, **more: Any) -> dict[str, Any]:
    return {"ResourceChange": {"Action": action, "LogicalResourceId": "A", "ResourceType": "X::Y", **more}}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (changed("Add"), "  + A (X::Y)"),
        (changed("Remove"), "  - A (X::Y)"),
        (changed("Remove", PolicyAction="Retain"), "  - A (X::Y): retained outside of the stack"),
        (changed("Modify", Replacement="False", Details=[{"Target": {"Attribute": "Tags"}}]), "  ~ A (X::Y): Tags"),
        (
            changed(
                "Modify",
                Replacement="True",
                PolicyAction="ReplaceAndRetain",
                Details=[{"Target": {"Attribute": "Properties", "Name": "Description"}}],
            ),
            "  ± A (X::Y): Description; the old resource is retained",
        ),
        (changed("Modify", Replacement="Conditional"), "  ~ A (X::Y): may be replaced"),
        (changed("Surprise"), "  ? A (X::Y)"),
    ],
)
def test_a_change_is_a_line(change: dict[str, Any], line: str) -> None:
    assert [str(one) for one in read_changes([{"Changes": [change]}])] == [line]


def test_changes_of_all_pages_are_counted() -> None:
    pages = [{"Changes": [changed("Add"), changed("Add")]}, {"Changes": [changed("Modify", Replacement="True")]}, {}]
    assert summarize(read_changes(pages)) == "2 added, 1 replaced"


def test_a_change_set_may_change_no_resource() -> None:
    assert summarize(()) == "no resource changes"


@pytest.mark.parametrize(
    ("reason", "nothing"),
    [
        (
            "The submitted information didn't contain changes. Submit different information to create a change set.",
            True,
        ),
        ("No updates are to be performed.", True),
        ("Template error: no updates", False),
        ("", False),
    ],
)
def test_both_messages_for_no_changes_are_known(reason: str, nothing: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert has_no_changes(reason) is nothing
