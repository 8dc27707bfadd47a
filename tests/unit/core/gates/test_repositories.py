from __future__ import annotations

import time

import pytest

from image_pinner.core.deployed import ALL_STATE
from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.interface import JudgedImage, UnknownFact
from image_pinner.core.gates.repositories import Repositories
from support.gates import judged, with_gates
from support.images import HEX
from support.templates import ECR, ExpectedDigests, FakeDeployments, deployed, pin, problems_of, task, template_of


def verdict_of(image: str, *patterns: str) -> str:
    (gate,) = parse_gates([f"repositories.allow={pattern}" for pattern in patterns]).enabled
    return gate.judge(judged(image)).verdict


@pytest.mark.parametrize(
    ("image", "pattern"),
    [
        ("docker.io.evil.example/library/nginx:1", "docker.io/library/*"),
        (f"evil.example/{ECR}/web:1", "*.dkr.ecr.us-east-1.amazonaws.com/*"),
        ("ghcr.io/org/a/evil:1", "ghcr.io/org/*/web"),
        ("nginx:1", "ghcr.io/*"),
        ("ghcr.io/organization/web:1", "ghcr.io/org/*"),
        ("localhost:5000/web:1", "localhost/*"),
        ("ghcr.io/org/web2:1", "ghcr.io/org/web"),
    ],
)
def test_other_repositories_are_denied(image: str, pattern: str) -> None:
    assert verdict_of(image, pattern) == "deny"


@pytest.mark.parametrize(
    ("image", "pattern"),
    [
        ("nginx:1", "docker.io/library/nginx"),
        ("nginx:1", "index.docker.io/library/*"),
        ("registry-1.docker.io/library/nginx:1", "docker.io/*"),
        ("GHCR.IO/org/web:1", "ghcr.io/org/*"),
        (f"{ECR}/team/web:1", "111122223333.dkr.ecr.*.amazonaws.com/team/*"),
        (f"{ECR}/team/a/b@sha256:{HEX}", f"{ECR}/team/*"),
        ("ghcr.io/org/a/web:1", "ghcr.io/org/*/web"),
        ("localhost:5000/web:1", "localhost:5000/*"),
    ],
)
def test_allowed_repositories(image: str, pattern: str) -> None:
    assert verdict_of(image, "quay.io/*", pattern) == "allow"


@pytest.mark.parametrize("pattern", ["", "*", "ghcr.io", "/x", "ghcr.io/", "a b/c", "a@b/c", "x/" + "a" * 500])
def test_invalid_patterns(pattern: str) -> None:
    with pytest.raises(Exception, match="invalid entry"):
        parse_gates([f"repositories.allow={pattern}"])


def test_matching_takes_linear_time() -> None:
    started = time.perf_counter()
    assert verdict_of(f"a.io/{'a' * 200}/b:1", f"a.io/{'*a' * 100}c") == "deny"
    assert time.perf_counter() - started < 1


def test_an_image_that_cannot_be_resolved_is_unknown() -> None:
    found = Repositories(("a.io/*",)).judge(JudgedImage(None, is_pinned=False, reason="it is an attribute"))
    assert isinstance(found, UnknownFact)
    assert found.cause == "the image cannot be resolved: it is an attribute"


def test_no_request_is_made_for_an_image_that_is_not_allowed() -> None:
    template = {"Resources": {"Web": task("!PinDigest evil.example/web:1", "!PinDigest ghcr.io/org/web:1")}}
    digests = ExpectedDigests(["ghcr.io/org/web:1"])
    result = pin(template, settings=with_gates("repositories.allow=ghcr.io/*"), digests=digests)
    assert [cause for _, cause in problems_of(result)] == [
        "gate repositories denies the image: evil.example/web is not an allowed repository"
    ]
    assert result.report.problems[0].help == "use one of ghcr.io/*"


def test_a_denial_shows_some_of_the_allowed_repositories() -> None:
    allowed = [f"repositories.allow=ghcr.io/team{number}/*" for number in range(1, 6)]
    (problem,) = pin(template_of("!PinDigest nginx:1"), settings=with_gates(*allowed)).report.problems
    assert problem.help == "use one of ghcr.io/team1/*, ghcr.io/team2/*, ghcr.io/team3/* and 2 more"


def test_a_deployed_image_of_another_repository_is_not_looked_up() -> None:
    runs = deployed(f"evil.example/web@sha256:{HEX}", "nginx:1")
    states = FakeDeployments({"Resources.Web.Properties.ContainerDefinitions[0].Image": runs})
    result = pin(
        template_of("!PinDigest Refresh=Never nginx:1"),
        {"StackName": "shop"},
        settings=with_gates("repositories.allow=docker.io/*", state_scope=ALL_STATE),
        digests=ExpectedDigests(),
        deployed=states,
    )
    assert len(states.lookups) == 1
    assert [cause for _, cause in problems_of(result)] == [
        "gate repositories denies the image: evil.example/web is not an allowed repository"
    ]


@pytest.mark.parametrize("image", ["evil.example/web:1", f"evil.example/web@sha256:{HEX}"])
def test_images_without_marker_are_judged(image: str) -> None:
    result = pin(template_of(image), settings=with_gates("repositories.allow=docker.io/*"))
    assert [cause for _, cause in problems_of(result)] == [
        "gate repositories denies the image: evil.example/web is not an allowed repository"
    ]


def test_a_warning_does_not_prevent_the_request() -> None:
    settings = with_gates("repositories.allow=ghcr.io/*", "repositories.mode=warn")
    result = pin(template_of("!PinDigest nginx:1"), settings=settings)
    (warning,) = result.report.warnings
    assert warning.endswith("Image: gate repositories: docker.io/library/nginx is not an allowed repository")
