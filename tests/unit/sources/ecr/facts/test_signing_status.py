"""The fact `signing-status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.loaders import Loader

from image_pinner.core.gates.interface import Fact, Need, UnknownFact
from image_pinner.core.gates.signed_by_aws import COMPLETE, FAILED, IN_PROGRESS, SIGNING_STATUS, SigningStatus
from image_pinner.core.images.references import Digest
from support.ecr_api import ACCOUNT, ApiError, EcrApi, denied, digest, subject
from support.ecr_facts import SimulatedTime, child, facts_of, values_of

NEED = Need(SIGNING_STATUS)
PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/prod"


def signing(*statuses: list[str], of: int = 1) -> EcrApi:
    """Return an ECR in which an image has these statuses in turn."""
    remaining = list(statuses)

    def describe(request: Mapping[str, Any]) -> dict[str, Any]:
        if request["imageId"] != {"imageDigest": digest(of)}:
            return {"signingStatuses": []}
        current = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return {"imageId": request["imageId"], "signingStatuses": [entry(status) for status in current]}

    return EcrApi({"DescribeImageSigningStatus": describe})


def entry(status: str) -> dict[str, Any]:
    failure = {"failureCode": "AccessDenied", "failureReason": "the pusher\nmay not sign"} if status == FAILED else {}
    return {"signingProfileArn": PROFILE, "status": status, **failure}


def test_a_denied_request_names_its_action() -> None:
    action = "ecr:DescribeImageSigningStatus"
    (unknown,) = facts_of(EcrApi({"DescribeImageSigningStatus": denied(action)}), NEED, subject())
    assert isinstance(unknown, UnknownFact)
    assert unknown.cause.startswith(f"{action} is denied on ")
    assert (f"allow {action}" in unknown.help, unknown.source) == (True, action)


def test_a_missing_image_is_unknown() -> None:
    api = EcrApi({"DescribeImageSigningStatus": ApiError("ImageNotFoundException", "it does not exist")})
    assert isinstance(facts_of(api, NEED, subject())[0], UnknownFact)


def test_a_boto3_without_the_operation_is_unknown(monkeypatch: Any) -> None:
    load = Loader.load_service_model

    def old_model(self: Any, *args: Any, **options: Any) -> Any:
        model = load(self, *args, **options)
        if args[1] != "service-2":
            return model
        return {**model, "operations": {k: v for k, v in model["operations"].items() if "Signing" not in k}}

    monkeypatch.setattr(Loader, "load_service_model", old_model)
    (unknown,) = facts_of(EcrApi({}), NEED, subject())
    assert isinstance(unknown, UnknownFact)
    assert unknown.cause == "the installed boto3 is too old for describe_image_signing_status of ECR"


def test_every_status_of_every_profile_is_read() -> None:
    assert values_of("SigningStatus") == {COMPLETE, FAILED, IN_PROGRESS}
    (fact,) = facts_of(signing([COMPLETE, FAILED]), NEED, subject())
    assert fact == Fact(
        (
            SigningStatus(PROFILE, COMPLETE),
            SigningStatus(PROFILE, FAILED, "AccessDenied: the pusher may not sign"),
        ),
        "ecr:DescribeImageSigningStatus in us-east-1",
        "2026-11-30T12:00:00Z",
    )


def test_an_image_that_no_rule_signs_has_no_status() -> None:
    (fact,) = facts_of(signing([]), NEED, subject())
    assert isinstance(fact, Fact)
    assert fact.value == ()


def test_a_signature_that_is_made_while_the_macro_waits_counts() -> None:
    api, time = signing([IN_PROGRESS], [IN_PROGRESS, COMPLETE], [COMPLETE, COMPLETE]), SimulatedTime()
    (fact,) = facts_of(api, NEED, subject(), time=time)
    assert isinstance(fact, Fact)
    assert {status.status for status in fact.value} == {COMPLETE}
    assert time.pauses == [3.0, 3.0]
    assert len(api.requests) == 3


def test_the_wait_ends_before_the_deadline() -> None:
    time = SimulatedTime()
    (fact,) = facts_of(signing([IN_PROGRESS]), NEED, subject(), time=time, limit=10)
    assert isinstance(fact, Fact)
    assert fact.value == (SigningStatus(PROFILE, IN_PROGRESS),)
    assert time.seconds <= 9


def test_the_signature_of_an_index_counts_for_its_manifests() -> None:
    (fact,) = facts_of(signing([COMPLETE], of=9), NEED, child(Digest(digest(9))))
    assert isinstance(fact, Fact)
    assert fact.value == (SigningStatus(PROFILE, COMPLETE),)


def test_a_digest_is_requested_once() -> None:
    api = signing([COMPLETE])
    facts = facts_of(api, NEED, subject(1), subject(1, platform="linux/arm64"), subject(2))
    assert len(facts) == 3
    assert len(api.requests) == 2
