"""Events of a stack: which are new, which ends an operation, and which a failure began with."""

from __future__ import annotations

import pytest

from image_pinner.cli.deployment.stacks import StackEvent, events_since, find_failure_cause

STACK = "AWS::CloudFormation::Stack"


def event(name: str, status: str, reason: str = "", number: int = 0) -> StackEvent:
    return StackEvent(
        f"{name}-{number}", name, STACK if name == "stack" else "AWS::X::Y", status, reason, name == "stack"
    )


def test_no_failure_has_no_cause() -> None:
    assert (
        find_failure_cause([event("stack", "CREATE_IN_PROGRESS", "User Initiated"), event("A", "CREATE_COMPLETE")])
        is None
    )


@pytest.mark.parametrize("word", ["creation", "update", "deletion"])
def test_a_canceled_resource_is_not_the_cause_even_if_it_is_first(word: str) -> None:
    events = [
        event("B", "CREATE_FAILED", f"Resource {word} cancelled"),
        event("A", "CREATE_FAILED", "name is taken"),
        event("stack", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [A, B]."),
        event("C", "DELETE_FAILED", "still in use"),
        event("stack", "ROLLBACK_FAILED", "The following resource(s) failed to delete: [C]."),
    ]
    assert find_failure_cause(events) == events[1]


def test_the_reason_of_the_stack_itself_is_the_cause_if_no_resource_failed() -> None:
    events = [
        event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        event("stack", "ROLLBACK_IN_PROGRESS", "Transform 1::X failed with: y. Rollback requested by user."),
        event("stack", "ROLLBACK_COMPLETE"),
    ]
    assert find_failure_cause(events) == events[1]


def test_a_canceled_resource_is_the_cause_if_there_is_no_other() -> None:
    events = [event("B", "CREATE_FAILED", "Resource creation cancelled")]
    assert find_failure_cause(events) == events[0]


def test_new_events_are_returned_oldest_first() -> None:
    newest_first = [event("A", "x", number=number) for number in (3, 2, 1)]
    assert [one.identifier for one in events_since(newest_first, "A-1")] == ["A-2", "A-3"]
    assert [one.identifier for one in events_since(newest_first, "")] == ["A-1", "A-2", "A-3"]


def test_an_operation_ends_with_an_event_of_the_stack_itself() -> None:
    assert event("stack", "CREATE_COMPLETE").is_final
    assert not event("A", "CREATE_COMPLETE").is_final
    assert not event("stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS").is_final
