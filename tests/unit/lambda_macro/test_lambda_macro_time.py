"""The macro answers in its own words before CloudFormation or Lambda lose patience."""

from __future__ import annotations

import time

import pytest

from image_pinner.lambda_macro.handler import MARGIN
from support.macro import Context, HangingWorld, event_for, macro_in
from support.templates import task

MARKED = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}})
PENDING = event_for({"Resources": {"Web": task("!PinDigest shop/web:{{resolve:ssm:/tag}}")}})


def milliseconds(seconds: float) -> int:
    return round((MARGIN + seconds) * 1000)


@pytest.mark.parametrize("event", [MARKED, PENDING], ids=["digests", "lookups"])
def test_a_world_that_hangs_is_answered_before_the_time_is_up(event: dict[str, object]) -> None:
    resolvers = HangingWorld()
    started = time.monotonic()

    response = macro_in(resolvers).answer(event, Context(milliseconds(0.2)))

    assert time.monotonic() - started < MARGIN
    assert response["status"] == "failure"
    assert "did not answer in time" in response["errorMessage"]
    assert resolvers.deadlines[0] <= 0.2


def test_a_world_that_hangs_is_not_waited_for_once_more_for_what_follows() -> None:
    both = event_for({"Resources": {"Web": task("!PinDigest shop/web:1", "!PinDigest shop/web:{{resolve:ssm:/tag}}")}})
    resolvers = HangingWorld()

    macro_in(resolvers).answer(both, Context(milliseconds(0.2)))

    assert len(resolvers.deadlines) == 2
    assert resolvers.deadlines[1] == 0


def test_less_time_than_the_margin_is_no_time_for_questions() -> None:
    resolvers = HangingWorld()

    response = macro_in(resolvers).answer(MARKED, Context(500))

    assert response["status"] == "failure"
    assert resolvers.deadlines == [0]


def test_the_time_limit_of_the_settings_counts_where_it_is_the_shorter() -> None:
    resolvers = HangingWorld()

    macro_in(resolvers, environment={"IMAGE_PINNER_TIMEOUT": "1"}).answer(PENDING, Context(milliseconds(800)))

    assert resolvers.deadlines[0] <= 1


def test_a_template_without_questions_needs_no_time() -> None:
    event = event_for({"Resources": {"Web": task(f"!PinDigest shop/web@sha256:{'a' * 64}")}})

    assert macro_in(HangingWorld()).answer(event, Context(0))["status"] == "success"
