"""Organizations, and the stack sets of CloudFormation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_pinner.cli.deployment.macro_template import read_macro_template
from unit.cli.deployment.answering_clients import ACCOUNT, Refusal


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
    """One stack set at most; `results` are what operations come to, by account and region.

    `instances` and `operations` are what is listed; without `instances` it is what `results` made.
    """

    def __init__(self) -> None:
        self.stack_set: dict[str, Any] | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.results: dict[tuple[str, str], tuple[str, str]] = {}
        self.instances: list[dict[str, Any]] | None = None
        self.operations: list[dict[str, Any]] = []
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
        return self._told(operation) if operation.startswith(("Describe", "List")) else self._changed(operation, given)

    def _told(self, operation: str) -> dict[str, Any]:
        if operation == "DescribeStackSet":
            if self.stack_set is None:
                raise Refusal("StackSetNotFoundException", "StackSet not found", 404)
            return {"StackSet": self.stack_set}
        if operation == "DescribeStackSetOperation":
            self._waits += 1
            return {"StackSetOperation": {"Status": "RUNNING" if self._waits % 2 else self.status}}
        listed = {
            "ListStackInstances": self._listed,
            "ListStackSetOperations": lambda: self.operations,
            "ListStackSetOperationResults": self._results,
        }
        return {"Summaries": listed[operation]()}

    def _changed(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        if operation in {"CreateStackSet", "UpdateStackSet"}:
            return self._keep(given)
        if operation == "DeleteStackInstances":
            return self._delete(given)
        assert self.stack_set is not None
        if operation == "DeleteStackSet":
            if self._listed():
                raise Refusal("StackSetNotEmptyException", "StackSet is not empty", 409)
            self.stack_set = None
            return {}
        assert operation == "CreateStackInstances"
        self.stack_set |= {"Regions": given["Regions"]}
        self.stack_set["OrganizationalUnitIds"] = given["DeploymentTargets"]["OrganizationalUnitIds"]
        return {"OperationId": "op-2"}

    def _results(self) -> list[dict[str, Any]]:
        return [
            {"Account": account, "Region": region, "Status": status, **({"StatusReason": reason} if reason else {})}
            for (account, region), (status, reason) in self.results.items()
        ]

    def _listed(self) -> list[dict[str, Any]]:
        if self.instances is not None:
            return self.instances
        unit = (self.stack_set or {}).get("OrganizationalUnitIds", ["r-abcd"])[0]
        return [
            {**one, "Status": "CURRENT", "OrganizationalUnitId": unit}
            for one in self._results()
            if one["Status"] == "SUCCEEDED"
        ]

    def _delete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        assert given["RetainStacks"] is False
        units, regions = given["DeploymentTargets"]["OrganizationalUnitIds"], given["Regions"]
        self.instances = [
            one
            for one in self._listed()
            if one["Region"] not in regions
            or one.get("OrganizationalUnitId", units[0]) not in units
            or self.results.get((one["Account"], one["Region"]), ("SUCCEEDED", ""))[0] != "SUCCEEDED"
        ]
        return {"OperationId": "op-3"}

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
