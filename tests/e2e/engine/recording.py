"""Record API actions from the requests.

The names are those of IAM policies, `ecr:DescribeImages` on an ARN, so that tests can compare a role with the calls.
No request shows the actions that AWS calls internally, such as `kms:Decrypt` for a SecureString and
`ecr:BatchImportUpstreamImage` for a pull.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

DOWNLOAD = "download"
"""The action of a GET without a signature in a header: a download from a URL that a service returned."""

# https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
# https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
_RPC = re.compile(r"/service/[^/]+/operation/([^/?]+)")
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_S3 = {
    ("GET", True): "GetObject",
    ("HEAD", True): "GetObject",
    ("PUT", True): "PutObject",
    ("DELETE", True): "DeleteObject",
    ("GET", False): "ListBucket",
    ("HEAD", False): "ListBucket",
    ("PUT", False): "CreateBucket",
    ("DELETE", False): "DeleteBucket",
}


class Call(NamedTuple):
    """A call in the terms of IAM policies.

    Args:
        action: `ecr:DescribeImages` for example; `download` for a GET of a URL that a service returned.
        resources: ARNs, or `*` if the action has no resource.
        status: The HTTP status of the response.
        key: The access key that signed the request.
    """

    action: str
    resources: tuple[str, ...]
    status: int
    key: str = ""


class Request(NamedTuple):
    """An HTTP request."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


class Calls:
    """Records calls in the order of their responses; thread-safe."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def note(self, request: Request, status: int) -> None:
        """Record the call of a request."""
        call = read(request, status, self._account)
        with self._lock:
            self._calls.append(call)

    def all(self) -> list[Call]:
        """Return all API calls, without downloads."""
        with self._lock:
            return [call for call in self._calls if call.action != DOWNLOAD]

    def downloads(self) -> list[str]:
        """Return the URLs from services that were downloaded, without their signatures."""
        with self._lock:
            return [call.resources[0] for call in self._calls if call.action == DOWNLOAD]

    def actions(self) -> set[str]:
        """Return the actions that were called."""
        return {call.action for call in self.all()}

    def forget(self) -> None:
        """Delete all recorded calls."""
        with self._lock:
            self._calls.clear()


def read(request: Request, status: int, account: str) -> Call:
    """Return the call of a request.

    Args:
        request: The request.
        status: The HTTP status of the response.
        account: The account for the ARNs of resources.
    """
    signed = _SCOPE.search(request.header("Authorization"))
    if signed is None:
        return Call(DOWNLOAD, (urlsplit(request.target).path,), status)
    key, region, service = signed.groups()
    name, about = _operation(request, service)
    resources = _resources(service, about, f"{region}:{account}")
    return Call(f"{service}:{name}", resources or ("*",), status, key)


def _operation(request: Request, service: str) -> tuple[str, Mapping[str, Any]]:
    parts = urlsplit(request.target)
    if target := request.header("X-Amz-Target"):
        return target.rpartition(".")[2], json.loads(request.body or b"{}")
    if rpc := _RPC.match(parts.path):
        return rpc[1], {}
    form = parse_qs((request.body if request.method == "POST" else b"").decode("utf-8", "replace")) | parse_qs(
        parts.query
    )
    if "Action" in form:
        return form["Action"][0], {name: values[0] for name, values in form.items()}
    if service == "s3":
        return _of_s3(request.method, unquote(parts.path))
    return f"{request.method} {parts.path}", {}


def _of_s3(method: str, path: str) -> tuple[str, Mapping[str, Any]]:
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return "ListAllMyBuckets", {}
    action = _S3.get((method, bool(key)), f"{method} {path}")
    return action, {"arn": f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")}


def _resources(service: str, about: Mapping[str, Any], region_and_account: str) -> tuple[str, ...]:
    region, _, account = region_and_account.partition(":")
    if service == "s3":
        return tuple(filter(None, [about.get("arn", "")]))
    if service == "ecr":
        owner = about.get("registryId") or account
        names = about.get("repositoryNames") or [name for name in (about.get("repositoryName"),) if name]
        return tuple(f"arn:aws:ecr:{region}:{owner}:repository/{name}" for name in names)
    if service == "ssm":
        names = about.get("Names") or [name for name in (about.get("Name"),) if name]
        return tuple(_of_parameter(name, region_and_account) for name in names)
    if service == "events":
        buses = [entry.get("EventBusName", "default") for entry in about.get("Entries") or ()]
        return tuple(
            bus if bus.startswith("arn:") else f"arn:aws:events:{region_and_account}:event-bus/{bus}" for bus in buses
        )
    if service == "ecs":
        return _of_services(about, region_and_account)
    if service == "cloudformation" and "StackName" in about:
        # The resource of a stack ends with its ID, which no request by name contains.
        stack = about["StackName"]
        return (stack if stack.startswith("arn:") else f"arn:aws:cloudformation:{region_and_account}:stack/{stack}/*",)
    named = [about[key] for key in ("SecretId", "RoleArn", "KeyId", "ChangeSetName") if key in about]
    return tuple(map(str, named))


def _of_services(about: Mapping[str, Any], region_and_account: str) -> tuple[str, ...]:
    """Return the ARNs of services and of their revisions; other actions on ECS are recorded for all resources."""
    if "serviceRevisionArns" in about:
        return tuple(about["serviceRevisionArns"])
    names = about.get("services") or [name for name in (about.get("service"),) if name]
    cluster = about.get("cluster", "default").rpartition("/")[2]
    return tuple(
        name if name.startswith("arn:") else f"arn:aws:ecs:{region_and_account}:service/{cluster}/{name}"
        for name in names
    )


def _of_parameter(name: str, region_and_account: str) -> str:
    # The version or label after the colon is not part of the resource.
    plain = name if name.startswith("arn:") else name.partition(":")[0]
    return plain if plain.startswith("arn:") else f"arn:aws:ssm:{region_and_account}:parameter/{plain.lstrip('/')}"
