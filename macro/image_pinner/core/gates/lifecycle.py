"""The gate `lifecycle`: the lifecycle policy of the repository does not remove the image.

With `keep-tag`, a tag of its own protects the digest, for policies that keep such tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, TypeGuard

from image_pinner.core.gates.durations import describe_duration, read_duration
from image_pinner.core.gates.interface import (
    TRUTH,
    Fact,
    Facts,
    Failed,
    GateOption,
    JudgedImage,
    Judgment,
    Need,
    Passed,
    Seen,
    Subject,
    UnknownFact,
    higher,
)
from image_pinner.core.images.lifecycle import TRANSITION, LifecycleAction, LifecyclePolicy, RepositoryImage

LIFECYCLE = "lifecycle"
"""The fact `ImageLifecycle`."""
PREVIEW, RULES = "preview", "rules"
"""How it is gathered: by ECR's preview, and by reading the rules and the images of the repository. The rules are read
anyway if there is no preview."""

KEEP_TAG_PREFIX = "image-pinner-keep-"
_DIGITS = 12


def keep_tag_of(digest: str) -> str:
    """Return the tag that keeps an image, by its digest."""
    return KEEP_TAG_PREFIX + digest.partition(":")[2][:_DIGITS]


class Evaluation(NamedTuple):
    """What the rules of a repository are evaluated by.

    Args:
        policy: The rules, with the images that they count.
        image: The image with the digest that is pinned.
        parent: The index that contains it, if the tag points to one, and if that exists.
        now: The time, in seconds since 1970.
    """

    policy: LifecyclePolicy
    image: RepositoryImage
    parent: RepositoryImage | None
    now: float


class Preview(NamedTuple):
    """What ECR reports that the policy does with an image now, `None` if nothing."""

    action: LifecycleAction | None


class ImageLifecycle(NamedTuple):
    """What is known about the lifecycle of an image; without a policy there is neither preview nor evaluation.

    `failure` is the cause and the help if the keep-tag could not be put on the image.
    """

    preview: Preview | None = None
    evaluation: Evaluation | None = None
    failure: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Deny images that the lifecycle policy of their repository removes. See `Gate`."""

    id: ClassVar[str] = "lifecycle"
    summary: ClassVar[str] = "The lifecycle policy of the image's repository does not remove the image."
    required: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[GateOption, ...]] = (
        GateOption(
            "within",
            "a duration such as `30d`",
            "Evaluate rules by age as if that much time had passed.",
            read_duration,
            higher,
            show=describe_duration,
        ),
        GateOption("as-untagged", "`false`, `true`", "Evaluate the rules as if the tag had moved, too.", *TRUTH),
        GateOption("archive", "`false`, `true`", "Count moving the image to the archive as removing it.", *TRUTH),
        GateOption(
            "preview", "`false`, `true`", "Use a preview by ECR, which evaluates the current state only.", *TRUTH
        ),
        GateOption("keep-tag", "`false`, `true`", f"Put a tag `{KEEP_TAG_PREFIX}…` on the digest.", *TRUTH),
    )
    possible_needs: ClassVar[frozenset[Need]] = frozenset({Need(LIFECYCLE, frozenset({PREVIEW, RULES}))})

    within: int = 0
    as_untagged: str = "false"
    archive: str = "false"
    preview: str = "false"
    keep_tag: str = "false"

    @property
    def puts_tag(self) -> bool:
        """Whether images get a keep-tag."""
        return self.keep_tag == "true"

    @property
    def needs(self) -> frozenset[Need]:
        """See `Gate.needs`."""
        # A preview knows neither the future nor the tag that is put later.
        previews = self.preview == "true" and not self.puts_tag
        is_changed = self.puts_tag or bool(self.within) or self.as_untagged == "true"
        how = {PREVIEW} if previews else set()
        return frozenset({Need(LIFECYCLE, frozenset(how | ({RULES} if is_changed or not previews else set())))})

    def judge(self, image: JudgedImage) -> Judgment:
        """See `Gate.judge`."""
        fact = image.fact(LIFECYCLE)
        if isinstance(fact, UnknownFact):
            return fact
        known: ImageLifecycle = fact.value
        if known.failure:
            return Failed(Seen.of(fact, "no keep-tag"), *known.failure)
        if known.preview is None and known.evaluation is None:
            return Passed(Seen.of(fact, "no lifecycle policy"))
        found = self._find_removal(known)
        if found is None:
            return Passed(
                Seen.of(fact, f"kept by the lifecycle policy{self._when(is_untagged=self.as_untagged == 'true')}")
            )
        action, when = found
        done = "archives" if action.action == TRANSITION else "removes"
        cause = f"rule {action.priority} of the lifecycle policy {done} the image{when}"
        return Failed(
            Seen.of(fact, cause), cause, "deploy a newer image, or add a rule with a lower rulePriority that keeps it"
        )

    def _find_removal(self, known: ImageLifecycle) -> tuple[LifecycleAction, str] | None:
        if known.preview and self._counts(action := known.preview.action):
            return action, " now"
        if known.evaluation is None:
            return None
        # The tag can protect the image from a rule, or make a rule select it.
        for is_untagged in (False, True) if self.as_untagged == "true" else (False,):
            if self._counts(action := self._evaluate(known.evaluation, is_untagged=is_untagged)):
                return action, self._when(is_untagged=is_untagged)
        return None

    def _counts(self, action: LifecycleAction | None) -> TypeGuard[LifecycleAction]:
        return action is not None and (self.archive == "true" or action.action != TRANSITION)

    def _evaluate(self, evaluation: Evaluation, *, is_untagged: bool) -> LifecycleAction | None:
        # ECR removes no manifest of an index that exists, but one with a keep-tag outlives its index.
        image = evaluation.image if self.puts_tag else evaluation.parent or evaluation.image
        tags = [tag for tag in image.tags if not is_untagged or tag.startswith(KEEP_TAG_PREFIX)]
        if self.puts_tag:
            tags.append(keep_tag_of(image.digest))
        return evaluation.policy.find_action(image._replace(tags=tuple(tags)), evaluation.now + self.within)

    def _when(self, *, is_untagged: bool) -> str:
        within = f" within {describe_duration(self.within)}" if self.within else ""
        return within + (" once its tag has moved" if is_untagged else "")


def find_missing_keep_tags(gate: Lifecycle, facts: Mapping[Subject, Facts]) -> tuple[Subject, ...]:
    """Return the images to put a keep-tag on: those whose lifecycle is known and that have none."""
    return tuple(subject for subject in facts if gate.puts_tag and _is_without_keep_tag(facts[subject].get(LIFECYCLE)))


def _is_without_keep_tag(fact: Fact | UnknownFact | None) -> bool:
    if not isinstance(fact, Fact):
        return False
    evaluation: Evaluation | None = fact.value.evaluation
    return evaluation is None or keep_tag_of(evaluation.image.digest) not in evaluation.image.tags


def note_missing_keep_tags(
    facts: Mapping[Subject, Facts], failures: Mapping[Subject, UnknownFact]
) -> dict[Subject, Facts]:
    """Return facts with the reasons why images have no keep-tag."""
    noted = dict(facts)
    for subject, failure in failures.items():
        fact = facts[subject][LIFECYCLE]
        if isinstance(fact, Fact):
            value = fact.value._replace(failure=(failure.cause, failure.help))
            noted[subject] = {**facts[subject], LIFECYCLE: replace(fact, value=value)}
    return noted
