"""Images of mirrored registries are looked up at the mirror."""

from __future__ import annotations

from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable
from image_pinner.core.images.references import Digest
from image_pinner.core.images.registries import Mirror
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from image_pinner.sources.mirrors import MirroredResolver
from support.images import lookup

MANIFEST = b'{"schemaVersion": 2, "config": {}, "layers": []}'


def resolve(registry: InMemoryRegistry, mirrors: str, *lookups: ImageLookup) -> list[Resolution]:
    parsed = tuple(Mirror.parse(one) for one in mirrors.split(";"))
    results = MirroredResolver(registry, parsed).resolve_all(lookups, Deadline.after(5))
    assert list(results) == list(lookups)
    return list(results.values())


def test_image_missing_at_the_mirror_is_not_found_and_the_mirror_is_named() -> None:
    (result,) = resolve(InMemoryRegistry(), "docker.io=mirror.example", lookup("nginx:1"))
    assert isinstance(result, NotFound)
    assert "mirror.example/library/nginx" in result.cause
    assert result.cause.endswith(" (mirror of docker.io)")


def test_unavailable_mirror_is_not_skipped() -> None:
    registry = InMemoryRegistry(has_every_image=True)
    registry.break_registry("mirror.example", "connection refused")
    (result,) = resolve(registry, "docker.io=mirror.example", lookup("nginx:1"))
    assert result == Unavailable(
        "connection refused (mirror of docker.io)", "try again when mirror.example is available"
    )


def test_lookup_goes_to_the_mirror_only() -> None:
    registry = InMemoryRegistry()
    digest = registry.push("mirror.example/hub/library/nginx:1", MANIFEST)
    (result,) = resolve(registry, "docker.io=mirror.example/hub", lookup("nginx:1"))
    assert isinstance(result, Resolved)
    assert result.digest == digest
    assert [str(request) for request in registry.image_lookups] == ["mirror.example/hub/library/nginx:1"]


def test_digest_is_looked_up_at_the_mirror() -> None:
    registry = InMemoryRegistry()
    digest = registry.push("mirror.example/hub/library/nginx:1", MANIFEST)
    missing = Digest.of(b"missing")
    found, absent = resolve(
        registry, "docker.io=mirror.example/hub", lookup(f"nginx@{digest}"), lookup(f"nginx@{missing}")
    )
    assert isinstance(found, Resolved)
    assert found.digest == digest
    assert isinstance(absent, NotFound)
    assert absent.cause.endswith(f"has no image with the digest {missing} (mirror of docker.io)")
    assert [str(request) for request in registry.image_lookups] == [
        f"mirror.example/hub/library/nginx@{digest}",
        f"mirror.example/hub/library/nginx@{missing}",
    ]


def test_mirror_by_name_takes_precedence_over_the_one_for_all_and_ecr_is_not_mirrored() -> None:
    registry = InMemoryRegistry(has_every_image=True)
    ecr = "111122223333.dkr.ecr.us-east-1.amazonaws.com/app:1"
    resolve(registry, "*=all.example;docker.io=hub.example", lookup("nginx:1"), lookup("ghcr.io/a/b:1"), lookup(ecr))
    assert [str(request) for request in registry.image_lookups] == [
        "hub.example/library/nginx:1",
        "all.example/a/b:1",
        ecr,
    ]


def test_two_images_that_are_one_at_the_mirror_are_looked_up_once() -> None:
    registry = InMemoryRegistry(has_every_image=True)
    first, second = resolve(registry, "*=mirror.example", lookup("ghcr.io/a/b:1"), lookup("quay.io/a/b:1"))
    assert len(registry.image_lookups) == 1
    assert first == second


def test_secret_of_the_template_is_not_sent_to_a_mirror() -> None:
    registry = InMemoryRegistry(has_every_image=True)
    secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub"
    resolve(registry, "docker.io=mirror.example", lookup("nginx:1")._replace(credentials=secret))
    assert [request.credentials for request in registry.image_lookups] == [""]
