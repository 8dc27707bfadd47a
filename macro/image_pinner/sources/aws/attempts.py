"""Retry requests to AWS until the deadline of the job that sends them, without state that outlives a request.

botocore emits these events for every request of a client, on the thread that sends it:
https://github.com/boto/botocore/blob/develop/botocore/endpoint.py
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's name

from image_pinner.sources.aws.errors import THROTTLED, error_code_of
from image_pinner.sources.concurrency import job_deadline

ATTEMPTS = 4
"""The maximum number of attempts of a request; its deadline ends them earlier."""

_FIRST_PAUSE = 0.5  # seconds, doubled after each attempt
_SHORTEST_READ = 0.05  # seconds
_TRANSIENT_CODES = frozenset({"PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"})
# An image was scanned in the last 24 hours:
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html#API_StartImageScan_Errors
_LASTING = frozenset({("StartImageScan", "LimitExceededException")})
# As in https://github.com/boto/botocore/blob/develop/botocore/parsers.py; the second is that of S3.
_REQUEST_IDS = ("x-amzn-RequestId", "x-amz-request-id")
_XML_NAMESPACE = b".amazonaws.com/doc/"
_START_OF_BODY = 300  # bytes
_SERVER_ERROR = 500
_TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


class InvalidEndpointError(BotoCoreError):  # type: ignore[misc] # botocore has no type information
    """The endpoint in the environment cannot be used. It can contain a password, so no message repeats it."""

    fmt = "the configured URL is not valid"


class ForeignResponseError(BotoCoreError):  # type: ignore[misc] # the same
    """Something between us and AWS responded, which botocore can read as an empty response of the service."""

    fmt = "the response is not one of AWS"


def limit_attempts(events: Any) -> None:
    """Make the clients of the session with these `events` retry within the deadline, and refuse foreign responses.

    Each response must arrive by the deadline as well, if the installed botocore supports a timeout for each request;
    otherwise the timeout of the client applies.
    """
    events.register("before-call", _check_endpoint)
    events.register("before-send", _limit_read_time)
    events.register("before-parse", _check_response)
    events.register("needs-retry", _pause_before_retry)


def _check_endpoint(params: dict[str, Any], **_: Any) -> None:
    try:
        parts = urlsplit(params["url"])
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise InvalidEndpointError


def _limit_read_time(request: Any, **_: Any) -> None:
    deadline, context = job_deadline(), getattr(request, "context", None)
    if deadline is None or context is None:
        return
    limit = context["client_config"].read_timeout if "client_config" in context else deadline.remaining()
    context["read_timeout"] = max(_SHORTEST_READ, min(limit, deadline.remaining()))


def _check_response(response_dict: dict[str, Any], **_: Any) -> None:
    if _is_of_aws(response_dict["headers"], response_dict["body"]):
        return
    if response_dict["status_code"] < _SERVER_ERROR:
        raise ForeignResponseError
    # A proxy or load balancer reports the error, which is retried by its status. No message repeats its page.
    response_dict["body"] = b""


def _is_of_aws(headers: Mapping[str, str], body: Any) -> bool:
    """Return whether a response has a request ID, or else, since a proxy can remove that, what only AWS writes."""
    return (
        any(name in headers for name in _REQUEST_IDS)
        or headers.get("Content-Type", "").startswith("application/x-amz-json-")
        or (isinstance(body, bytes) and _XML_NAMESPACE in body[:_START_OF_BODY])
    )


def _pause_before_retry(attempts: int, operation: Any, response: Any, caught_exception: Any, **_: Any) -> float | None:
    """Return the seconds until the next attempt, or `None` if there is none."""
    if attempts >= ATTEMPTS or not _is_transient(operation.name, response, caught_exception):
        return None
    # Callers that were throttled together must not retry together.
    pause = _FIRST_PAUSE * 2 ** (attempts - 1) * random.uniform(0.5, 1)  # noqa: S311 - not for security
    deadline = job_deadline()
    return pause if deadline is None or pause < deadline.remaining() else None


def _is_transient(operation: str, response: Any, caught_exception: Any) -> bool:
    if response is None:
        return isinstance(caught_exception, ConnectionError | HTTPClientError)
    http_response, parsed = response
    code = error_code_of(parsed)
    if (operation, code) in _LASTING:
        return False
    return http_response.status_code in _TRANSIENT_STATUSES or code in THROTTLED or code in _TRANSIENT_CODES
