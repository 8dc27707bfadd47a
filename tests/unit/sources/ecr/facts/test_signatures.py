"""The fact `signatures`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.core.gates.interface import Fact, Need, UnknownFact
from image_pinner.core.gates.signed_by_aws import SIGNATURES
from image_pinner.core.images.references import Digest
from support.ecr_api import ACCOUNT, EcrApi, denied, digest, subject
from support.ecr_facts import child, facts_of

NEED = Need(SIGNATURES)
NOTATION = "application/vnd.cncf.notary.signature"
COSIGN = ("application/vnd.dev.cosign.artifact.sig.v1+json", "application/vnd.dev.sigstore.bundle.v0.3+json")


def referrer(artifact_type: str) -> dict[str, Any]:
    return {
        "digest": digest(99),
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": artifact_type,
        "size": 700,
        "annotations": {},
        "artifactStatus": "ACTIVE",
    }


def with_referrers(*pages: list[str], of: int = 1) -> EcrApi:
    """Return an ECR in which artifacts of these types, in pages, refer to an image."""

    def list_referrers(request: Mapping[str, Any]) -> dict[str, Any]:
        if request["subjectId"] != {"imageDigest": digest(of)}:
            return {"referrers": []}
        number = int(request.get("nextToken", "0"))
        page: dict[str, Any] = {"referrers": [referrer(each) for each in pages[number]]}
        return page | ({"nextToken": str(number + 1)} if number + 1 < len(pages) else {})

    return EcrApi({"ListImageReferrers": list_referrers})


@pytest.mark.parametrize("action", ["ecr:ListImageReferrers", "ecr:BatchGetImage"])
def test_a_denied_request_names_its_action(action: str) -> None:
    (unknown,) = facts_of(EcrApi({"ListImageReferrers": denied(action)}), NEED, subject())
    assert isinstance(unknown, UnknownFact)
    assert unknown.cause.startswith("ecr:ListImageReferrers and ecr:BatchGetImage are denied on ")
    assert unknown.cause.endswith(f"allows the {action} action")


@pytest.mark.parametrize(
    ("types", "kinds"),
    [
        ([], set()),
        ([NOTATION], {"notation"}),
        ([COSIGN[0]], {"cosign"}),
        ([COSIGN[1]], {"cosign"}),
        ([NOTATION, *COSIGN], {"cosign", "notation"}),
        (["application/spdx+json"], set()),
    ],
)
def test_the_kinds_of_signatures_are_found(types: list[str], kinds: set[str]) -> None:
    (fact,) = facts_of(with_referrers(types), NEED, subject())
    assert fact == Fact(frozenset(kinds), "ecr:ListImageReferrers in us-east-1", "2026-11-30T12:00:00Z")


def test_only_signatures_are_requested_by_the_digest_of_the_image() -> None:
    api = with_referrers([])
    facts_of(api, NEED, subject())
    request = {
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "subjectId": {"imageDigest": digest(1)},
        "filter": {"artifactTypes": [NOTATION, *COSIGN]},
        "maxResults": 50,
    }
    assert api.requests == [("ListImageReferrers", request)]


def test_pages_are_followed_until_all_kinds_are_found() -> None:
    api = with_referrers([NOTATION], [NOTATION], [COSIGN[0]], [NOTATION])
    (fact,) = facts_of(api, NEED, subject())
    assert isinstance(fact, Fact)
    assert fact.value == {"notation", "cosign"}
    assert len(api.requests) == 3


def test_the_signature_of_an_index_counts_for_its_manifests() -> None:
    (fact,) = facts_of(with_referrers([NOTATION], of=9), NEED, child(Digest(digest(9))))
    assert isinstance(fact, Fact)
    assert fact.value == {"notation"}


def test_other_registries_do_not_report_signatures() -> None:
    api = EcrApi({})
    (unknown,) = facts_of(api, NEED, subject(host="ghcr.io"))
    assert isinstance(unknown, UnknownFact)
    assert unknown.cause == "ghcr.io does not report signatures"
    assert api.requests == []
