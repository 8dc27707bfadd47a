"""What a gate is: its options, the facts that it needs, and its verdicts.

Gates never fetch facts, have no clock, and do not know each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from image_pinner.core.images.lookups import Resolved
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import DEFAULT_TAG, Digest, ImageReference


class Need(NamedTuple):
    """A fact to gather before images are judged, with words for how to gather it, such as `wait`."""

    fact: str
    how: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact about an image, with what it was read from.

    Args:
        value: The fact, in the type that the gate defines.
        source: The API call and where it was made: `ecr:DescribeImages in us-east-1`.
        time: When it was read, in UTC and ISO 8601: `2026-11-30T12:00:00Z`.
    """

    value: Any
    source: str
    time: str


@dataclass(frozen=True, slots=True)
class UnknownFact:
    """Why a fact is not known, and what to do, as two clauses; a denied permission names its IAM action."""

    cause: str
    help: str
    source: str = ""


Facts = Mapping[str, Fact | UnknownFact]
"""What was gathered about an image, by `Need.fact`."""


class Subject(NamedTuple):
    """An image that facts are about.

    Args:
        image: Its registry, repository and digest.
        platform: The platform that it runs on, if that is known.
        parent: The index that its tag points to, if the digest is that of a manifest in it.
    """

    image: ImageReference
    platform: Platform | None = None
    parent: Digest | None = None

    @property
    def digests(self) -> tuple[str, ...]:
        """The digest, then that of the index if there is one."""
        return tuple(str(digest) for digest in (self.image.digest, self.parent) if digest)


class JudgedImage(NamedTuple):
    """What is known of an image when gates judge it.

    Args:
        reference: The image that will run, with the tag that the template sets; `None` if it cannot be resolved.
        is_pinned: Whether the macro pins the image, or the template sets its digest; `None` if it is not known.
        keeps_tag: Whether the macro would pin the image, which does not exist yet.
        reason: Why it is not pinned, or why the reference or that is not known, as a clause.
        resolved: What the tag resolves to; `None` if the digest was not resolved, or not yet.
        facts: What was gathered about the image.
    """

    reference: ImageReference | None
    is_pinned: bool | None = True
    keeps_tag: bool = False
    reason: str = ""
    resolved: Resolved | None = None
    facts: Facts = MappingProxyType({})

    def fact(self, name: str) -> Fact | UnknownFact:
        """Return a fact; one that was not gathered is unknown."""
        return self.facts.get(name) or UnknownFact(f"the fact {name!r} was not gathered", "report this bug")

    @property
    def digest(self) -> str:
        """The digest that the template sets or the tag resolves to; empty if it is not known."""
        digest = self.reference.digest if self.reference else None
        return str(digest or (self.resolved.digest if self.resolved else ""))

    @property
    def tag(self) -> str:
        """The tag that the template sets, `latest` if it sets neither a tag nor a digest; empty if there is none."""
        if self.reference is None or (self.reference.digest and not self.reference.tag):
            return ""
        return self.reference.tag or DEFAULT_TAG


class Seen(NamedTuple):
    """What a gate judged by: the fact as a clause, its source, and the time when it was read, if it was read at all."""

    fact: str
    source: str = "template"
    time: str = ""

    @classmethod
    def of(cls, fact: Fact, text: str) -> Seen:
        """Return a gathered fact, written as `text`."""
        return cls(text, fact.source, fact.time)


@dataclass(frozen=True, slots=True)
class Passed:
    """The image satisfies the gate."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Failed:
    """The image does not satisfy the gate; `cause` repeats what was seen, and `help` is an imperative clause.

    `only_warn` is set where an option of the gate, and not its mode, decides that the image is only reported.
    """

    seen: Seen
    cause: str
    help: str
    only_warn: bool = False


Judgment = Passed | Failed | UnknownFact
"""The result of a gate, whatever its mode is."""


class Gate(Protocol):
    """A rule that images must satisfy: a frozen dataclass with a field for each of its options.

    The default of each field is the least strict value, so that what a template sets is never less strict, or the
    option has the same `default`.
    """

    id: ClassVar[str]
    """Its name in kebab case."""
    summary: ClassVar[str]
    """What it requires, as a sentence for the documentation."""
    options: ClassVar[tuple[GateOption, ...]]
    """Its options, without `mode` and `unknown`."""
    required: ClassVar[tuple[str, ...]]
    """The options of which the configuration must set at least one; none for a gate that needs no option."""
    possible_needs: ClassVar[frozenset[Need]]
    """Everything that it can need, whatever its options are, for the documentation and the permissions."""

    @property
    def needs(self) -> frozenset[Need]:
        """The facts to gather; a gate without any judges references, before requests to their registries."""
        ...

    def judge(self, image: JudgedImage) -> Judgment:
        """Judge an image."""
        ...


Tighten = Callable[[Any, Any], Any]
"""Returns the value that applies if the configuration has the first value and the template the second one, neither of
them `None`; `None` if the template's value is less strict."""


class GateOption(NamedTuple):
    """An option of a gate.

    Args:
        name: The option's name, that of the gate's field with hyphens.
        values: The values for the documentation.
        meaning: A sentence for the documentation.
        read: Parses the text; raises `ValueError` with what to write, as an imperative clause.
        tighten: How a template may tighten it.
        repeatable: Whether several entries set it; its value is the tuple of all.
        default: What applies in a gate that is on if nothing sets it; `None` for the least strict value.
        show: Returns a value as it is written.
    """

    name: str
    values: str
    meaning: str
    read: Callable[[str], Any]
    tighten: Tighten
    repeatable: bool = False
    default: Any = None
    show: Callable[[Any], str] = str

    @property
    def field(self) -> str:
        """The field of the gate."""
        return self.name.replace("-", "_")


def higher(configured: Any, requested: Any) -> Any:
    """Let templates increase a number. See `Tighten`."""
    return requested if requested >= configured else None


def lower(configured: Any, requested: Any) -> Any:
    """Let templates decrease a number. See `Tighten`."""
    return requested if requested <= configured else None


def extend(configured: tuple[Any, ...], requested: tuple[Any, ...]) -> tuple[Any, ...]:
    """Add what a template forbids to what the configuration forbids. See `Tighten`."""
    return tuple(dict.fromkeys((*configured, *requested)))


def fixed(configured: Any, requested: Any) -> Any:
    """Let templates change nothing. See `Tighten`."""
    return configured if requested == configured else None


def one_of(*values: str) -> tuple[Callable[[str], str], Tighten]:
    """Return the parser of these words, the least strict first, and how templates may tighten them.

    The parser raises a `ValueError` for other words.
    """

    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"write one of {', '.join(values)}")
        return text

    def tighten(configured: str, requested: str) -> str | None:
        return requested if values.index(requested) >= values.index(configured) else None

    return read, tighten


TRUTH = one_of("false", "true")
"""The parser of an option that is `false` by default, and how templates may tighten it."""
