"""Mirrors: registries that are asked in place of others, while the output keeps what the author wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, assert_never

from image_pinner.core.images.lookups import ImageQuestion, Missing, Resolution, Resolved, Unavailable
from image_pinner.core.images.registries import Mirror
from image_pinner.sources.interface import Deadline, DigestResolver


class MirroredResolver(NamedTuple):
    """Asks mirrors where there are any.

    The digest that a mirror tells is hashed from the manifest's bytes, as every other: a mirror can be behind its
    registry, it cannot make a digest mean something else.

    Args:
        inner: Who is asked, about the mirrors and about all that have none.
        mirrors: The mirrors; one for a registry by name counts before one for all.
    """

    inner: DigestResolver
    mirrors: tuple[Mirror, ...]

    def resolve_all(self, questions: Sequence[ImageQuestion], deadline: Deadline) -> Mapping[ImageQuestion, Resolution]:
        """Answer questions. See `DigestResolver.resolve_all`."""
        at_mirrors = {question: _asked(question, self.mirrors) for question in questions}
        distinct = list(dict.fromkeys(at_mirrors.values()))
        answers = self.inner.resolve_all(distinct, deadline)
        return {question: _told(question, asked, answers[asked]) for question, asked in at_mirrors.items()}


def _asked(question: ImageQuestion, mirrors: Iterable[Mirror]) -> ImageQuestion:
    for mirror in sorted(mirrors, key=lambda one: one.registry == "*"):
        if reference := mirror.of(question.reference):
            # The secret that the template names is for its own registry, and goes to no other.
            return question._replace(reference=reference, credentials="")
    return question


def _told(question: ImageQuestion, asked: ImageQuestion, answer: Resolution) -> Resolution:
    if asked.reference == question.reference:
        return answer
    in_place = f", asked in place of {question.reference.registry}"
    match answer:
        case Resolved():
            return answer
        case Missing() | Unavailable():
            return answer._replace(cause=f"{answer.cause}{in_place}")
        case _:
            assert_never(answer)
