"""A small world in memory: what tests, the demo and experiments ask instead of registries and AWS."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from image_pinner.core.images.lookups import (
    OCI_MANIFEST,
    ImageLookup,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import DEFAULT_TAG, Digest, ImageReference
from image_pinner.core.images.selection import NeedsConfig, answer_for, answer_from_config, answer_without_bytes
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known, Unknown
from image_pinner.sources.interface import Deadline

_ORIGIN = Origin("memory", "the world in memory")


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a tag of this world points to; without a manifest only its digest is known."""

    digest: Digest
    media_type: str
    manifest: bytes | None


class InMemoryRegistry:
    """Registries and look-ups in memory, which answer as the real ones do.

    Args:
        external_values: The values that look-ups have.
        knows_everything: Whether every reference has an image: its digest is the SHA-256 of the reference's canonical
            text, and it runs on every platform.
    """

    def __init__(
        self, external_values: Mapping[ExternalValue, str] | None = None, *, knows_everything: bool = False
    ) -> None:
        self.external_values = dict(external_values or {})
        self.asked: list[ImageLookup] = []
        """Every question that was asked, in order, again where it was asked again."""
        self.asked_lookups: list[ExternalValue] = []
        """Every look-up that was asked for, in order."""
        self._knows_everything = knows_everything
        self._images: dict[tuple[str, str], dict[str, _Stored]] = {}
        self._configs: dict[Digest, bytes] = {}
        self._outages: dict[str, str] = {}

    def push(self, reference: str, manifest: bytes, media_type: str = OCI_MANIFEST) -> Digest:
        """Store an image; a tag that is there already moves to it.

        Args:
            reference: Registry, repository and tag; without a tag it is `latest`, with a digest it is not tagged.
            manifest: The bytes of the manifest or index.
            media_type: Their media type.

        Returns:
            The digest of the manifest.
        """
        return self._store(reference, _Stored(Digest.of(manifest), media_type, manifest))

    def push_config(self, config: bytes) -> Digest:
        """Store the config of images for a single platform; without it a question about theirs cannot be answered.

        Args:
            config: The bytes of the config.

        Returns:
            Its digest, by which manifests name it.
        """
        digest = Digest.of(config)
        self._configs[digest] = config
        return digest

    def push_digest(self, reference: str, digest: str, media_type: str = OCI_MANIFEST) -> Digest:
        """Store an image of which only the digest is known; a question about its platforms cannot be answered.

        Args:
            reference: Registry, repository and tag.
            digest: The digest, with `sha256:`.
            media_type: The media type of what it names.

        Returns:
            The digest.
        """
        return self._store(reference, _Stored(Digest(digest), media_type, None))

    def move(self, reference: str, to: str) -> None:
        """Let a tag point to what another tag of its repository points to now.

        Args:
            reference: The tag that moves.
            to: The tag that it moves to, as a full reference.

        Raises:
            KeyError: There is no image under the tag that it is to move to.
        """
        self._store(reference, self._repository(to)[_tag(ImageReference.parse(to))])

    def delete(self, reference: str) -> None:
        """Remove a tag; its repository stays.

        Args:
            reference: Registry, repository and tag.

        Raises:
            KeyError: There is no such tag.
        """
        del self._repository(reference)[_tag(ImageReference.parse(reference))]

    def break_registry(self, registry: str, cause: str) -> None:
        """Let a registry not answer from now on.

        Args:
            registry: The registry in its canonical form, `docker.io` for example.
            cause: Why not, as a clause.
        """
        self._outages[registry] = cause

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """Answer questions, as `DigestResolver` says."""
        self.asked += lookups
        if deadline.remaining() <= 0:
            late = Unavailable("the world in memory did not answer in time", "Give it more time")
            return dict.fromkeys(lookups, late)
        return {lookup: self._answer(lookup) for lookup in lookups}

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """Answer look-ups, as `ValueResolver` says."""
        self.asked_lookups += external_values
        if deadline.remaining() <= 0:
            return dict.fromkeys(
                external_values, Unknown("the world in memory did not answer in time", "Give it more time")
            )
        return {lookup: self._look_up(lookup) for lookup in external_values}

    def _look_up(self, lookup: ExternalValue) -> Answer:
        if lookup in self.external_values:
            return Known(self.external_values[lookup])
        return Unknown(f"the world in memory has not {lookup}", "Add it to the world")

    def _answer(self, lookup: ImageLookup) -> Resolution:
        reference = lookup.reference
        if reference.registry in self._outages:
            return Unavailable(self._outages[reference.registry], f"Deploy again when {reference.registry} answers")
        stored = self._images.get((reference.registry, reference.repository), {}).get(_tag(reference))
        if stored is not None:
            return self._answer_from(lookup, stored)
        return _made_up(lookup) if self._knows_everything else self._missing(reference)

    def _answer_from(self, lookup: ImageLookup, stored: _Stored) -> Resolution:
        resolved = Resolved(stored.digest, stored.media_type, _ORIGIN)
        if stored.manifest is None:
            return answer_without_bytes(lookup, resolved) or Unavailable(
                f"the world in memory has no manifest of {stored.digest}", "Push the image with its manifest"
            )
        found = answer_for(lookup, resolved, stored.manifest)
        if not isinstance(found, NeedsConfig):
            return found
        if found.config not in self._configs:
            return Unavailable(f"the world in memory has no config {found.config}", "Push the config as well")
        return answer_from_config(lookup, found, self._configs[found.config])

    def _missing(self, reference: ImageReference) -> NotFound | Unsuitable:
        name = f"{reference.registry}/{reference.repository}"
        if (reference.registry, reference.repository) not in self._images:
            return NotFound(f"there is no repository {name!r}", "Create the repository, or correct its name")
        return NotFound(f"the repository {name!r} has no tag {_tag(reference)!r}", "Push the tag, or correct it")

    def _store(self, reference: str, stored: _Stored) -> Digest:
        parsed = ImageReference.parse(reference)
        repository = self._images.setdefault((parsed.registry, parsed.repository), {})
        if parsed.digest is None:
            repository[_tag(parsed)] = stored
        return stored.digest

    def _repository(self, reference: str) -> dict[str, _Stored]:
        parsed = ImageReference.parse(reference)
        return self._images[parsed.registry, parsed.repository]


def _tag(reference: ImageReference) -> str:
    return reference.tag or DEFAULT_TAG


def _made_up(lookup: ImageLookup) -> Resolved:
    text = str(lookup.reference.canonical())
    platforms = (lookup.platform,) if lookup.platform else None
    return Resolved(Digest.of(text.encode()), OCI_MANIFEST, _ORIGIN, platforms)
