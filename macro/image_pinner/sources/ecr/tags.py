"""What tags point to, asked of DescribeImages, which tells digests without counting as a pull."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from image_pinner.core.images.configs import artifact_type
from image_pinner.core.images.media_types import no_image, shown
from image_pinner.core.images.resolutions import Missing, Resolved, Unavailable
from image_pinner.sources.aws.failures import aws_faults, error_code, error_text
from image_pinner.sources.ecr.calls import DESCRIBE_IMAGES, EcrCalls, Finding, Found, digest_of
from image_pinner.sources.ecr.failures import no_tag, not_active

# "The image with imageId {imageDigest:'null', imageTag:'1.4'} does not exist within the repository …", as recorded in
# https://github.com/hashicorp/terraform-provider-aws/issues/35268.
_NAMED = re.compile(r"imageTag:\s*'([^']*)'")


def describe_tags(calls: EcrCalls, tags: Sequence[str]) -> dict[str, Finding]:
    """Find what tags of a repository point to.

    One missing tag fails a call for a hundred. ECR names it, so that one more call without it gives the others.

    Args:
        calls: Who is asked.
        tags: At most 100 distinct tags.

    Returns:
        A finding for every tag.

    Raises:
        OutOfTimeError: The deadline came first.
        botocore.exceptions.ClientError: ECR refused the request as a whole.
        botocore.exceptions.BotoCoreError: ECR could not be asked.
    """
    return _Search(calls).run(tags)


class _Search:
    """Asks for groups of tags until each is found or known to be missing.

    After the first missing tag the calls ask for images of any status, so that an archived image is not taken for a
    missing one. That they do not from the start is caution: it is documented for lists, not for named images.
    """

    def __init__(self, calls: EcrCalls) -> None:
        self._calls = calls
        self._any_status = False
        self._may_ask_for_any = calls.can_ask_for_archived()
        self._findings: dict[str, Finding] = {}

    def run(self, tags: Sequence[str]) -> dict[str, Finding]:
        groups = [list(tags)]
        while groups:
            group = groups.pop()
            try:
                details = self._calls.describe(group, any_status=self._any_status)
            except aws_faults() as error:
                groups += self._groups_after(error, group)
            else:
                for tag in group:
                    self._findings[tag] = self._finding(tag, details.get(tag))
        return self._findings

    def _groups_after(self, error: Exception, group: list[str]) -> list[list[str]]:
        code = error_code(error)
        if code == "InvalidParameterException" and self._any_status:
            self._any_status = self._may_ask_for_any = False
            return [group]
        if code != "ImageNotFoundException":
            raise error
        if self._may_ask_for_any and not self._any_status:
            self._any_status = True
            return [group]
        return self._without_the_missing(error, group)

    def _without_the_missing(self, error: Exception, group: list[str]) -> list[list[str]]:
        named = _NAMED.search(error_text(error))
        missing = group[0] if len(group) == 1 else named[1] if named else ""
        if missing not in group:
            half = len(group) // 2
            return [group[half:], group[:half]]
        self._findings[missing] = no_tag(self._calls.repository, missing)
        rest = [tag for tag in group if tag != missing]
        return [rest] if rest else []

    def _finding(self, tag: str, detail: Mapping[str, Any] | None) -> Found | Missing | Unavailable:
        if detail is None:
            return no_tag(self._calls.repository, tag)
        status = str(detail.get("imageStatus") or "ACTIVE")
        if status != "ACTIVE":
            return not_active(self._calls.repository, tag, status)
        digest = digest_of(self._calls, DESCRIBE_IMAGES, detail.get("imageDigest"))
        if isinstance(digest, Unavailable):
            return digest
        # ECR names here what the config of a manifest is, and nothing for an index.
        if artifact := artifact_type({"config": {"mediaType": detail.get("artifactMediaType")}}):
            return no_image(f"the media type of its config is {shown(artifact)}")
        media_type = str(detail.get("imageManifestMediaType") or "")
        return Found(Resolved(digest, media_type, self._calls.origin(DESCRIBE_IMAGES)))
