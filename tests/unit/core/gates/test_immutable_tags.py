from __future__ import annotations

import pytest

from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.enabled import GateResult
from image_pinner.core.gates.immutable_tags import TagMutability
from image_pinner.core.gates.interface import Fact, UnknownFact
from support.gates import fact_of, judged
from support.images import HEX


def result_of(
    fact: Fact | UnknownFact, image: str = "nginx:1.4", entries: str = "immutable-tags.mode=deny"
) -> GateResult:
    (gate,) = parse_gates(entries).enabled
    return gate.judge(judged(image, tag_mutability=fact))


@pytest.mark.parametrize(
    ("setting", "exclusions", "shown"),
    [
        ("MUTABLE", (), "MUTABLE"),
        ("MUTABLE_WITH_EXCLUSION", ("v*",), "MUTABLE_WITH_EXCLUSION (v*)"),
        ("MUTABLE_WITH_EXCLUSION", (), "MUTABLE_WITH_EXCLUSION"),
        ("IMMUTABLE_WITH_EXCLUSION", ("1.*", "dev-*"), "IMMUTABLE_WITH_EXCLUSION (1.*, dev-*)"),
        ("IMMUTABLE_WITH_EXCLUSION", ("*",), "IMMUTABLE_WITH_EXCLUSION (*)"),
    ],
)
def test_a_tag_that_can_be_moved_is_denied(setting: str, exclusions: tuple[str, ...], shown: str) -> None:
    result = result_of(fact_of(TagMutability(setting, exclusions)))
    assert result.verdict == "deny"
    assert result.cause == f"tag '1.4' can be moved: the tag mutability of its repository is {shown}"


@pytest.mark.parametrize(
    ("setting", "exclusions"),
    [
        ("IMMUTABLE", ()),
        ("IMMUTABLE_WITH_EXCLUSION", ("latest", "dev-*", "1.40", "1")),
        ("IMMUTABLE_WITH_EXCLUSION", ()),
        ("MUTABLE_WITH_EXCLUSION", ("v*", "1.*")),
    ],
)
def test_a_tag_that_cannot_be_moved_is_allowed(setting: str, exclusions: tuple[str, ...]) -> None:
    assert result_of(fact_of(TagMutability(setting, exclusions))).verdict == "allow"


def test_without_a_tag_an_image_cannot_be_moved() -> None:
    assert result_of(fact_of(TagMutability("MUTABLE")), f"nginx@sha256:{HEX}").verdict == "allow"


def test_the_tag_before_a_digest_counts_and_so_does_latest() -> None:
    for image in (f"nginx:1@sha256:{HEX}", "nginx"):
        assert result_of(fact_of(TagMutability("MUTABLE")), image).verdict == "deny"


def test_the_mode_warn_only_warns() -> None:
    assert result_of(fact_of(TagMutability("MUTABLE")), entries="immutable-tags.mode=warn").verdict == "warn"


@pytest.mark.parametrize(
    "fact", [UnknownFact("ecr:DescribeRepositories is denied", "allow it"), fact_of(TagMutability("SOME"))]
)
def test_what_is_not_known_is_denied(fact: Fact | UnknownFact) -> None:
    assert result_of(fact).verdict == "deny"
    assert result_of(fact).cause.startswith("unknown: ")
    assert result_of(fact, entries="immutable-tags.unknown=warn").verdict == "warn"
