"""Worlds that behave badly, and contexts of a Lambda, for tests of the handler."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from image_pinner.core.images.lookups import ImageLookup, Resolution, Unavailable
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Unknown
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline


class RaisingWorld:
    """Raises whatever it is asked."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def resolve_all(self, *_: Any) -> Mapping[ImageLookup, Resolution]:
        raise self.error

    def resolve_values(self, *_: Any) -> Mapping[ExternalValue, Answer]:
        raise self.error


class HangingWorld:
    """Answers nothing before its deadline is over, as a registry that does not answer."""

    def __init__(self) -> None:
        self.deadlines: list[float] = []
        """The seconds that were left each time it was asked."""

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        self._wait(deadline)
        return dict.fromkeys(lookups, Unavailable("the registry did not answer in time", "Deploy again"))

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        self._wait(deadline)
        return dict.fromkeys(external_values, Unknown("AWS did not answer in time", "Deploy again"))

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
    resolvers: Any = None, environment: Mapping[str, str] | None = None, log: Callable[[str], Any] = lambda _: None
) -> Macro:
    """Give the macro in a world, which knows every image if no other is given."""
    asked = resolvers or InMemoryRegistry(knows_everything=True)
    return Macro(lambda _settings, _region: Resolvers(asked, asked), environment or {}, log)


def task(*images: Any) -> dict[str, Any]:
    """Give a task definition with a container for each image."""
    containers = [{"Name": f"c{number}", "Image": image} for number, image in enumerate(images)]
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": containers}}
