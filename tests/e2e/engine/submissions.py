"""Refuses templates as the service does: in front of the engine, whether boto3, the AWS CLI or our command submits."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from e2e import service_facts
from e2e.engine.proxy import Reply
from e2e.engine.recording import Request

Fetch = Callable[[str, str], str]
"""Gives the text of an object, by its bucket and its key."""

_ACTIONS = frozenset({"CreateStack", "UpdateStack", "CreateChangeSet", "ValidateTemplate", "CreateStackSet"})
_BY_PATH = re.compile(r"s3[.-]?[a-z0-9-]*(\.dualstack)?(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?|127\.0\.0\.1|localhost.*")


class Submissions:
    """Looks into requests to CloudFormation, and answers those itself that the service would refuse.

    Args:
        fetch: Gives templates that lie in a bucket.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def __call__(self, request: Request) -> Reply | None:
        """Answer a request that would be refused, and let others pass."""
        if request.method != "POST" or b"Template" not in request.body or request.header("X-Amz-Target"):
            return None
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("Action") not in _ACTIONS:
            return None
        told = self._refusal(form.get("TemplateBody"), form.get("TemplateURL"))
        return _validation_error(told) if told else None

    def _refusal(self, body: str | None, url: str | None) -> str:
        text = body if body is not None else self._text(url) if url else None
        if text is None:
            return ""
        if told := service_facts.refusal(text, by_url=body is None):
            return told
        return self._of_children(service_facts.parsed(text))

    def _of_children(self, template: dict) -> str:
        """Look at nested stacks too, which the engine fetches behind this."""
        resources = template.get("Resources")
        for resource in resources.values() if isinstance(resources, dict) else ():
            nested = isinstance(resource, dict) and resource.get("Type") == "AWS::CloudFormation::Stack"
            url = (resource.get("Properties") or {}).get("TemplateURL") if nested else None
            if isinstance(url, str) and (told := self._refusal(None, url)):
                return told
        return ""

    def _text(self, url: str) -> str | None:
        bucket, key = place_of(url)
        return self._fetch(bucket, key)


def place_of(url: str) -> tuple[str, str]:
    """Give the bucket and the key of a URL, whichever form it has.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    if _BY_PATH.fullmatch(host):
        bucket, _, key = path.partition("/")
        return bucket, key
    return host.partition(".s3")[0], path


def _validation_error(told: str) -> Reply:
    body = (
        '<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>'
        f"<Code>ValidationError</Code><Message>{escape(told)}</Message></Error>"
        "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    )
    return Reply(400, [("Content-Type", "text/xml")], body.encode())
