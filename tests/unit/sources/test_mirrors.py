"""A mirror is asked in place of a registry, and nobody sees that in the output."""

from __future__ import annotations

from dataclasses import replace

from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.registries import Mirror
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from image_pinner.sources.mirrors import MirroredResolver
from support.images import lookup

MANIFEST = b'{"schemaVersion": 2, "config": {}, "layers": []}'


def ask(resolvers: InMemoryRegistry, mirrors: str, *lookups: ImageLookup) -> list[Resolution]:
    parsed = tuple(Mirror.parse(one) for one in mirrors.split(";"))
    answers = MirroredResolver(resolvers, parsed).resolve_all(lookups, Deadline.after(5))
    assert list(answers) == list(lookups)
    return list(answers.values())


def test_an_image_that_the_mirror_has_not_is_missing_and_the_mirror_is_named() -> None:
    (answer,) = ask(InMemoryRegistry(), "docker.io=mirror.example", lookup("nginx:1"))
    assert isinstance(answer, NotFound | Unsuitable)
    assert "mirror.example/library/nginx" in answer.cause
    assert answer.cause.endswith(", asked in place of docker.io")


def test_a_mirror_that_does_not_answer_is_not_passed_over() -> None:
    resolvers = InMemoryRegistry(knows_everything=True)
    resolvers.break_registry("mirror.example", "the mirror is down")
    (answer,) = ask(resolvers, "docker.io=mirror.example", lookup("nginx:1"))
    assert answer == Unavailable(
        "the mirror is down, asked in place of docker.io", "Deploy again when mirror.example answers"
    )


def test_the_mirror_is_asked_and_the_registry_is_not() -> None:
    resolvers = InMemoryRegistry()
    digest = resolvers.push("mirror.example/hub/library/nginx:1", MANIFEST)
    (answer,) = ask(resolvers, "docker.io=mirror.example/hub", lookup("nginx:1"))
    assert isinstance(answer, Resolved)
    assert answer.digest == digest
    assert [str(asked) for asked in resolvers.asked] == ["mirror.example/hub/library/nginx:1"]


def test_a_mirror_by_name_counts_before_the_one_for_all_and_others_are_asked_themselves() -> None:
    resolvers = InMemoryRegistry(knows_everything=True)
    ecr = "111122223333.dkr.ecr.us-east-1.amazonaws.com/app:1"
    ask(resolvers, "*=all.example;docker.io=hub.example", lookup("nginx:1"), lookup("ghcr.io/a/b:1"), lookup(ecr))
    assert [str(asked) for asked in resolvers.asked] == ["hub.example/library/nginx:1", "all.example/a/b:1", ecr]


def test_two_images_that_are_one_at_the_mirror_are_asked_about_once() -> None:
    resolvers = InMemoryRegistry(knows_everything=True)
    first, second = ask(resolvers, "*=mirror.example", lookup("ghcr.io/a/b:1"), lookup("quay.io/a/b:1"))
    assert len(resolvers.asked) == 1
    assert first == second


def test_the_secret_that_a_template_names_for_its_registry_goes_to_no_mirror() -> None:
    resolvers = InMemoryRegistry(knows_everything=True)
    secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub"
    ask(resolvers, "docker.io=mirror.example", replace(lookup("nginx:1"), credentials=secret))
    assert [asked.credentials for asked in resolvers.asked] == [""]
