"""Worlds that behave badly, and contexts of a Lambda, for tests of the handler."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from image_pinner.core.images.lookups import ImageQuestion, Resolution, Unavailable
from image_pinner.core.intrinsics.values import Answer, Lookup, Unknown
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import World
from image_pinner.sources.in_memory import InMemoryWorld
from image_pinner.sources.interface import Deadline


class RaisingWorld:
    """Raises whatever it is asked."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def resolve_all(self, *_: Any) -> Mapping[ImageQuestion, Resolution]:
        raise self.error

    def look_up(self, *_: Any) -> Mapping[Lookup, Answer]:
        raise self.error


class HangingWorld:
    """Answers nothing before its deadline is over, as a registry that does not answer."""

    def __init__(self) -> None:
        self.deadlines: list[float] = []
        """The seconds that were left each time it was asked."""

    def resolve_all(self, questions: Sequence[ImageQuestion], deadline: Deadline) -> Mapping[ImageQuestion, Resolution]:
        self._wait(deadline)
        return dict.fromkeys(questions, Unavailable("the registry did not answer in time", "Deploy again"))

    def look_up(self, lookups: Collection[Lookup], deadline: Deadline) -> Mapping[Lookup, Answer]:
        self._wait(deadline)
        return dict.fromkeys(lookups, Unknown("AWS did not answer in time", "Deploy again"))

    def _wait(self, deadline: Deadline) -> None:
        self.deadlines.append(deadline.remaining())
        time.sleep(deadline.remaining())


@dataclass(frozen=True, slots=True)
class Context:
    """A Lambda's context that says how much time is left.

    Args:
        remaining: What it says, in milliseconds if it does not lie.
    """

    remaining: Any

    def get_remaining_time_in_millis(self) -> Any:
        if isinstance(self.remaining, Exception):
            raise self.remaining
        return self.remaining


def macro_in(
    world: Any = None, environment: Mapping[str, str] | None = None, log: Callable[[str], Any] = lambda _: None
) -> Macro:
    """Give the macro in a world, which knows every image if no other is given."""
    asked = world or InMemoryWorld(knows_everything=True)
    return Macro(lambda _settings, _region: World(asked, asked), environment or {}, log)


def task(*images: Any) -> dict[str, Any]:
    """Give a task definition with a container for each image."""
    containers = [{"Name": f"c{number}", "Image": image} for number, image in enumerate(images)]
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": containers}}
