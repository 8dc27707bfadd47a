"""The last failure that the macro's log tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.sources.aws.errors import cleaned

# FilterLogEvents begins with the oldest, so that short times are looked at first.
_LOOKED_BACK = (3600, 86_400, 30 * 86_400)
_MOST_PAGES = 20
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
_FAILURES = '{ $.status = "failure" }'


def last_failure(surroundings: Surroundings, region: str, group: str) -> Mapping[str, str]:
    """Look for the last failure of the past thirty days.

    Args:
        surroundings: Who is asked, and what time it is.
        region: The region.
        group: The log group.

    Returns:
        `time` and `message`, or nothing.

    Raises:
        AskFailed: CloudWatch Logs could not be asked.
    """
    now = surroundings.now()
    for seconds in _LOOKED_BACK:
        pages = surroundings.asker.pages(
            "logs",
            region,
            "filter_log_events",
            logGroupName=group,
            filterPattern=_FAILURES,
            startTime=round((now - seconds) * 1000),
        )
        events = [event for page in islice(pages, _MOST_PAGES) for event in page["events"]]
        if events:
            last = max(events, key=lambda event: int(event["timestamp"]))
            return {"time": _time(last["timestamp"]), "message": told_by(last["message"])}
    return {}


def told_by(line: str) -> str:
    """Give what a line of the macro's log says went wrong.

    Args:
        line: The line, JSON as `lambda_macro.log_record` writes it.

    Returns:
        The first problem and how many more there are, the error, or the line itself.
    """
    try:
        content = json.loads(line)
    except ValueError:
        return cleaned(line)
    if not isinstance(content, dict):
        return cleaned(line)
    problems = content.get("problems")
    if isinstance(problems, list) and problems and isinstance(problems[0], dict):
        more = f" (+{len(problems) - 1} more)" if len(problems) > 1 else ""
        return f"{_sentence(problems[0])}{more}"
    if "defect" in content:
        return f"ImagePinner has a defect ({cleaned(str(content['defect']))})"
    return _sentence(content) or cleaned(line)


def _sentence(about: Mapping[str, Any]) -> str:
    parts = [str(about.get(name) or "") for name in ("path", "cause", "help")]
    return ": ".join(cleaned(part) for part in parts if part)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
