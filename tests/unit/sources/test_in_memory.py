"""The world in memory, as far as the contract of all sources does not tell."""

from __future__ import annotations

import hashlib

import pytest

from image_pinner.core.images.lookups import OCI_INDEX, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest
from image_pinner.core.intrinsics.values import Known, SsmParameter, StackExport, Unknown
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.images import lookup

DIGEST = "sha256:" + "a" * 64
MANIFEST = b'{"schemaVersion": 2, "config": {}, "layers": []}'


def ask(resolvers: InMemoryRegistry, text: str, platform: Platform | None = None) -> Resolution:
    asked = lookup(text, platform or "")
    return resolvers.resolve_all([asked], Deadline.after(5))[asked]


def test_a_registry_that_is_broken_answers_with_its_cause() -> None:
    resolvers = InMemoryRegistry(knows_everything=True)
    resolvers.break_registry("docker.io", "Docker Hub is down")
    answer = ask(resolvers, "nginx:1")
    assert answer == Unavailable("Docker Hub is down", "Deploy again when docker.io answers")
    assert isinstance(ask(resolvers, "ghcr.io/a/b:1"), Resolved)


def test_the_platforms_of_an_image_without_a_manifest_are_not_known() -> None:
    resolvers = InMemoryRegistry()
    resolvers.push_digest("app:1", DIGEST, OCI_INDEX)
    assert isinstance(ask(resolvers, "app:1", Platform("linux", "arm64")), Unavailable)
    answer = ask(resolvers, "app:1")
    assert isinstance(answer, Resolved)
    assert answer.digest.text == DIGEST


def test_a_tag_cannot_move_to_one_that_is_not_there() -> None:
    resolvers = InMemoryRegistry()
    resolvers.push("app:1", MANIFEST)
    with pytest.raises(KeyError):
        resolvers.move("app:1", "app:2")
    with pytest.raises(KeyError):
        resolvers.move("app:1", "other:1")


def test_a_deleted_tag_is_missing_and_its_repository_is_not() -> None:
    resolvers = InMemoryRegistry()
    resolvers.push("app:1", MANIFEST)
    resolvers.delete("app:1")
    answer = ask(resolvers, "app:1")
    assert isinstance(answer, NotFound | Unsuitable)
    assert "has no tag '1'" in answer.cause


def test_a_look_up_that_the_world_does_not_know_is_unknown() -> None:
    resolvers = InMemoryRegistry({SsmParameter("a"): "1"})
    answers = resolvers.resolve_values([SsmParameter("a"), StackExport("a")], Deadline.after(5))
    assert answers[SsmParameter("a")] == Known("1")
    assert isinstance(answers[StackExport("a")], Unknown)
    late = resolvers.resolve_values([SsmParameter("a")], Deadline.after(0))
    assert isinstance(late[SsmParameter("a")], Unknown)
    assert resolvers.asked_lookups == [SsmParameter("a"), StackExport("a"), SsmParameter("a")]


def test_a_tag_moves_by_name_and_by_pushing() -> None:
    resolvers = InMemoryRegistry()
    first, second = resolvers.push("app:1", MANIFEST), resolvers.push("app:2", MANIFEST + b" ")
    resolvers.move("app:1", to="app:2")
    moved = ask(resolvers, "docker.io/library/app:1")
    pushed = resolvers.push("app:1", MANIFEST + b"  ")
    again = ask(resolvers, "app:1")
    assert isinstance(moved, Resolved)
    assert isinstance(again, Resolved)
    assert [moved.digest, again.digest] == [second, pushed]
    assert len({first, second, pushed}) == 3


@pytest.mark.parametrize("platform", [None, Platform("linux", "arm64")])
def test_a_world_that_knows_everything_hashes_the_reference_written_in_full(platform: Platform | None) -> None:
    resolvers = InMemoryRegistry(knows_everything=True)
    pushed = resolvers.push("app:1", MANIFEST)
    made_up = ask(resolvers, "nginx:1", platform)
    assert isinstance(made_up, Resolved)
    assert made_up.digest == Digest(f"sha256:{hashlib.sha256(b'docker.io/library/nginx:1').hexdigest()}")
    assert made_up.warnings == ()
    known = ask(resolvers, "app:1")
    assert isinstance(known, Resolved)
    assert known.digest == pushed


def test_every_question_is_kept_in_its_order() -> None:
    resolvers = InMemoryRegistry(knows_everything=True)
    lookups = [lookup("b:1"), lookup("a:1")]
    resolvers.resolve_all(lookups, Deadline.after(5))
    resolvers.resolve_all(lookups[:1], Deadline.after(5))
    assert resolvers.asked == [*lookups, lookups[0]]
