"""Pull-through caches: ECR imports an image that it has not when a manifest is asked for by tag.

By digest it imports none, so that the tag must be asked for before the digest can be pinned:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html,
https://github.com/aws/containers-roadmap/issues/2837.
"""

from __future__ import annotations

from collections.abc import Mapping

from image_pinner.core.images.ecr_hosts import EcrRepository
from image_pinner.core.images.resolutions import Missing, Unavailable
from image_pinner.sources.aws.failures import denied_action, error_code, is_denied
from image_pinner.sources.ecr.calls import BATCH_GET_IMAGE, EcrCalls, Finding, ecr_faults
from image_pinner.sources.ecr.failures import denied, not_made_by_import, refused
from image_pinner.sources.ecr.manifests import Reading, get_tags

IMPORT_IMAGE = "ecr:BatchImportUpstreamImage"
CREATE_REPOSITORY = "ecr:CreateRepository"


def with_imports(calls: EcrCalls, findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """Ask for what is missing in a way that imports it, with one call.

    Args:
        calls: Who is asked.
        findings: What was found out without, at most 100 tags.

    Returns:
        The findings, those of the missing tags anew.

    Raises:
        OutOfTimeError: The deadline came first.
    """
    missing = [tag for tag, finding in findings.items() if isinstance(finding, Missing) and finding.absent]
    if not missing:
        return dict(findings)
    try:
        imported = get_tags(calls, missing, _imported())
    except ecr_faults() as error:
        imported = dict.fromkeys(missing, _refused(calls.repository, error))
    return {**findings, **imported}


def _imported() -> Reading:
    return Reading(
        f"the image was not in ECR before {BATCH_GET_IMAGE} asked for it by tag, which imports it through the "
        "pull-through cache",
        "Deploy again: the image is in ECR now",
    )


def _refused(repository: EcrRepository, error: Exception) -> Missing | Unavailable:
    if error_code(error) == "RepositoryNotFoundException":
        return not_made_by_import(repository)
    if not is_denied(error):
        return refused(repository, error, [BATCH_GET_IMAGE])
    return denied(
        repository,
        error,
        [denied_action(error) or BATCH_GET_IMAGE],
        f"{BATCH_GET_IMAGE} and {IMPORT_IMAGE}, and {CREATE_REPOSITORY} where the repository is yet to be made,",
    )
