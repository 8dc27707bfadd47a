"""For each gate: a strict configuration, entries that loosen it, and images that satisfy it and that do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from image_pinner.core.gates.age import PUSHED, Pushed
from image_pinner.core.gates.immutable_tags import TAG_MUTABILITY, TagMutability
from image_pinner.core.gates.interface import Facts
from image_pinner.core.gates.lifecycle import LIFECYCLE, ImageLifecycle
from image_pinner.core.gates.signed_by_aws import SIGNATURES, SIGNING_STATUS, SigningStatus
from image_pinner.core.gates.vulnerabilities import SCANS, ScannedImage
from image_pinner.core.images.scans import Scan, ScanState, Vulnerability
from support.gates import fact_of, lifecycle_of
from support.templates import ECR, task

IMAGE = f"!PinDigest Platform=linux/amd64 {ECR}/shop/web:1.4.2"
HIDDEN = {"Web": {**task(), "Properties": {"ContainerDefinitions": {"Ref": "Containers"}}}}
"""Resources whose images cannot be seen."""


@dataclass(frozen=True)
class GateCase:
    """How to test a gate.

    Args:
        entries: A strict configuration.
        looser: Entries that are less strict, in addition to those of the modes.
        denied: The image that does not satisfy the gate; `good` satisfies it.
        good: The facts about an image that satisfies the gate.
        bad: The facts about one that does not.
        unknown: The resources for which the gate knows nothing, if facts are not the reason.
    """

    entries: tuple[str, ...]
    looser: tuple[str, ...] = ()
    denied: Any = IMAGE
    good: Facts = field(default_factory=dict)
    bad: Facts = field(default_factory=dict)
    unknown: Mapping[str, Any] | None = None

    @property
    def resources(self) -> dict[str, Any]:
        """The resources that satisfy the gate with good facts."""
        return {"Web": task(IMAGE)}

    @property
    def denied_resources(self) -> dict[str, Any]:
        """The resources that do not satisfy the gate with bad facts."""
        return {"Web": task(self.denied)}


def _scans(*found: Vulnerability) -> Facts:
    counts = tuple((one.severity, 1) for one in found)
    scan = Scan(ScanState.DONE, "COMPLETE", "2026-11-29T12:00:00Z", counts, found)
    return {SCANS: fact_of((ScannedImage("", scan),))}


def _signed(status: str, *kinds: str) -> Facts:
    profile = "arn:aws:signer:us-east-1:111122223333:/signing-profiles/release"
    return {SIGNING_STATUS: fact_of((SigningStatus(profile, status),)), SIGNATURES: fact_of(frozenset(kinds))}


GATE_CASES: Mapping[str, GateCase] = {
    "repositories": GateCase(
        (f"repositories.allow={ECR}/shop/*",),
        (f"repositories.allow={ECR}/*", "repositories.allow=*/other/web", "repositories.allow=*.com/shop/*"),
        denied=f"!PinDigest {ECR}/other/web:1",
        unknown=HIDDEN,
    ),
    "tags": GateCase(("tags.deny=latest",), denied=f"!PinDigest {ECR}/shop/web:latest", unknown=HIDDEN),
    "marked": GateCase(("marked.mode=deny",), denied=f"{ECR}/shop/web:1", unknown=HIDDEN),
    "age": GateCase(
        ("age.minimum=3d", "age.maximum=90d"),
        ("age.minimum=2d", "age.minimum=0m", "age.maximum=91d"),
        good={PUSHED: fact_of(Pushed("2026-11-20T12:00:00Z", 10 * 86400))},
        bad={PUSHED: fact_of(Pushed("2026-11-30T11:00:00Z", 3600))},
    ),
    "immutable-tags": GateCase(
        ("immutable-tags.mode=deny",),
        good={TAG_MUTABILITY: fact_of(TagMutability("IMMUTABLE"))},
        bad={TAG_MUTABILITY: fact_of(TagMutability("IMMUTABLE_WITH_EXCLUSION", ("1.*",)))},
    ),
    "vulnerabilities": GateCase(
        ("vulnerabilities.severity=HIGH",),
        (
            "vulnerabilities.severity=CRITICAL",
            "vulnerabilities.maximum=HIGH:1",
            "vulnerabilities.only=fix-available",
            "vulnerabilities.ignore=CVE-2026-1:not reachable:2099-12-31",
            *(f"vulnerabilities.{state}=allow" for state in ("missing", "pending", "failed", "unsupported")),
        ),
        good=_scans(),
        bad=_scans(Vulnerability("CVE-2026-1", "HIGH", "zlib 1.2", fix_available=False)),
    ),
    "lifecycle": GateCase(
        ("lifecycle.within=30d", *(f"lifecycle.{name}=true" for name in ("as-untagged", "archive", "preview"))),
        ("lifecycle.within=29d", *(f"lifecycle.{name}=false" for name in ("as-untagged", "archive", "preview"))),
        good={LIFECYCLE: fact_of(ImageLifecycle())},
        bad={LIFECYCLE: fact_of(lifecycle_of("1.4.2", age=20))},
    ),
    "aws-signing-status": GateCase(
        ("aws-signing-status.require=managed", "aws-signing-status.require=notation"),
        good=_signed("COMPLETE", "notation"),
        bad=_signed("FAILED"),
    ),
}
"""A case for each gate, by its id."""

STRICT_ENTRIES = tuple(entry for case in GATE_CASES.values() for entry in case.entries)
"""A configuration with all gates."""
GOOD_FACTS: Facts = {name: fact for case in GATE_CASES.values() for name, fact in case.good.items()}
"""Facts that satisfy all gates."""
