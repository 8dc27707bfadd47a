"""Roles: as whom the registries of an account are asked, where the asking role itself may not."""

from __future__ import annotations

import re
from typing import NamedTuple

_ENTRY = re.compile(
    r"(?P<account>[0-9]{12})=(?P<arn>arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576})(?:\s+(?P<external>[\w+=,.@:/-]{2,1224}))?",
    re.ASCII,
)


class RegistryRole(NamedTuple):
    """A role that is assumed before the registries of an account are asked.

    Args:
        account_id: The account of the registries, 12 digits.
        arn: The role.
        external_id: What its trust policy may ask for
            (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html), or empty.
    """

    account_id: str
    arn: str
    external_id: str = ""

    @classmethod
    def parse(cls, text: str) -> RegistryRole:
        """Read `account=role-arn` with an external id behind it, parted by a space.

        Raises:
            ValueError: The text has another form; the message says which it should have.
        """
        found = _ENTRY.fullmatch(text.strip())
        if found is None:
            raise ValueError("Write account=arn:aws:iam::111122223333:role/name, and an external id behind a space")
        return cls(found["account"], found["arn"], found["external"] or "")
