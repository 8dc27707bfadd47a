"""The gate `aws-signing-status`: what ECR reports about the signatures of an image. It verifies none of them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-signing.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from image_pinner.core.gates.interface import (
    Fact,
    Failed,
    GateOption,
    JudgedImage,
    Judgment,
    Need,
    Passed,
    Seen,
    UnknownFact,
    extend,
)
from image_pinner.core.images.globs import compile_glob

SIGNING_STATUS = "signing-status"
"""The fact `tuple[SigningStatus, ...]`: one for each signing profile, none if ECR does not sign the image."""
SIGNATURES = "signatures"
"""The fact `frozenset[str]`: `NOTATION` and `COSIGN`, as far as such artifacts refer to the image."""

MANAGED, NOTATION, COSIGN = "managed", "notation", "cosign"
COMPLETE, IN_PROGRESS, FAILED = "COMPLETE", "IN_PROGRESS", "FAILED"


class SigningStatus(NamedTuple):
    """The status of the signature by a signing profile: `COMPLETE`, `IN_PROGRESS` or `FAILED`, which has a reason."""

    profile: str
    status: str
    reason: str = ""


# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageSigningStatus.html
_PROFILE = re.compile(r"arn:[A-Za-z0-9:/_.*+=@-]{1,196}", re.ASCII)


def _read_requirement(text: str) -> str:
    if text not in {MANAGED, NOTATION, COSIGN}:
        raise ValueError(f"write one of {MANAGED}, {NOTATION}, {COSIGN}")
    return text


def _read_profile(text: str) -> str:
    if not _PROFILE.fullmatch(text):
        raise ValueError("write the ARN of a signing profile, with * for any text")
    return text


@dataclass(frozen=True, slots=True)
class SignedByAws:
    """Deny images that ECR does not report as signed. See `Gate`."""

    id: ClassVar[str] = "aws-signing-status"
    summary: ClassVar[str] = "ECR reports that the image is signed. The signature is not verified."
    required: ClassVar[tuple[str, ...]] = ("require", "profile")
    options: ClassVar[tuple[GateOption, ...]] = (
        GateOption(
            "require",
            "`managed`, `notation`, `cosign`, repeatable",
            "What must exist: a completed managed signing, or a Notation or cosign signature that refers to the image.",
            _read_requirement,
            extend,
            repeatable=True,
        ),
        GateOption(
            "profile",
            "the ARN of a signing profile, repeatable",
            "A signing profile that managed signing must have used; `*` matches any text.",
            _read_profile,
            extend,
            repeatable=True,
        ),
    )
    possible_needs: ClassVar[frozenset[Need]] = frozenset({Need(SIGNING_STATUS), Need(SIGNATURES)})

    require: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[Need]:
        """See `Gate.needs`."""
        status = {Need(SIGNING_STATUS)} if self.profile or MANAGED in self.require else set()
        return frozenset(status | ({Need(SIGNATURES)} if self._kinds else set()))

    @property
    def _kinds(self) -> list[str]:
        return sorted({NOTATION, COSIGN}.intersection(self.require))

    def judge(self, image: JudgedImage) -> Judgment:
        """See `Gate.judge`."""
        judgments = []
        if self.profile or MANAGED in self.require:
            judgments.append(self._judge_status(image.fact(SIGNING_STATUS)))
        if self._kinds:
            judgments.append(self._judge_signatures(image.fact(SIGNATURES)))
        for kind in (Failed, UnknownFact):
            if found := next((each for each in judgments if isinstance(each, kind)), None):
                return found
        seen = [each.seen for each in judgments if isinstance(each, Passed)]
        facts, sources = (
            "; ".join(dict.fromkeys(texts)) for texts in zip(*((s.fact, s.source) for s in seen), strict=True)
        )
        return Passed(Seen(facts, sources, seen[-1].time))

    def _judge_status(self, fact: Fact | UnknownFact) -> Judgment:
        if isinstance(fact, UnknownFact):
            return fact
        statuses: tuple[SigningStatus, ...] = fact.value
        chosen: list[SigningStatus] = []
        # A template can add a profile, and a failure of the others must still count.
        for pattern in (*self.profile, *(("*",) if MANAGED in self.require else ())):
            matching = [each for each in statuses if compile_glob(pattern).fullmatch(each.profile)]
            if not matching:
                profile = f" with the profile {pattern}" if self.profile else ""
                return Failed(Seen.of(fact, "not signed"), f"managed signing has not signed the image{profile}", _PUSH)
            chosen += matching
        return _judge_profiles(fact, chosen)

    def _judge_signatures(self, fact: Fact | UnknownFact) -> Judgment:
        if isinstance(fact, UnknownFact):
            return fact
        found: frozenset[str] = fact.value
        text = f"signatures: {', '.join(sorted(found)) or 'none'}"
        if missing := [kind for kind in self._kinds if kind not in found]:
            return Failed(
                Seen.of(fact, text), f"no {' and no '.join(missing)} signature refers to the image", "sign the image"
            )
        return Passed(Seen.of(fact, text))


_PUSH = "push the image again after a rule for managed signing selects the repository"


def _judge_profiles(fact: Fact, statuses: list[SigningStatus]) -> Judgment:
    for status in statuses:
        if status.status == FAILED:
            cause = f"managed signing with {status.profile} failed: {status.reason}"
            return Failed(Seen.of(fact, "signing failed"), cause, "fix the cause, then push the image again")
    for status in statuses:
        if status.status == IN_PROGRESS:
            return UnknownFact(
                f"managed signing with {status.profile} is in progress", "retry in a minute", fact.source
            )
        if status.status != COMPLETE:
            cause = f"managed signing with {status.profile} has the unknown status {status.status}"
            return UnknownFact(cause, "upgrade ImagePinner", fact.source)
    return Passed(Seen.of(fact, f"signed with {', '.join(dict.fromkeys(status.profile for status in statuses))}"))
