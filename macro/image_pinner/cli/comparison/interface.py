"""What every format of `diff` renders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from image_pinner.cli.documents import SourceDocument
from image_pinner.cli.image_details import ImageDetails
from image_pinner.cli.output.interface import LocatedReport, count
from image_pinner.cli.wording import help_for_cli
from image_pinner.core.comparison import ChangeKind, Effect, ImageChange, ResourceEffect, TemplateImage
from image_pinner.core.deployed import Deployed, DeployedState, NotDeployed
from image_pinner.core.images.lookups import Unavailable
from image_pinner.core.images.references import ImageReference
from image_pinner.core.template.paths import TemplatePath

_NO_DIGEST = "it has no digest"


class Comparison(NamedTuple):
    """The images of a template, compared with others.

    Args:
        document: The template.
        base: What it is compared with, for people.
        now: The time, in seconds since 1970.
        changes: The images before and after.
        effects: What happens to the resources of images that change.
        hidden: The properties whose images cannot be seen, and why.
        details: The tags and the age of images.
        failed: The reports of the templates that cannot be pinned; if there are any, nothing is compared.
    """

    document: SourceDocument
    base: str
    now: float
    changes: tuple[ImageChange, ...] = ()
    effects: tuple[ResourceEffect, ...] = ()
    hidden: Mapping[TemplatePath, str] = MappingProxyType({})
    details: Mapping[ImageReference, ImageDetails | Unavailable] = MappingProxyType({})
    failed: tuple[LocatedReport, ...] = ()

    @property
    def changed(self) -> tuple[ImageChange, ...]:
        """The images that a deployment changes."""
        return tuple(change for change in self.changes if change.kind.is_change)

    @property
    def not_compared(self) -> dict[TemplatePath, str]:
        """The properties whose images cannot be compared, and why."""
        unknown = {
            change.image.path: reason
            for change in self.changes
            if change.kind is ChangeKind.NOT_COMPARED
            for reason in [(change.new and change.new.unknown) or (change.old and change.old.unknown) or ""]
        }
        return unknown | dict(self.hidden)

    def describe(self, image: TemplateImage) -> ImageVersion:
        """Return an image with what is known about it."""
        key = image.described
        details = self.details.get(key) if key else None
        written = tag_of(image.written)
        if isinstance(details, ImageDetails):
            return ImageVersion(image, details.tags, "ECR", details.pushed_at, "")
        reason = details.cause if details else image.unknown or _NO_DIGEST
        return ImageVersion(image, (written,) if written else (), "template", "", reason)

    def age(self, pushed_at: str) -> str:
        """Return how long ago an image was pushed, in days."""
        days = (datetime.fromtimestamp(self.now, UTC) - datetime.fromisoformat(pushed_at)).days
        return "today" if days < 1 else f"{days} day ago" if days == 1 else f"{days} days ago"

    def summarize(self) -> str:
        """Return a sentence on the images, resources and services that change."""
        total, changed = len(self.changes), len(self.changed)
        if not changed:
            return f"No image would change ({total} compared)."
        effects = Counter(found.effect for found in self.effects)
        parts = [f"{count(effects[effect], 'resource')} {effect}" for effect in Effect if effects[effect]]
        if services := len({service for found in self.effects for service in found.services}):
            parts.append(f"{count(services, 'service')} redeployed")
        consequences = f": {', '.join(parts)}" if parts else ""
        return f"{changed} of {count(total, 'image')} would change{consequences}."


class ImageVersion(NamedTuple):
    """An image on one side of a comparison.

    Args:
        image: The image.
        tags: The tags that point at it, as ECR records them, or the one that the template records.
        tags_from: `ECR` or `template`.
        pushed_at: When it was pushed, in ISO 8601, or empty.
        unknown: Why that is not known, as a clause, or empty.
    """

    image: TemplateImage
    tags: tuple[str, ...]
    tags_from: str
    pushed_at: str
    unknown: str

    @property
    def digest(self) -> str:
        """The digest, or empty if it is not known."""
        found = self.image.by_digest
        return str(found.digest) if found else ""

    @property
    def running(self) -> str:
        """A clause on what runs if that is not what the template deployed, or empty."""
        running, reference = self.image.running, self.image.reference
        if not isinstance(running, Deployed) or not running.image.digest:
            return ""
        if reference is None or reference.digest is None:
            return f"{running.origin} runs {running.image.digest}"
        if reference.digest == running.image.digest:
            return ""
        return f"{running.origin} runs {running.image.digest}, which the stack did not deploy"


def not_running(state: DeployedState | None) -> str:
    """Return why it is not known what runs, as a clause, or an empty string."""
    if state is None or isinstance(state, Deployed):
        return ""
    return state.reason if isinstance(state, NotDeployed) else state.cause


class ComparisonFormat(Protocol):
    """A format of `diff`."""

    def render(self, comparison: Comparison) -> str:
        """Return the standard output of `diff`."""
        ...


def name_of(change: ImageChange) -> str:
    """Return the resource and the container of an image: `Web / proxy`."""
    identity = change.image.identity
    return " / ".join(filter(None, (identity.resource or str(change.image.path), identity.container)))


def tag_of(written: str) -> str:
    """Return the tag of a written reference, or empty."""
    name = written.rpartition("/")[2]
    return name.partition(":")[2]


def problems_of(report: LocatedReport) -> Iterator[tuple[str, str, str]]:
    """Yield the location, the cause and the help of each problem of a report."""
    for problem in report.report.problems:
        position = report.document.position(problem.path)
        yield f"{report.document.name}:{position}: {problem.path}", problem.cause, help_for_cli(problem.help)
