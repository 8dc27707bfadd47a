"""The function of an installed macro: Lambda, CloudWatch and CloudWatch Logs, with the real macro behind `Invoke`."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from support.deployment.fake_clients import ACCOUNT
from support.deployment.fake_stacks import ROLE
from support.deployment.scene import REGION, Scene, template
from support.macro import Context, RaisingResolvers

CHECKSUM = base64.b64encode(hashlib.sha256(b"zip").digest()).decode()
NOT_OURS = {"MALLOC_ARENA_MAX": "2"}
FAILURES = '{ ($.status = "failure") && (($.requestId NOT EXISTS) || ($.requestId != "image-pinner-probe")) }'


class FakeFunction:
    """The function that a stack of a scene installed.

    `acting` is the configuration of the version that the alias points to, `latest` that of `$LATEST`; both get the
    memory, timeout and variables that the stack has when they are read, unless they have others. `routing` is the
    `RoutingConfig` of the alias, `alarm_state` the state of all alarms, and `events` the log. `respond` replaces the
    response to an invocation: that of the macro, without any lookup.
    """

    def __init__(self, aws: Scene) -> None:
        self._aws = aws
        self.acting: dict[str, Any] = {"CodeSha256": CHECKSUM, "Version": "1", "State": "Active"}
        self.latest: dict[str, Any] = {"CodeSha256": CHECKSUM, "Version": "$LATEST", "LastUpdateStatus": "Successful"}
        self.routing: dict[str, Any] = {}
        self.alarm_state = "OK"
        self.events: list[tuple[float, str]] = []
        self.respond: Callable[[dict[str, Any]], dict[str, Any]] = self._run
        aws.answers |= {"lambda": self.lambdas, "logs": self.logs, "cloudwatch": self.alarms}

    def lambdas(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "GetAlias":
            return {"Name": given["Name"], "FunctionVersion": self.acting["Version"]} | self.routing
        if operation == "Invoke":
            assert (given["FunctionName"], given["Qualifier"]) == ("image-pinner-Function-1", "live")
            return self.respond(json.loads(given["Payload"]))
        assert operation == "GetFunctionConfiguration"
        changed = self.acting if given["Qualifier"] == self.acting["Version"] else self.latest
        return self._installed() | changed

    def logs(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        assert (operation, given["filterPattern"]) == ("FilterLogEvents", FAILURES)
        events = [{"timestamp": int(at * 1000), "message": text} for at, text in self.events]
        return {"events": [one for one in events if one["timestamp"] >= given["startTime"]]}

    def alarms(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        assert operation == "DescribeAlarms"
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": self.alarm_state} for name in given["AlarmNames"]]}

    def variables(self) -> dict[str, str]:
        """Return the environment variables that the stack sets, most of them to a parameter."""
        parameters = self._aws.cloud.live("image-pinner").parameters
        declared = template().tree["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
        own = {name: parameters[value["Ref"]] for name, value in declared.items() if "Ref" in value}
        scope = parameters["StateScope"] if parameters["KeepDeployed"] == "true" else ""
        return NOT_OURS | own | {"IMAGE_PINNER_STATE_SCOPE": scope}

    def _installed(self) -> dict[str, Any]:
        parameters = self._aws.cloud.live("image-pinner").parameters
        return {
            "MemorySize": int(parameters["MemorySize"]),
            "Timeout": int(parameters["Timeout"]),
            "Role": ROLE,
            "Runtime": "python3.13",
            "Handler": "image_pinner.lambda_macro.handler.handler",
            "Environment": {"Variables": self.variables()},
        }

    def _run(self, event: dict[str, Any]) -> dict[str, Any]:
        variables = self.lambdas("GetFunctionConfiguration", {"Qualifier": self.acting["Version"]})["Environment"]
        none = RaisingResolvers(AssertionError("a lookup"))
        macro = Macro(lambda *_: Resolvers(none, none), variables["Variables"], lambda _: None)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:image-pinner-Function-1:live"
        return response_of(macro.answer(event, Context(90_000, arn)))


def response_of(content: Any, **more: Any) -> dict[str, Any]:
    """Return the response of Invoke with a JSON payload."""
    return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(content).encode()), **more}
