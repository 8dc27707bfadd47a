"""Organizations, and the stack sets of CloudFormation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_pinner.entrypoints.installation.macro_template import read_macro_template
from unit.entrypoints.installation.answering_clients import ACCOUNT, Refusal


class FakeOrganization:
    """An organization, by default with the caller's account as its management account."""

    def __init__(self, management: str = ACCOUNT) -> None:
        self.management = management

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "ListRoots":
            return {"Roots": [{"Id": "r-abcd"}]}
        assert (operation, given) == ("DescribeOrganization", {})
        return {"Organization": {"Id": "o-exampleorgid", "MasterAccountId": self.management}}


class FakeStackSets:
    """One stack set at most; `results` are what operations come to, by account and region."""

    def __init__(self) -> None:
        self.stack_set: dict[str, Any] | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.results: dict[tuple[str, str], tuple[str, str]] = {}
        self.status = "SUCCEEDED"
        self.refusals: dict[str, Refusal] = {}
        self._waits = 0

    def given_to(self, operation: str) -> dict[str, Any]:
        """Give the parameters of the last such request."""
        return [given for name, given in self.asked if name == operation][-1]

    def changes(self) -> list[str]:
        return [name for name, _ in self.asked if not name.startswith(("Describe", "List"))]

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((operation, dict(given)))
        if operation in self.refusals:
            raise self.refusals[operation]
        if operation == "DescribeStackSet":
            if self.stack_set is None:
                raise Refusal("StackSetNotFoundException", "StackSet not found", 404)
            return {"StackSet": self.stack_set}
        if operation in {"CreateStackSet", "UpdateStackSet"}:
            return self._keep(given)
        if operation == "CreateStackInstances":
            assert self.stack_set is not None
            self.stack_set |= {"Regions": given["Regions"]}
            self.stack_set["OrganizationalUnitIds"] = given["DeploymentTargets"]["OrganizationalUnitIds"]
            return {"OperationId": "op-2"}
        if operation == "DescribeStackSetOperation":
            self._waits += 1
            return {"StackSetOperation": {"Status": "RUNNING" if self._waits % 2 else self.status}}
        found = [
            {"Account": account, "Region": region, "Status": status, **({"StatusReason": reason} if reason else {})}
            for (account, region), (status, reason) in self.results.items()
        ]
        if operation == "ListStackInstances":
            return {"Summaries": [{**one, "Status": "CURRENT"} for one in found if one["Status"] == "SUCCEEDED"]}
        assert operation == "ListStackSetOperationResults"
        return {"Summaries": found}

    def _keep(self, given: Mapping[str, Any]) -> dict[str, Any]:
        before = {one["ParameterKey"]: one for one in (self.stack_set or {}).get("Parameters", ())}
        read_macro_template(given["TemplateBody"])
        values: dict[str, str] = {}
        for one in given["Parameters"]:
            key = one["ParameterKey"]
            values[key] = before[key]["ParameterValue"] if one.get("UsePreviousValue") else one["ParameterValue"]
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        kept = {"StackSetName": given["StackSetName"], "Parameters": parameters, "Tags": given.get("Tags", [])}
        self.stack_set = (self.stack_set or {}) | kept
        return {"OperationId": "op-1"} if "OperationPreferences" in given else {"StackSetId": "x"}
