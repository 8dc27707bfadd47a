"""The gate `age`: images are neither too new, for a quarantine, nor too old, by the time of their push."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from image_pinner.core.gates.durations import describe_duration, read_duration
from image_pinner.core.gates.interface import (
    Failed,
    GateOption,
    JudgedImage,
    Judgment,
    Need,
    Passed,
    Seen,
    UnknownFact,
    higher,
    lower,
)

PUSHED = "pushed"
"""The fact `Pushed`."""


class Pushed(NamedTuple):
    """When an image was pushed by the registry's clock: `at` in UTC and ISO 8601, and `age` in seconds since then.

    Never the time at which the image was created, which its builder sets.
    """

    at: str
    age: int


@dataclass(frozen=True, slots=True)
class Age:
    """Deny images that were pushed too recently or too long ago. See `Gate`."""

    id: ClassVar[str] = "age"
    summary: ClassVar[str] = "The image was pushed neither too recently nor too long ago, by the registry's clock."
    required: ClassVar[tuple[str, ...]] = ("minimum", "maximum")
    options: ClassVar[tuple[GateOption, ...]] = (
        GateOption(
            "minimum",
            "a duration such as `3d`, `12h` or `30m`",
            "The minimum time since the push.",
            read_duration,
            higher,
            show=describe_duration,
        ),
        GateOption(
            "maximum",
            "a duration such as `180d`",
            "The maximum time since the push.",
            read_duration,
            lower,
            show=describe_duration,
        ),
    )

    needs: ClassVar[frozenset[Need]] = frozenset({Need(PUSHED)})
    possible_needs: ClassVar[frozenset[Need]] = needs

    minimum: int = 0
    maximum: int | None = None

    def judge(self, image: JudgedImage) -> Judgment:
        """See `Gate.judge`."""
        fact = image.fact(PUSHED)
        if isinstance(fact, UnknownFact):
            return fact
        pushed: Pushed = fact.value
        age = describe_duration(pushed.age)
        seen = Seen.of(fact, f"pushed {pushed.at}")
        if pushed.age < self.minimum:
            cause = f"pushed {age} ago ({pushed.at}), the minimum is {describe_duration(self.minimum)}"
            return Failed(seen, cause, f"deploy it in {describe_duration(self.minimum - pushed.age)}")
        if self.maximum is not None and pushed.age > self.maximum:
            cause = f"pushed {age} ago ({pushed.at}), the maximum is {describe_duration(self.maximum)}"
            return Failed(seen, cause, "build and push the image again")
        return Passed(seen)
