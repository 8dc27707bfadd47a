"""A fake AWS Organizations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from support.deployment.fake_clients import ACCOUNT


class FakeOrganization:
    """An organization; by default the caller's account is its management account."""

    def __init__(self, management: str = ACCOUNT) -> None:
        self.management = management

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        assert (operation, given) == ("DescribeOrganization", {})
        return {"Organization": {"Id": "o-exampleorgid", "MasterAccountId": self.management}}
