"""Invoke an installed macro with two events that CloudFormation did not send: one that succeeds, and one that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from image_pinner.cli.deployment.aws import AwsApi, AwsApiError
from image_pinner.sources.aws.errors import aws_client_faults, cleaned

REQUEST_ID = "image-pinner-probe"
"""The `requestId` of these events, by which their log records are known.

Another event can have it too; its failure is then not shown as the last one of the macro.
"""


class _Probe(NamedTuple):
    """A resource of a template, and what the response to it must have; an invalid configuration fails each of them."""

    name: str
    resource: Mapping[str, Any]
    status: str
    words: str


_PROBES = (
    _Probe("a template without images", {"Type": "AWS::CloudFormation::WaitConditionHandle"}, "success", ""),
    # Upper-case letters are not valid in a repository name, so that no registry is queried.
    _Probe(
        "an invalid image",
        {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"ContainerDefinitions": [{"Name": "probe", "Image": "!PinDigest Invalid/Reference:1"}]},
        },
        "failure",
        "Resources.Probe.",
    ),
)


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What the macro answered to an event; `expected` is whether the event must get this answer."""

    event: str
    answer: str
    expected: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{'' if self.expected else 'WARNING: '}probe with {self.event}: {self.answer}"


def probe_function(api: AwsApi, region: str, account: str, macro: str, function: str) -> Iterator[ProbeAnswer]:
    """Invoke the version of a function that its macro calls, and yield each answer."""
    for probe in _PROBES:
        event = {
            "region": region,
            "accountId": account,
            "fragment": {"Resources": {"Probe": probe.resource}},
            "transformId": f"{account}::{macro}",
            "params": {},
            "requestId": REQUEST_ID,
            "templateParameterValues": {},
        }
        try:
            payload = json.dumps(event).encode()
            response = api.call("lambda", region, "invoke", FunctionName=function, Qualifier="live", Payload=payload)
            answer, expected = _judge(probe, event, response.get("FunctionError"), json.load(response["Payload"]))
        except AwsApiError as error:
            answer, expected = f"not invoked: {error.diagnostics()}", False
        except ValueError:
            answer, expected = "a response that is not JSON", False
        except aws_client_faults():
            answer, expected = "a response that ended early", False
        yield ProbeAnswer(probe.name, answer, expected)


def _judge(probe: _Probe, event: Mapping[str, Any], function_error: Any, content: Any) -> tuple[str, bool]:
    """Return a response as text, and whether it is the one to this event."""
    if not isinstance(content, dict):
        return "a response that is not an object", False
    message = str(content.get("errorMessage") or "")
    if function_error:
        return f"the function failed: {cleaned(message)}", False
    if any(content.get(field) != event[field] for field in ("requestId", "fragment")):
        return "the response to another event", False
    status = str(content.get("status"))
    text = cleaned(f"{status}: {message}" if message else status)
    return text, status == probe.status and probe.words in message
