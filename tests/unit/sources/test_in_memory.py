"""The in-memory registry, in addition to the contract of all sources."""

from __future__ import annotations

import hashlib

import pytest

from image_pinner.core.images.lookups import OCI_INDEX, NotFound, Resolution, Resolved, Unavailable
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest
from image_pinner.core.intrinsics.values import Known, SsmParameter, StackExport, Unknown
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.images import lookup

DIGEST = "sha256:" + "a" * 64
MANIFEST = b'{"schemaVersion": 2, "config": {}, "layers": []}'


def resolve(registry: InMemoryRegistry, text: str, platform: Platform | None = None) -> Resolution:
    request = lookup(text, platform or "")
    return registry.resolve_all([request], Deadline.after(5))[request]


def test_broken_registry_fails_with_its_cause() -> None:
    registry = InMemoryRegistry(has_every_image=True)
    registry.break_registry("docker.io", "Docker Hub is down")
    result = resolve(registry, "nginx:1")
    assert result == Unavailable("Docker Hub is down", "try again when docker.io is available")
    assert isinstance(resolve(registry, "ghcr.io/a/b:1"), Resolved)


def test_platforms_of_an_image_without_a_manifest_are_unavailable() -> None:
    registry = InMemoryRegistry()
    registry.push_digest("app:1", DIGEST, OCI_INDEX)
    assert isinstance(resolve(registry, "app:1", Platform("linux", "arm64")), Unavailable)
    result = resolve(registry, "app:1")
    assert isinstance(result, Resolved)
    assert result.digest.text == DIGEST


def test_tag_cannot_move_to_a_missing_tag() -> None:
    registry = InMemoryRegistry()
    registry.push("app:1", MANIFEST)
    with pytest.raises(KeyError):
        registry.move("app:1", "app:2")
    with pytest.raises(KeyError):
        registry.move("app:1", "other:1")


def test_deleted_tag_is_missing_and_its_repository_is_not() -> None:
    registry = InMemoryRegistry()
    registry.push("app:1", MANIFEST)
    registry.delete("app:1")
    result = resolve(registry, "app:1")
    assert isinstance(result, NotFound)
    assert "has no tag '1'" in result.cause


def test_deleted_image_is_missing_with_all_its_tags_and_the_others_stay() -> None:
    registry = InMemoryRegistry()
    digest, other = registry.push("app:1", MANIFEST), registry.push("app:2", MANIFEST + b" ")
    registry.move("app:latest", to=f"app@{digest}")
    registry.delete(f"app@{digest}")
    results = {name: resolve(registry, name) for name in (f"app@{digest}", "app:1", "app", "app:2", f"app@{other}")}
    assert [type(result) for result in results.values()] == [NotFound, NotFound, NotFound, Resolved, Resolved]
    missing = results[f"app@{digest}"]
    assert isinstance(missing, NotFound)
    assert missing.cause == f"repository 'docker.io/library/app' has no image with the digest {digest}"
    with pytest.raises(KeyError):
        registry.delete(f"app@{digest}")


def test_image_stays_without_its_tag() -> None:
    registry = InMemoryRegistry()
    digest = registry.push("app:1", MANIFEST)
    untagged = registry.push(f"app@{DIGEST}", MANIFEST + b" ")
    registry.delete("app:1")
    results = [resolve(registry, f"app@{one}") for one in (digest, untagged)]
    assert [result.digest for result in results if isinstance(result, Resolved)] == [digest, untagged]


def test_missing_external_value_is_unknown() -> None:
    registry = InMemoryRegistry({SsmParameter("a"): "1"})
    results = registry.resolve_values([SsmParameter("a"), StackExport("a")], Deadline.after(5))
    assert results[SsmParameter("a")] == Known("1")
    assert isinstance(results[StackExport("a")], Unknown)
    late = registry.resolve_values([SsmParameter("a")], Deadline.after(0))
    assert isinstance(late[SsmParameter("a")], Unknown)
    assert registry.value_lookups == [SsmParameter("a"), StackExport("a"), SsmParameter("a")]


def test_tag_moves_by_move_and_by_push() -> None:
    registry = InMemoryRegistry()
    first, second = registry.push("app:1", MANIFEST), registry.push("app:2", MANIFEST + b" ")
    registry.move("app:1", to="app:2")
    moved = resolve(registry, "docker.io/library/app:1")
    pushed = registry.push("app:1", MANIFEST + b"  ")
    again = resolve(registry, "app:1")
    assert isinstance(moved, Resolved)
    assert isinstance(again, Resolved)
    assert [moved.digest, again.digest] == [second, pushed]
    assert len({first, second, pushed}) == 3


@pytest.mark.parametrize("platform", [None, Platform("linux", "arm64")])
def test_registry_with_every_image_hashes_the_canonical_reference(platform: Platform | None) -> None:
    registry = InMemoryRegistry(has_every_image=True)
    pushed = registry.push("app:1", MANIFEST)
    generated = resolve(registry, "nginx:1", platform)
    assert isinstance(generated, Resolved)
    assert generated.digest == Digest(f"sha256:{hashlib.sha256(b'docker.io/library/nginx:1').hexdigest()}")
    assert generated.warnings == ()
    known = resolve(registry, "app:1")
    assert isinstance(known, Resolved)
    assert known.digest == pushed
    by_digest = resolve(registry, f"nginx@{DIGEST}", platform)
    assert isinstance(by_digest, Resolved)
    assert by_digest.digest.text == DIGEST


def test_lookups_are_recorded_in_order() -> None:
    registry = InMemoryRegistry(has_every_image=True)
    lookups = [lookup("b:1"), lookup("a:1")]
    registry.resolve_all(lookups, Deadline.after(5))
    registry.resolve_all(lookups[:1], Deadline.after(5))
    assert registry.image_lookups == [*lookups, lookups[0]]
