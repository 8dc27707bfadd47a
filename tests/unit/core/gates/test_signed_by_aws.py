"""The gate `aws-signing-status`."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.enabled import GateResult
from image_pinner.core.gates.interface import Fact, Need, UnknownFact
from image_pinner.core.gates.signed_by_aws import SIGNATURES, SIGNING_STATUS, SignedByAws, SigningStatus
from support.gates import fact_of, judged

PROD = "arn:aws:signer:us-east-1:111122223333:/signing-profiles/prod"
DEV = "arn:aws:signer:us-east-1:111122223333:/signing-profiles/dev"
COMPLETE, FAILED, IN_PROGRESS = (
    SigningStatus(PROD, "COMPLETE"),
    SigningStatus(PROD, "FAILED", "AccessDenied: the role may not sign"),
    SigningStatus(PROD, "IN_PROGRESS"),
)
DENIED = UnknownFact("ecr:DescribeImageSigningStatus is denied", "allow it")
MANAGED = ("aws-signing-status.require=managed",)


def result_of(
    *entries: str, status: UnknownFact | tuple[SigningStatus, ...] = (), signatures: Any = frozenset[str]()
) -> GateResult:
    (enabled,) = parse_gates([*entries]).enabled
    return enabled.judge(judged(signing_status=_fact(status), signatures=_fact(signatures)))


def _fact(value: Any) -> Fact | UnknownFact:
    return value if isinstance(value, UnknownFact) else fact_of(value)


@pytest.mark.parametrize(
    ("statuses", "verdict", "cause"),
    [
        ((), "deny", "managed signing has not signed the image"),
        ((COMPLETE, FAILED), "deny", f"managed signing with {PROD} failed: AccessDenied: the role may not sign"),
        ((IN_PROGRESS, FAILED), "deny", f"managed signing with {PROD} failed: AccessDenied: the role may not sign"),
        ((COMPLETE, IN_PROGRESS), "deny", f"unknown: managed signing with {PROD} is in progress"),
        (
            (SigningStatus(PROD, "QUEUED"),),
            "deny",
            f"unknown: managed signing with {PROD} has the unknown status QUEUED",
        ),
        ((COMPLETE,), "allow", ""),
        ((COMPLETE, SigningStatus(DEV, "COMPLETE")), "allow", ""),
        (DENIED, "deny", f"unknown: {DENIED.cause}"),
    ],
)
def test_managed_signing_must_be_complete_for_every_profile(
    statuses: tuple[SigningStatus, ...], verdict: str, cause: str
) -> None:
    result = result_of(*MANAGED, status=statuses)
    assert (result.verdict, result.cause) == (verdict, cause)


def test_what_is_seen_names_the_profiles() -> None:
    assert result_of(*MANAGED, status=(COMPLETE,)).seen.fact == f"signed with {PROD}"


@pytest.mark.parametrize(("entry", "verdict"), [("mode=warn", "warn"), ("unknown=warn", "deny")])
def test_an_unsigned_image_has_the_result_of_the_mode(entry: str, verdict: str) -> None:
    assert result_of(*MANAGED, f"aws-signing-status.{entry}").verdict == verdict


def test_signing_in_progress_is_an_unknown_fact() -> None:
    assert result_of(*MANAGED, "aws-signing-status.unknown=warn", status=(IN_PROGRESS,)).verdict == "warn"


@pytest.mark.parametrize(
    ("profiles", "statuses", "verdict"),
    [
        ([PROD], (COMPLETE,), "allow"),
        (["arn:aws:signer:*:111122223333:/signing-profiles/prod"], (COMPLETE,), "allow"),
        # Another profile does not count, whatever its status is.
        ([PROD], (COMPLETE, SigningStatus(DEV, "FAILED")), "allow"),
        ([PROD], (SigningStatus(DEV, "COMPLETE"),), "deny"),
        ([PROD], (SigningStatus(f"{PROD}uction", "COMPLETE"),), "deny"),
        ([PROD, DEV], (COMPLETE,), "deny"),
        ([PROD, DEV], (COMPLETE, SigningStatus(DEV, "COMPLETE")), "allow"),
        ([PROD], (), "deny"),
    ],
)
def test_every_configured_profile_must_have_signed(
    profiles: list[str], statuses: tuple[SigningStatus, ...], verdict: str
) -> None:
    assert result_of(*(f"aws-signing-status.profile={each}" for each in profiles), status=statuses).verdict == verdict


def test_a_missing_profile_is_named() -> None:
    result = result_of(f"aws-signing-status.profile={PROD}", status=(SigningStatus(DEV, "COMPLETE"),))
    assert result.cause == f"managed signing has not signed the image with the profile {PROD}"
    assert result.help == "push the image again after a rule for managed signing selects the repository"


@pytest.mark.parametrize(
    ("required", "found", "cause"),
    [
        (["notation"], {"notation"}, ""),
        (["notation"], {"notation", "cosign"}, ""),
        (["notation"], {"cosign"}, "no notation signature refers to the image"),
        (["cosign"], set(), "no cosign signature refers to the image"),
        (["cosign", "notation"], set(), "no cosign and no notation signature refers to the image"),
        (["cosign", "notation"], {"notation"}, "no cosign signature refers to the image"),
    ],
)
def test_required_signatures_must_refer_to_the_image(required: list[str], found: set[str], cause: str) -> None:
    result = result_of(*(f"aws-signing-status.require={each}" for each in required), signatures=frozenset(found))
    assert (result.verdict, result.cause) == ("deny" if cause else "allow", cause)


def test_all_requirements_must_be_met() -> None:
    both = (*MANAGED, "aws-signing-status.require=notation")
    allowed = result_of(*both, status=(COMPLETE,), signatures=frozenset({"notation"}))
    assert (allowed.verdict, allowed.seen.fact) == ("allow", f"signed with {PROD}; signatures: notation")
    assert result_of(*both, status=(COMPLETE,)).verdict == "deny"
    # What is certain is reported before what is not known.
    assert result_of(*both, status=DENIED).cause == "no notation signature refers to the image"
    unknown = result_of(*both, status=DENIED, signatures=frozenset({"notation"}))
    assert unknown.cause == f"unknown: {DENIED.cause}"


@pytest.mark.parametrize(
    ("gate", "needs"),
    [
        (SignedByAws(require=("managed",)), {SIGNING_STATUS}),
        (SignedByAws(profile=(PROD,)), {SIGNING_STATUS}),
        (SignedByAws(require=("cosign",)), {SIGNATURES}),
        (SignedByAws(require=("cosign", "notation"), profile=(PROD,)), {SIGNATURES, SIGNING_STATUS}),
    ],
)
def test_only_what_is_required_is_gathered(gate: SignedByAws, needs: set[str]) -> None:
    assert gate.needs == {Need(name) for name in needs}


@pytest.mark.parametrize("entry", ["require=signed", "require=", "profile=prod", "profile=", f"profile={PROD}\x00"])
def test_invalid_options_are_refused(entry: str) -> None:
    with pytest.raises(InvalidOptionError):
        parse_gates([f"aws-signing-status.{entry}"])


@pytest.mark.parametrize("status", ["FAILED", "IN_PROGRESS"])
def test_a_profile_that_a_template_adds_hides_no_other_profile(status: str) -> None:
    statuses = (COMPLETE, SigningStatus(DEV, status))
    assert result_of(f"aws-signing-status.profile={PROD}", status=statuses).verdict == "allow"
    gates = parse_gates([f"aws-signing-status.profile={PROD}"]).over(parse_gates([*MANAGED])).enabled
    assert [gate.judge(judged(signing_status=fact_of(statuses))).verdict for gate in gates] == ["deny"]
