"""Reject templates like the service, before the engine reads them, for boto3, the AWS CLI and our command."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from e2e import service_facts
from e2e.engine.proxy import Reply
from e2e.engine.recording import Request

Fetch = Callable[[str, str], str]
"""Returns the text of an object in a bucket, by bucket and key."""

_ACTIONS = frozenset({"CreateStack", "UpdateStack", "CreateChangeSet", "ValidateTemplate", "CreateStackSet"})
_DEPLOY = frozenset({"CreateStack", "UpdateStack", "CreateChangeSet"})
_IAM = frozenset(
    f"AWS::IAM::{kind}"
    for kind in (
        "AccessKey",
        "Group",
        "InstanceProfile",
        "ManagedPolicy",
        "Policy",
        "Role",
        "User",
        "UserToGroupAddition",
    )
)
_NAMES = frozenset({"GroupName", "InstanceProfileName", "ManagedPolicyName", "RoleName", "UserName"})
_BY_PATH = re.compile(r"s3[.-]?[a-z0-9-]*(\.dualstack)?(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?|127\.0\.0\.1|localhost.*")


class Submissions:
    """Inspects requests to CloudFormation, and rejects those that the service would reject.

    Args:
        fetch: Returns a template from a bucket.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def __call__(self, request: Request) -> Reply | None:
        """Return the error for an invalid request, and `None` for others."""
        if request.method != "POST" or b"Template" not in request.body or request.header("X-Amz-Target"):
            return None
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("Action") not in _ACTIONS:
            return None
        if reported := self._refusal(form.get("TemplateBody"), form.get("TemplateURL")):
            return _refused("ValidationError", reported)
        if form["Action"] in _DEPLOY and (lacking := self._capability(form)):
            return _refused("InsufficientCapabilitiesException", f"Requires capabilities : [{lacking}]")
        return None

    def _capability(self, form: Mapping[str, str]) -> str:
        """Return the error for a missing capability, which the engine does not require.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html, Capabilities
        """
        text = form.get("TemplateBody") or (self._text(form["TemplateURL"]) if "TemplateURL" in form else "")
        template = service_facts.parsed(text) if text else {}
        found = [one for one in (template.get("Resources") or {}).values() if one.get("Type") in _IAM]
        given = {value for name, value in form.items() if name.startswith("Capabilities.member.")}
        if not found or "CAPABILITY_NAMED_IAM" in given:
            return ""
        if any(_NAMES & (one.get("Properties") or {}).keys() for one in found):
            return "CAPABILITY_NAMED_IAM"
        return "" if "CAPABILITY_IAM" in given else "CAPABILITY_IAM"

    def _refusal(self, body: str | None, url: str | None) -> str:
        text = body if body is not None else self._text(url) if url else None
        if text is None:
            return ""
        if reported := service_facts.refusal(text, by_url=body is None):
            return reported
        return self._of_children(service_facts.parsed(text))

    def _of_children(self, template: dict) -> str:
        """Inspect nested stacks too, whose templates the engine reads without a request through this proxy."""
        resources = template.get("Resources")
        for resource in resources.values() if isinstance(resources, dict) else ():
            nested = isinstance(resource, dict) and resource.get("Type") == "AWS::CloudFormation::Stack"
            url = (resource.get("Properties") or {}).get("TemplateURL") if nested else None
            if isinstance(url, str) and (reported := self._refusal(None, url)):
                return reported
        return ""

    def _text(self, url: str) -> str | None:
        bucket, key = path_of(url)
        return self._fetch(bucket, key)


def path_of(url: str) -> tuple[str, str]:
    """Return the bucket and the key of an S3 URL in any format.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    if _BY_PATH.fullmatch(host):
        bucket, _, key = path.partition("/")
        return bucket, key
    return host.partition(".s3")[0], path


def _refused(code: str, reported: str) -> Reply:
    body = (
        '<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{escape(reported)}</Message></Error>"
        "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    )
    return Reply(400, [("Content-Type", "text/xml")], body.encode())
