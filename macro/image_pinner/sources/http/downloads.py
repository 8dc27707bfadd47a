"""Downloads: what a trusted service gave the URL of, a layer in ECR's bucket for example."""

from __future__ import annotations

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.messages import Request, Sender, told
from image_pinner.sources.interface import Deadline

_OK = 200


class HttpDownloads:
    """Fetches contents by HTTP. See `Download`.

    Args:
        sender: Sends the requests.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def __call__(self, url: str, limit: int, deadline: Deadline) -> bytes:
        """Fetch the content behind a URL. See `Download.__call__`."""
        reply = self._sender.send(Request(url, limit=limit), deadline)
        if reply.status != _OK:
            raise SourceError(
                f"{reply.url} answered {reply.status}{told(reply.tries)}",
                "Check that this network reaches it; a function in a VPC needs an endpoint for S3 or a NAT gateway",
            )
        return reply.body
