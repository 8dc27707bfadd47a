"""The macro function in tests: events in the shape that CloudFormation sends, contexts and failing resolvers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from image_pinner.core.images.lookups import ImageLookup, Resolution, Unavailable
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Unknown
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from image_pinner.sources.in_memory import InMemoryDeployments, InMemoryRegistry
from image_pinner.sources.interface import Deadline

STACK_NAME = "shop"
REQUEST_ID = "9a0f3a0e-5b7c-4f0e-9c62-1c5f1f2d7a10"


@dataclass(frozen=True, slots=True)
class Account:
    """An account in a region of a partition."""

    partition: str
    region: str
    account_id: str


AWS = Account("aws", "us-east-1", "111122223333")
CHINA = Account("aws-cn", "cn-north-1", "444455556666")
GOVCLOUD = Account("aws-us-gov", "us-gov-west-1", "777788889999")


def event_for(
    fragment: Mapping[str, Any],
    params: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    account: Account = AWS,
    macro: str = "ImagePinner",
) -> dict[str, Any]:
    """Return the event for a fragment: seven keys and no other, as recordings of the service show."""
    return {
        "region": account.region,
        "accountId": account.account_id,
        "fragment": fragment,
        "transformId": f"{account.account_id}::{macro}",
        "params": dict(params or {}),
        "requestId": REQUEST_ID,
        "templateParameterValues": dict(values or {}),
    }


def event_for_template(
    template: Mapping[str, Any], values: Mapping[str, Any], account: Account = AWS, macro: str = "ImagePinner"
) -> dict[str, Any]:
    """Return the event for a whole template that names the macro in its Transform.

    The fragment lacks the Transform section, defaults are filled in, and lists of parameters arrive as lists.
    """
    fragment = {key: value for key, value in template.items() if key != "Transform"}
    filled = _values(fragment, values)
    return event_for(fragment, _params(template.get("Transform"), macro, filled), filled, account, macro)


def _evaluated(value: Any, values: Mapping[str, Any]) -> Any:
    """Evaluate a `Ref` in the Parameters of a Transform, as CloudFormation does."""
    return {**values, "AWS::StackName": STACK_NAME}[value["Ref"]] if isinstance(value, dict) else value


def _params(transform: Any, macro: str, values: Mapping[str, Any]) -> dict[str, Any]:
    for call in transform if isinstance(transform, list) else [transform]:
        if isinstance(call, dict) and call.get("Name") == macro:
            return {name: _evaluated(value, values) for name, value in call.get("Parameters", {}).items()}
    return {}


def _values(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    arrived = {}
    for name, parameter in template.get("Parameters", {}).items():
        value = values.get(name, parameter.get("Default"))
        if value is not None:
            is_list = parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<")
            arrived[name] = [item.strip() for item in str(value).split(",")] if is_list else str(value)
    return arrived


class RaisingResolvers:
    """Resolvers that raise an error for every lookup."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def resolve_all(self, *_: Any) -> Mapping[ImageLookup, Resolution]:
        raise self.error

    def resolve_values(self, *_: Any) -> Mapping[ExternalValue, Answer]:
        raise self.error


class HangingResolvers:
    """Resolvers that use up the deadline, like a registry that does not respond."""

    def __init__(self) -> None:
        self.deployments = InMemoryDeployments()
        self.deadlines: list[float] = []
        """The seconds that were left at each lookup."""

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        self._wait(deadline)
        return dict.fromkeys(lookups, Unavailable("the registry did not respond in time", "retry the deployment"))

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        self._wait(deadline)
        return dict.fromkeys(external_values, Unknown("AWS did not respond in time", "retry the deployment"))

    def _wait(self, deadline: Deadline) -> None:
        self.deadlines.append(deadline.remaining())
        time.sleep(deadline.remaining())


@dataclass(frozen=True, slots=True)
class Context:
    """A Lambda context that reports `remaining` milliseconds, or raises it; without an ARN, there is no function."""

    remaining: Any
    invoked_function_arn: Any = None

    def get_remaining_time_in_millis(self) -> Any:
        if isinstance(self.remaining, Exception):
            raise self.remaining
        return self.remaining


FUNCTION = Context(60_000, "arn:aws:lambda:us-east-1:111122223333:function:pinner:live")
"""The context of an invocation that has a minute left."""


def macro_in(
    resolvers: Any = None, environment: Mapping[str, str] | None = None, log: Callable[[str], Any] = lambda _: None
) -> Macro:
    """Return the macro with these resolvers; by default, they know every image."""
    used = resolvers or InMemoryRegistry(has_every_image=True)
    return Macro(lambda _settings, _region: Resolvers(used, used), environment or {}, log)
