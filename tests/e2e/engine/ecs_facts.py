"""Differences between ECS and the ECS of the tests, whose responses are completed to those of the service.

ministack 1.5.33 has no service revisions: DescribeServices shows none, and the operations that list and describe them
and their deployments return nothing. `ServiceRevisions`, which the demo uses too, adds them. The digests of tags are
those of the registry at the time of the deployment. A deployment succeeds at once, unless `set_state` changes that.
"""

from __future__ import annotations

import json
from typing import Any

import urllib3

from e2e.engine.proxy import Reply
from e2e.engine.recording import Request
from image_pinner.cli.demo import service_revisions
from image_pinner.cli.demo.service_revisions import RolloutState, ServiceRevisions
from image_pinner.core.images.references import ImageReference

_OK = 200
_TARGET = "AmazonEC2ContainerServiceV20141113"
_CONTENT_TYPE = "application/x-amz-json-1.1"


class EcsFacts:
    """Responds to requests for ECS like the service.

    Args:
        url: The URL of the ECS of the tests.
        ecr: A client of the registry that has the images.
    """

    def __init__(self, url: str, ecr: Any) -> None:
        self._url = url
        self._ecr = ecr
        self._revisions = ServiceRevisions(self._call, self._digest)

    def gate(self, request: Request) -> Reply | None:
        """Respond to the operations that the ECS of the tests lacks, and return `None` for others."""
        reply = self._revisions.answer(_operation(request), json.loads(request.body)) if _operation(request) else None
        return (
            Reply(reply.status, [("Content-Type", _CONTENT_TYPE)], json.dumps(reply.body).encode()) if reply else None
        )

    def correct(self, request: Request, reply: Reply) -> Reply:
        """Complete a response to that of ECS."""
        if reply.status != _OK or not _operation(request):
            return reply
        body = self._revisions.complete(_operation(request), json.loads(request.body), json.loads(reply.body))
        return reply._replace(body=json.dumps(body).encode())

    def set_state(self, service_arn: str, state: RolloutState) -> None:
        """Change the state of the last deployment of a service."""
        self._revisions.set_state(service_arn, state)

    def _call(self, operation: str, request: dict[str, Any]) -> service_revisions.Reply:
        headers = {"X-Amz-Target": f"{_TARGET}.{operation}", "Content-Type": _CONTENT_TYPE}
        with urllib3.PoolManager(retries=False) as pool:
            reply = pool.request("POST", self._url, body=json.dumps(request), headers=headers)
        return service_revisions.Reply(reply.status, reply.json())

    def _digest(self, image: str) -> str | None:
        reference = ImageReference.parse(image)
        identifier = {"imageTag": reference.tag or "latest"}
        try:
            found = self._ecr.describe_images(repositoryName=reference.repository, imageIds=[identifier])
        except self._ecr.exceptions.ClientError:
            return None
        return next((str(detail["imageDigest"]) for detail in found["imageDetails"]), None)


def _operation(request: Request) -> str:
    service, _, operation = request.header("X-Amz-Target").rpartition(".")
    return operation if service == _TARGET else ""
