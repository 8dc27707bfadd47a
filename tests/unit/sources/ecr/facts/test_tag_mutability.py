"""The fact `tag-mutability`, in the four settings of botocore's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest

from image_pinner.core.gates.immutable_tags import TAG_MUTABILITY, TagMutability
from image_pinner.core.gates.interface import Fact, UnknownFact
from support.ecr_api import ACCOUNT, ApiError, EcrApi, denied, subject

NEEDS: Mapping[str, frozenset[str]] = {TAG_MUTABILITY: frozenset()}
SETTINGS = botocore.session.get_session().get_service_model("ecr").shape_for("ImageTagMutability").enum


def repositories(request: Mapping[str, Any], setting: str = "IMMUTABLE", **more: Any) -> dict[str, Any]:
    names = request["repositoryNames"]
    return {"repositories": [{"repositoryName": name, "imageTagMutability": setting, **more} for name in names]}


def test_a_denied_request_names_its_action_and_each_repository() -> None:
    images = [subject(repository="team/a"), subject(repository="team/b")]
    facts = EcrApi({"DescribeRepositories": denied("ecr:DescribeRepositories")}).gather(*images, needs=NEEDS)
    for image in images:
        unknown = facts[image][TAG_MUTABILITY]
        assert unknown.cause.startswith("ecr:DescribeRepositories is denied on arn:aws:ecr:us-east-1:")
        assert f"repository/{image.image.repository}" in unknown.cause


def test_a_missing_repository_is_unknown_and_the_others_are_not() -> None:
    def answer(request: Mapping[str, Any]) -> dict[str, Any]:
        if "team/gone" in request["repositoryNames"]:
            raise ApiError("RepositoryNotFoundException")
        return repositories(request)

    images = [subject(repository=f"team/{name}") for name in ("a", "gone", "b", "c")]
    facts = EcrApi({"DescribeRepositories": answer}).gather(*images, needs=NEEDS)
    assert [image for image in images if isinstance(facts[image][TAG_MUTABILITY], UnknownFact)] == [images[1]]


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_known(setting: str) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}] if setting.endswith("EXCLUSION") else []
    more = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
    api = EcrApi({"DescribeRepositories": lambda request: repositories(request, setting, **more)})
    (facts,) = api.gather(subject(), needs=NEEDS).values()
    expected = TagMutability(setting, ("dev-*",) if filters else ())
    assert facts[TAG_MUTABILITY] == Fact(expected, "ecr:DescribeRepositories in us-east-1", "2026-11-30T12:00:00Z")
    assert expected.is_immutable("1") is not None
    assert len(SETTINGS) == 4


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"repositories": []},
        {"repositories": [{"repositoryName": "team/app"}]},
        {
            "repositories": [
                {
                    "repositoryName": "team/app",
                    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                    "imageTagMutabilityExclusionFilters": [{"filterType": "REGEX", "filter": "x"}],
                }
            ]
        },
    ],
)
def test_what_the_response_lacks_is_not_immutable(response: dict[str, Any]) -> None:
    (facts,) = EcrApi({"DescribeRepositories": lambda _: response}).gather(subject(), needs=NEEDS).values()
    assert facts[TAG_MUTABILITY].value.is_immutable("1") is None


def test_repositories_are_requested_in_batches_of_100() -> None:
    images = [subject(number, f"team/app{number % 150}") for number in range(300)]
    api = EcrApi({"DescribeRepositories": repositories})
    facts = api.gather(*images, needs=NEEDS)
    assert all(isinstance(found[TAG_MUTABILITY], Fact) for found in facts.values())
    assert sorted(len(request["repositoryNames"]) for _, request in api.requests) == [50, 100]
    assert {request["registryId"] for _, request in api.requests} == {ACCOUNT}
