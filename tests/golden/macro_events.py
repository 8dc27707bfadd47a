"""Events of CloudFormation macros in the shape that the real service sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    """Give the event for a fragment: seven keys and no other, as recordings of the service show."""
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
    """Give the event for a whole template that names the macro in its Transform.

    The fragment lacks the Transform section, defaults are filled in, and lists of parameters arrive as lists.
    """
    fragment = {key: value for key, value in template.items() if key != "Transform"}
    return event_for(fragment, _params(template.get("Transform"), macro), _values(fragment, values), account, macro)


def _params(transform: Any, macro: str) -> dict[str, Any]:
    for call in transform if isinstance(transform, list) else [transform]:
        if isinstance(call, dict) and call.get("Name") == macro:
            return dict(call.get("Parameters", {}))
    return {}


def _values(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    arrived = {}
    for name, parameter in template.get("Parameters", {}).items():
        value = values.get(name, parameter.get("Default"))
        if value is not None:
            is_list = parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<")
            arrived[name] = [item.strip() for item in str(value).split(",")] if is_list else str(value)
    return arrived
