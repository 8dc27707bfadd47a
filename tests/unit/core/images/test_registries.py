from __future__ import annotations

import pytest

from image_pinner.core.images.references import ImageReference
from image_pinner.core.images.registries import Mirror, canonical_registry, is_ecr, parse_registry

ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    "text", ["", "/", "a/b", "registry.example/path", "registry.example:x", "nodots", "a b.c", "*"]
)
def test_an_invalid_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid registry: write a host with an optional port"):
        parse_registry(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("Registry.Example", "registry.example"),
        ("localhost:5000", "localhost:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("localhost", "localhost"),
    ],
)
def test_a_registry_has_one_name(text: str, name: str) -> None:
    assert parse_registry(text) == canonical_registry(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("docker.io", "registry=mirror"),
        ("docker.io=", "is not a valid host"),
        ("docker.io=mirror", "does not begin with a host"),
        ("docker.io=mirror.example/Hub", "is not a valid host"),
        ("docker.io=https://mirror.example", "is not a valid host"),
        ("docker.io=mirror.example:tag", "is not a valid host"),
        ("=mirror.example", "is not a valid registry"),
        ("hub=mirror.example", "is not a valid registry"),
    ],
)
def test_an_invalid_mirror_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Mirror.parse(text)


@pytest.mark.parametrize(
    ("mirror", "image", "at_mirror"),
    [
        ("docker.io=mirror.example:5000", "nginx:1", "mirror.example:5000/library/nginx:1"),
        ("index.docker.io = mirror.example/hub", "team/app", "mirror.example/hub/team/app"),
        (f"docker.io={ECR}/hub", "nginx:1", f"{ECR}/hub/library/nginx:1"),
        ("*=mirror.example", "ghcr.io/team/app:1", "mirror.example/team/app:1"),
        (f"{ECR}=mirror.example", f"{ECR}/team/app:1", "mirror.example/team/app:1"),
        ("docker.io=mirror.example", "ghcr.io/team/app:1", None),
        ("registry.example=mirror.example", "registry.example:5000/app:1", None),
        ("*=mirror.example", f"{ECR}/team/app:1", None),
        ("*=mirror.example", "123.dkr.ecr.us-east-1.amazonaws.com/team/app:1", None),
    ],
)
def test_the_reference_of_an_image_at_a_mirror(mirror: str, image: str, at_mirror: str | None) -> None:
    found = Mirror.parse(mirror).of(ImageReference.parse(image).canonical())
    assert (str(found) if found else None) == at_mirror


def test_the_host_of_a_mirror_is_its_name_without_the_path() -> None:
    assert Mirror.parse("docker.io=mirror.example:5000/hub").host == "mirror.example:5000"


def test_hosts_that_look_like_ecr_count_as_ecr() -> None:
    assert [is_ecr(host) for host in (ECR, "1.dkr.ecr.us-east-1.amazonaws.com", "public.ecr.aws")] == [
        True,
        True,
        False,
    ]
