"""Images, values and deployed images in memory, for tests, the demo and experiments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from image_pinner.core.deployed import Deployed, DeployedLookup, DeployedState, NotDeployed, NotKnown
from image_pinner.core.gates.interface import Fact, Facts, Need, Subject, UnknownFact
from image_pinner.core.images.lookups import (
    OCI_MANIFEST,
    ImageLookup,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
)
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.images.selection import (
    NeedsConfig,
    select_from_config,
    select_from_manifest,
    select_without_manifest,
)
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known, Unknown
from image_pinner.core.template.options import Refresh
from image_pinner.sources.interface import Deadline

_ORIGIN = Origin("memory", "the in-memory registry")
_NO_FACT = ("the in-memory registry does not know it", "set it in facts")
_TIMED_OUT = ("the in-memory registry did not respond in time", "increase the time limit")


@dataclass(frozen=True, slots=True)
class _StoredImage:
    """An image; `manifest` is `None` if only the digest is known."""

    digest: Digest
    media_type: str
    manifest: bytes | None


class InMemoryRegistry:
    """Registries and external values in memory, which respond like the real ones.

    With `has_every_image`, a reference without a stored image resolves too: to the digest that it has, else to the
    SHA-256 of the canonical reference; the image runs on every platform.
    """

    def __init__(
        self, external_values: Mapping[ExternalValue, str] | None = None, *, has_every_image: bool = False
    ) -> None:
        self.external_values = dict(external_values or {})
        self.image_lookups: list[ImageLookup] = []
        """All image lookups in their order, with repetitions."""
        self.deployments = InMemoryDeployments()
        """What is deployed."""
        self.value_lookups: list[ExternalValue] = []
        """All lookups of external values in their order, with repetitions."""
        self.facts: dict[str, dict[str, Fact | UnknownFact]] = {}
        """Facts by `Need.fact`, by the canonical references of images by digest; `*` has those of all others."""
        self._has_every_image = has_every_image
        # Each image is stored by its digest and by each of its tags, which cannot be a digest: they have no colon.
        self._images: dict[tuple[str, str], dict[str, _StoredImage]] = {}
        self._configs: dict[Digest, bytes] = {}
        self._outages: dict[str, str] = {}

    def push(self, reference: str, manifest: bytes, media_type: str = OCI_MANIFEST) -> Digest:
        """Store a manifest or index, move the tag of `reference` to it, and return its digest.

        A reference without a tag means `latest`; one with a digest moves no tag.
        """
        return self._store(reference, _StoredImage(Digest.of(manifest), media_type, manifest))

    def push_config(self, config: bytes) -> Digest:
        """Store the config of a single-platform image, by which its platform is found, and return its digest."""
        digest = Digest.of(config)
        self._configs[digest] = config
        return digest

    def push_digest(self, reference: str, digest: str, media_type: str = OCI_MANIFEST) -> Digest:
        """Store an image by its digest only; a lookup of a platform of it fails."""
        return self._store(reference, _StoredImage(Digest(digest), media_type, None))

    def move(self, reference: str, to: str) -> None:
        """Move a tag to the image of another tag or digest.

        Raises:
            KeyError: `to` has no image.
        """
        self._store(reference, self._repository(to)[ImageReference.parse(to).manifest])

    def delete(self, reference: str) -> None:
        """Remove a tag, so that its image stays; or, by its digest, an image with all its tags. The repository stays.

        Raises:
            KeyError: There is no such tag or image.
        """
        repository, parsed = self._repository(reference), ImageReference.parse(reference)
        removed = repository.pop(parsed.manifest)
        if parsed.digest:
            for tag in [tag for tag, stored in repository.items() if stored.digest == removed.digest]:
                del repository[tag]

    def break_registry(self, registry: str, cause: str) -> None:
        """Make all lookups at a registry, a canonical name, fail with a cause."""
        self._outages[registry] = cause

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """See `DigestResolver.resolve_all`."""
        self.image_lookups += lookups
        if deadline.remaining() <= 0:
            return dict.fromkeys(lookups, Unavailable(*_TIMED_OUT))
        return {lookup: self._resolve(lookup) for lookup in lookups}

    def gather(
        self, subjects: Collection[Subject], needs: frozenset[Need], deadline: Deadline
    ) -> Mapping[Subject, Facts]:
        """See `FactSource.gather`."""
        unknown = UnknownFact(*_TIMED_OUT) if deadline.remaining() <= 0 else UnknownFact(*_NO_FACT)
        facts = {} if deadline.remaining() <= 0 else self.facts
        others = facts.get("*", {})
        return {
            subject: {need.fact: facts.get(str(subject.image), others).get(need.fact, unknown) for need in needs}
            for subject in subjects
        }

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """See `ValueResolver.resolve_values`."""
        self.value_lookups += external_values
        if deadline.remaining() <= 0:
            return dict.fromkeys(external_values, Unknown(*_TIMED_OUT, failed_lookup=True))
        return {value: self._resolve_value(value) for value in external_values}

    def _resolve_value(self, value: ExternalValue) -> Answer:
        if value in self.external_values:
            return Known(self.external_values[value])
        return Unknown(f"the in-memory registry does not have {value}", "add it to the external values")

    def _resolve(self, lookup: ImageLookup) -> Resolution:
        reference = lookup.reference
        if reference.registry in self._outages:
            return Unavailable(self._outages[reference.registry], f"try again when {reference.registry} is available")
        stored = self._images.get((reference.registry, reference.repository), {}).get(reference.manifest)
        if stored is not None:
            return self._resolve_stored(lookup, stored)
        return _generate(lookup) if self._has_every_image else self._not_found(reference)

    def _resolve_stored(self, lookup: ImageLookup, stored: _StoredImage) -> Resolution:
        resolved = Resolved(stored.digest, stored.media_type, _ORIGIN)
        if stored.manifest is None and lookup.platform is None and lookup.index_allowed:
            return resolved
        if stored.manifest is None:
            return select_without_manifest(lookup, resolved) or Unavailable(
                f"the in-memory registry has no manifest of {stored.digest}", "push the image with its manifest"
            )
        found = select_from_manifest(lookup, resolved, stored.manifest)
        if not isinstance(found, NeedsConfig):
            return found
        if found.config not in self._configs:
            return Unavailable(f"the in-memory registry has no config {found.config}", "push the config too")
        return select_from_config(lookup, found, self._configs[found.config])

    def _not_found(self, reference: ImageReference) -> NotFound:
        name = f"{reference.registry}/{reference.repository}"
        if (reference.registry, reference.repository) not in self._images:
            return NotFound(f"repository {name!r} does not exist", "create the repository, or correct its name")
        if reference.digest:
            cause = f"repository {name!r} has no image with the digest {reference.digest}"
            return NotFound(cause, "push the image again, or correct the digest")
        return NotFound(f"repository {name!r} has no tag {reference.manifest!r}", "push the tag, or correct it")

    def _store(self, reference: str, stored: _StoredImage) -> Digest:
        parsed = ImageReference.parse(reference)
        repository = self._images.setdefault((parsed.registry, parsed.repository), {})
        repository[str(stored.digest)] = stored
        if parsed.digest is None:
            repository[parsed.manifest] = stored
        return stored.digest

    def _repository(self, reference: str) -> dict[str, _StoredImage]:
        parsed = ImageReference.parse(reference)
        return self._images[parsed.registry, parsed.repository]


class InMemoryDeployments:
    """Deployed images in memory, by resource and container. See `DeployedImageSource`.

    What no stack deployed and no service runs is not deployed.
    """

    def __init__(self) -> None:
        self.lookups: list[DeployedLookup] = []
        """All lookups in their order, with repetitions."""
        self._in_stack: dict[tuple[str, str], Deployed] = {}
        self._running: dict[tuple[str, str], Deployed] = {}
        self._outage = ""

    def deploy(self, resource: str, container: str, image: str, written: str = "") -> None:
        """Deploy `repository@digest` from the template of the stack; `written` is the recorded reference."""
        deployed = Deployed(ImageReference.parse(image), written, f"the in-memory resource {resource}")
        self._in_stack[resource, container] = self._running[resource, container] = deployed

    def update(self, resource: str, container: str, image: str, written: str = "") -> None:
        """Change what runs, like a script outside of the stack."""
        deployed = Deployed(ImageReference.parse(image), written, f"the in-memory service of {resource}")
        self._running[resource, container] = deployed

    def break_service(self, cause: str) -> None:
        """Make all lookups fail with a cause."""
        self._outage = cause

    def read_deployed(
        self, lookups: Collection[DeployedLookup], deadline: Deadline
    ) -> Mapping[DeployedLookup, DeployedState]:
        """See `DeployedImageSource.read_deployed`."""
        self.lookups += lookups
        if deadline.remaining() <= 0 or self._outage:
            cause = self._outage or "the in-memory service did not respond in time"
            return dict.fromkeys(lookups, NotKnown(cause, "try again"))
        return {lookup: self._read(lookup) for lookup in lookups}

    def _read(self, lookup: DeployedLookup) -> DeployedState:
        stored = self._running if lookup.refresh is Refresh.NEVER else self._in_stack
        key = (lookup.identity.resource, lookup.identity.container)
        return stored.get(key) or NotDeployed(f"{lookup.identity.resource} is not deployed in memory")


def _generate(lookup: ImageLookup) -> Resolved:
    digest = lookup.reference.digest or Digest.of(str(lookup.reference.canonical()).encode())
    platforms = (lookup.platform,) if lookup.platform else None
    return Resolved(digest, OCI_MANIFEST, _ORIGIN, platforms)
