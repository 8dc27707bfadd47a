"""The fact `lifecycle`: what the lifecycle policy of a repository does with an image.

One read for each repository, however many of its images a template has: the policy, then ECR's preview or all images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from image_pinner.core.errors import SourceError
from image_pinner.core.gates.interface import Need, Subject, UnknownFact
from image_pinner.core.gates.lifecycle import PREVIEW, RULES, Evaluation, ImageLifecycle, Preview
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lifecycle import LifecycleAction, LifecyclePolicy, RepositoryImage
from image_pinner.sources.aws.errors import error_code
from image_pinner.sources.ecr.client import IDS_PER_REQUEST, ecr_faults
from image_pinner.sources.ecr.errors import DESCRIBE_IMAGES, no_image
from image_pinner.sources.ecr.facts.calls import EcrCalls, FactReader, Found, Job, RegistrySubjects, in_batches

_GET_POLICY = "ecr:GetLifecyclePolicy"
_START_PREVIEW = "ecr:StartLifecyclePolicyPreview"
_GET_PREVIEW = "ecr:GetLifecyclePolicyPreview"
_PAGE = 1_000
MAX_IMAGES = 20_000
"""The maximum number of images of a repository whose rules are evaluated. It is the default quota of ECR:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html"""
_POLL_SECONDS = 2.0


def _jobs(registry: RegistrySubjects, need: Need) -> Iterator[Job]:
    for repository, subjects in registry.by_repository.items():
        reading = _Reading(registry.calls, repository, tuple(subjects), need.how)
        yield Job(repository, subjects, (_GET_POLICY,), reading.read)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads the lifecycle of some images of a repository; `read`, `start`, `poll` and `evaluate` are what jobs run.

    `text` is the policy, and `actions` are those of ECR's preview by digest, as soon as they are known.
    """

    calls: EcrCalls
    repository: EcrRepository
    subjects: tuple[Subject, ...]
    how: frozenset[str]
    text: str = ""
    actions: Mapping[str, LifecycleAction] | None = None

    def read(self, found: Found) -> list[Job]:
        """Read the policy, then begin with the preview or evaluate the rules."""
        try:
            text = str(self._call("get_lifecycle_policy").get("lifecyclePolicyText") or "")
        except ecr_faults() as error:
            if error_code(error) != "LifecyclePolicyNotFoundException":
                raise
            found.update(dict.fromkeys(self.subjects, self.calls.fact(ImageLifecycle(), _GET_POLICY)))
            return []
        reading = replace(self, text=text)
        return [reading.job((_START_PREVIEW,), reading.start) if PREVIEW in self.how else reading.evaluation_job()]

    def start(self, found: Found) -> list[Job]:
        """Start a preview, as soon as no other one of the repository is in progress."""
        try:
            self._call("start_lifecycle_policy_preview")
        except ecr_faults() as error:
            if error_code(error) != "LifecyclePolicyPreviewInProgressException":
                raise
            self._note_progress(found, "another preview of the lifecycle policy is in progress")
            return [self.job((_START_PREVIEW,), self.start, _POLL_SECONDS)]
        return [self.job((_GET_PREVIEW,), self.poll)]

    def poll(self, found: Found) -> list[Job]:
        """Read the preview; one that failed, or that is of another policy, is replaced by an evaluation."""
        actions: dict[str, LifecycleAction] = {}
        for digests in in_batches([*dict.fromkeys(d for s in self.subjects for d in s.digests)], IDS_PER_REQUEST):
            ids = [{"imageDigest": digest} for digest in digests]
            page = self._preview_page(ids)
            if page.get("status") == "IN_PROGRESS":
                self._note_progress(found, "the preview of the lifecycle policy is in progress")
                return [self.job((_GET_PREVIEW,), self.poll, _POLL_SECONDS)]
            if page.get("status") != "COMPLETE" or page.get("lifecyclePolicyText", self.text) != self.text:
                return [self.evaluation_job()]
            actions.update(
                (str(result.get("imageDigest")), _action(result)) for result in page.get("previewResults", ())
            )
        reading = replace(self, actions=actions)
        if RULES in self.how:
            return [reading.evaluation_job()]
        found.update(
            (subject, self.calls.fact(ImageLifecycle(reading.preview_of(subject)), _GET_PREVIEW))
            for subject in self.subjects
        )
        return []

    def _preview_page(self, ids: list[dict[str, str]]) -> Mapping[str, Any]:
        try:
            return self._call("get_lifecycle_policy_preview", imageIds=ids)
        except ecr_faults() as error:
            if error_code(error) != "LifecyclePolicyPreviewNotFoundException":
                raise
            return {"status": "EXPIRED"}

    def evaluate(self, found: Found) -> None:
        """Evaluate the rules for all images of the repository."""
        images = self._images()
        policy, now = LifecyclePolicy.of(self.text, images.values()), self.calls.clock()
        for subject in self.subjects:
            image = images.get(subject.digests[0])
            if image is None:
                missing = no_image(self.repository, subject.digests[0])
                found[subject] = UnknownFact(missing.cause, missing.help, DESCRIBE_IMAGES)
                continue
            evaluation = Evaluation(policy, image, images.get(str(subject.parent)), now)
            found[subject] = self.calls.fact(
                ImageLifecycle(self.preview_of(subject), evaluation), _GET_POLICY, DESCRIBE_IMAGES
            )

    def preview_of(self, subject: Subject) -> Preview | None:
        """Return what ECR's preview reports about an image, or `None` if there is no preview."""
        # ECR removes no manifest of an index that exists.
        return None if self.actions is None else Preview(self.actions.get(subject.digests[-1]))

    def _images(self) -> dict[str, RepositoryImage]:
        images: dict[str, RepositoryImage] = {}
        pages = self.calls.pages("describe_images", repositoryName=self.repository.name, maxResults=_PAGE)
        for page in pages:
            images.update((image["imageDigest"], _image(image)) for image in page.get("imageDetails", ()))
            if len(images) > MAX_IMAGES:
                raise SourceError(
                    f"{self.repository} has more than {MAX_IMAGES:,} images, too many to evaluate its lifecycle policy",
                    "set lifecycle.preview=true to let ECR evaluate it",
                )
        return images

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return self.calls.call(operation, repositoryName=self.repository.name, **parameters)

    def job(self, actions: tuple[str, ...], run: Callable[[Found], Iterable[Job] | None], delay: float = 0.0) -> Job:
        """Return the next job."""
        return Job(self.repository, self.subjects, actions, run, delay=delay)

    def evaluation_job(self) -> Job:
        """Return the job that evaluates the rules."""
        return self.job((DESCRIBE_IMAGES,), self.evaluate)

    def _note_progress(self, found: Found, cause: str) -> None:
        unknown = UnknownFact(f"{cause} in {self.repository}", "retry in a minute", _GET_PREVIEW)
        found.update(dict.fromkeys(self.subjects, unknown))


def _action(result: Mapping[str, Any]) -> LifecycleAction:
    kind = str((result.get("action") or {}).get("type") or "EXPIRE")
    return LifecycleAction(kind.lower(), int(result.get("appliedRulePriority") or 0))


def _image(detail: Mapping[str, Any]) -> RepositoryImage:
    pushed, pulled, restored = (
        detail[name].timestamp() if name in detail else None
        for name in ("imagePushedAt", "lastRecordedPullTime", "lastActivatedAt")
    )
    return RepositoryImage(detail["imageDigest"], tuple(detail.get("imageTags", ())), pushed or 0.0, pulled, restored)


LIFECYCLE_READER = FactReader(
    "its lifecycle",
    {"": (_GET_POLICY,), RULES: (DESCRIBE_IMAGES,), PREVIEW: (_START_PREVIEW, _GET_PREVIEW)},
    _jobs,
)
