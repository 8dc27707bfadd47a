"""The macro responds with its own message before Lambda or CloudFormation time out."""

from __future__ import annotations

import time

import pytest

from image_pinner.lambda_macro.handler import MARGIN
from support.macro import Context, HangingResolvers, event_for, macro_in
from support.templates import task

MARKED = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}})
PENDING = event_for({"Resources": {"Web": task("!PinDigest shop/web:{{resolve:ssm:/tag}}")}})


def milliseconds(seconds: float) -> int:
    return round((MARGIN + seconds) * 1000)


@pytest.mark.parametrize("event", [MARKED, PENDING], ids=["digests", "lookups"])
def test_resolvers_that_hang_get_a_response_before_the_timeout(event: dict[str, object]) -> None:
    resolvers = HangingResolvers()
    started = time.monotonic()

    response = macro_in(resolvers).answer(event, Context(milliseconds(0.2)))

    assert time.monotonic() - started < MARGIN
    assert response["status"] == "failure"
    assert "did not respond in time" in response["errorMessage"]
    assert resolvers.deadlines[0] <= 0.2


def test_later_lookups_do_not_get_time_again() -> None:
    both = event_for({"Resources": {"Web": task("!PinDigest shop/web:1", "!PinDigest shop/web:{{resolve:ssm:/tag}}")}})
    resolvers = HangingResolvers()

    macro_in(resolvers).answer(both, Context(milliseconds(0.2)))

    assert len(resolvers.deadlines) == 2
    assert resolvers.deadlines[1] == 0


def test_less_time_than_the_margin_leaves_none_for_lookups() -> None:
    resolvers = HangingResolvers()

    response = macro_in(resolvers).answer(MARKED, Context(500))

    assert response["status"] == "failure"
    assert resolvers.deadlines == [0]


def test_a_shorter_timeout_in_the_settings_is_used() -> None:
    resolvers = HangingResolvers()

    macro_in(resolvers, environment={"IMAGE_PINNER_TIMEOUT": "1"}).answer(PENDING, Context(milliseconds(800)))

    assert resolvers.deadlines[0] <= 1


def test_a_template_without_lookups_needs_no_time() -> None:
    event = event_for({"Resources": {"Web": task(f"!PinDigest shop/web@sha256:{'a' * 64}")}})

    assert macro_in(HangingResolvers()).answer(event, Context(0))["status"] == "success"
