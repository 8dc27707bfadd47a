"""Which event a failure began with."""

from __future__ import annotations

import pytest

from image_pinner.cli.deployment.stack_events import StackEvent, cause_of, since

STACK = "AWS::CloudFormation::Stack"


def event(name: str, status: str, reason: str = "", number: int = 0) -> StackEvent:
    return StackEvent(
        f"{name}-{number}", name, STACK if name == "stack" else "AWS::X::Y", status, reason, name == "stack"
    )


def test_nothing_failed_has_no_cause() -> None:
    assert cause_of([event("stack", "CREATE_IN_PROGRESS", "User Initiated"), event("A", "CREATE_COMPLETE")]) is None


@pytest.mark.parametrize("word", ["creation", "update", "deletion"])
def test_what_was_cancelled_is_not_the_cause_even_where_it_comes_first(word: str) -> None:
    events = [
        event("B", "CREATE_FAILED", f"Resource {word} cancelled"),
        event("A", "CREATE_FAILED", "name is taken"),
        event("stack", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [A, B]."),
        event("C", "DELETE_FAILED", "still in use"),
        event("stack", "ROLLBACK_FAILED", "The following resource(s) failed to delete: [C]."),
    ]
    assert cause_of(events) == events[1]


def test_a_macro_or_a_policy_that_fails_the_stack_itself_is_the_cause() -> None:
    events = [
        event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        event("stack", "ROLLBACK_IN_PROGRESS", "Transform 1::X failed with: y. Rollback requested by user."),
        event("stack", "ROLLBACK_COMPLETE"),
    ]
    assert cause_of(events) == events[1]


def test_only_cancelled_ones_are_better_than_nothing() -> None:
    events = [event("B", "CREATE_FAILED", "Resource creation cancelled")]
    assert cause_of(events) == events[0]


def test_only_new_events_are_told_the_oldest_first() -> None:
    newest_first = [event("A", "x", number=number) for number in (3, 2, 1)]
    assert [one.identifier for one in since(newest_first, "A-1")] == ["A-2", "A-3"]
    assert [one.identifier for one in since(newest_first, "")] == ["A-1", "A-2", "A-3"]


def test_the_stack_has_ended_when_it_says_so_itself() -> None:
    assert event("stack", "CREATE_COMPLETE").ends
    assert not event("A", "CREATE_COMPLETE").ends
    assert not event("stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS").ends
