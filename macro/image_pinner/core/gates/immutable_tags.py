"""The gate `immutable-tags`: the tag of an image cannot be moved to another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from image_pinner.core.gates.interface import (
    Failed,
    GateOption,
    JudgedImage,
    Judgment,
    Need,
    Passed,
    Seen,
    UnknownFact,
)
from image_pinner.core.images.globs import compile_glob

TAG_MUTABILITY = "tag-mutability"
"""The fact `TagMutability`."""


class TagMutability(NamedTuple):
    """Whether tags of a repository can be moved, and the patterns of the tags for which the opposite applies.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    """

    setting: str
    exclusions: tuple[str, ...] = ()

    def is_immutable(self, tag: str) -> bool | None:
        """Return whether a tag cannot be moved; `None` for a setting that is not known here."""
        excluded = any(compile_glob(pattern).fullmatch(tag) for pattern in self.exclusions)
        match self.setting:
            case "IMMUTABLE":
                return True
            case "MUTABLE":
                return False
            case "IMMUTABLE_WITH_EXCLUSION":
                return not excluded
            case "MUTABLE_WITH_EXCLUSION":
                return excluded
            case _:
                return None

    def __str__(self) -> str:
        return f"{self.setting} ({', '.join(self.exclusions)})" if self.exclusions else self.setting


@dataclass(frozen=True, slots=True)
class ImmutableTags:
    """Deny images whose tag can be moved. See `Gate`."""

    id: ClassVar[str] = "immutable-tags"
    summary: ClassVar[str] = "The image's tag cannot be moved in its repository; an image without tag satisfies it."
    required: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[GateOption, ...]] = ()
    needs: ClassVar[frozenset[Need]] = frozenset({Need(TAG_MUTABILITY)})
    possible_needs: ClassVar[frozenset[Need]] = needs

    def judge(self, image: JudgedImage) -> Judgment:
        """See `Gate.judge`."""
        if not image.tag:
            return Passed(Seen("no tag"))
        fact = image.fact(TAG_MUTABILITY)
        if isinstance(fact, UnknownFact):
            return fact
        mutability: TagMutability = fact.value
        is_immutable = mutability.is_immutable(image.tag)
        if is_immutable is None:
            return UnknownFact(
                f"the tag mutability {mutability.setting} is not known", "upgrade ImagePinner", fact.source
            )
        seen = Seen.of(fact, f"tag {image.tag} in a repository with tag mutability {mutability}")
        if is_immutable:
            return Passed(seen)
        cause = f"tag {image.tag!r} can be moved: the tag mutability of its repository is {mutability}"
        return Failed(
            seen, cause, "use an immutable tag, or set the image tag mutability of the repository to IMMUTABLE"
        )
