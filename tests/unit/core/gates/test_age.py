from __future__ import annotations

import pytest

from image_pinner.core.gates.age import PUSHED, Age, Pushed
from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.enabled import GateResult
from image_pinner.core.gates.interface import Seen, UnknownFact
from support.gates import SOURCE, TIME, fact_of, judged

HOUR, DAY = 3600, 86400


def result_of(entries: str, age: int) -> GateResult:
    (gate,) = parse_gates(entries).enabled
    return gate.judge(judged(pushed=fact_of(Pushed("2026-11-30T10:00:00Z", age))))


@pytest.mark.parametrize(
    ("entries", "age", "cause", "help"),
    [
        ("age.minimum=3d", 2 * HOUR, "pushed 2h ago (2026-11-30T10:00:00Z), the minimum is 3d", "deploy it in 70h"),
        (
            "age.minimum=2h",
            2 * HOUR - 1,
            "pushed 119m ago (2026-11-30T10:00:00Z), the minimum is 2h",
            "deploy it in 0m",
        ),
        (
            "age.maximum=30d",
            30 * DAY + 1,
            "pushed 30d ago (2026-11-30T10:00:00Z), the maximum is 30d",
            "build and push the image again",
        ),
    ],
)
def test_too_new_and_too_old_images_are_denied(entries: str, age: int, cause: str, help: str) -> None:
    result = result_of(entries, age)
    assert (result.verdict, result.cause, result.help) == ("deny", cause, help)


def test_the_mode_warn_only_warns() -> None:
    assert result_of("age.minimum=3d; age.mode=warn", HOUR).verdict == "warn"


@pytest.mark.parametrize("age", [3 * DAY, 30 * DAY])
def test_an_image_between_the_limits_is_allowed(age: int) -> None:
    seen = Seen("pushed 2026-11-30T10:00:00Z", SOURCE, TIME)
    assert result_of("age.minimum=3d; age.maximum=30d", age) == GateResult("age", "allow", seen)


def test_an_unknown_time_is_unknown() -> None:
    unknown = UnknownFact("ecr:DescribeImages is denied", "allow it")
    assert Age(minimum=DAY).judge(judged(pushed=unknown)) is unknown
    assert {need.fact for need in Age().needs} == {PUSHED}
