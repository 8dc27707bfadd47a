"""The registries, external values and deployments for the example templates and golden files."""

from __future__ import annotations

from collections import Counter

from image_pinner.core.gates.age import PUSHED, Pushed
from image_pinner.core.gates.immutable_tags import TAG_MUTABILITY, TagMutability
from image_pinner.core.gates.lifecycle import LIFECYCLE
from image_pinner.core.gates.signed_by_aws import SIGNATURES, SIGNING_STATUS, SigningStatus
from image_pinner.core.gates.vulnerabilities import SCANS, ScannedImage
from image_pinner.core.images.ecr import partition_of
from image_pinner.core.images.scans import Scan, ScanState, Vulnerability
from image_pinner.core.intrinsics.values import SsmParameter, StackExport
from image_pinner.sources.in_memory import InMemoryRegistry
from support.gates import fact_of, lifecycle_of
from support.images import index, single
from support.macro import AWS, CHINA, GOVCLOUD

LOOKUPS = {
    SsmParameter("/shop/web/tag"): "1.4.2",
    SsmParameter("/shop/web/image"): "public.ecr.aws/shop/web:1.4.2",
    SsmParameter("/shop/worker/tag"): "1.4.1",
    SsmParameter("/shop/images"): "shop/web:1,shop/worker:2",
    StackExport("prod-proxy-repository"): "public.ecr.aws/docker/library/nginx",
}


PROFILE = f"arn:aws:signer:{AWS.region}:{AWS.account_id}:/signing-profiles/release"


def full_registry() -> InMemoryRegistry:
    """Return a registry in which every image exists, and shop/reports has a manifest for each of two platforms."""
    resolvers = InMemoryRegistry(LOOKUPS, has_every_image=True)
    resolvers.facts["*"] = {
        PUSHED: fact_of(Pushed("2026-11-20T12:00:00Z", 10 * 86400)),
        TAG_MUTABILITY: fact_of(TagMutability("IMMUTABLE_WITH_EXCLUSION", ("dev-*",))),
        SCANS: fact_of(_scans(Vulnerability("CVE-2026-1234", "HIGH", "libxml2 2.9", fix_available=True))),
        LIFECYCLE: fact_of(lifecycle_of("latest", age=20)),
        SIGNING_STATUS: fact_of((SigningStatus(PROFILE, "COMPLETE"),)),
        SIGNATURES: fact_of(frozenset({"notation"})),
    }
    for account in (AWS, CHINA, GOVCLOUD):
        partition = partition_of(account.region)
        assert partition is not None
        registry = f"{account.account_id}.dkr.ecr.{account.region}.{partition.suffix}"
        _push_reports(resolvers, f"{registry}/shop/reports:1.4.2")
    return resolvers


def _scans(*found: Vulnerability) -> tuple[ScannedImage, ...]:
    counts = tuple(Counter(one.severity for one in found).items())
    return (ScannedImage("linux/amd64", Scan(ScanState.DONE, "COMPLETE", "2026-11-20T12:05:00Z", counts, found)),)


def deployed_registry() -> InMemoryRegistry:
    """Return a registry whose tag has moved since the stack was deployed, and a service that a script updated."""
    resolvers = full_registry()
    name = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web"
    resolvers.deployments.deploy("Task", "web", f"{name}@sha256:{'d' * 64}", f"{name}:1.4.2")
    resolvers.deployments.update("Task", "web", f"{name}@sha256:{'5' * 64}", f"{name}:1.5.0")
    return resolvers


def _push_reports(resolvers: InMemoryRegistry, reference: str) -> None:
    children = [
        ("linux/amd64", single("shop/reports", "", "reports on amd64")),
        ("linux/arm64/v8", single("shop/reports", "", "reports on arm64")),
        ("unknown/unknown", single("shop/reports", "", "provenance")),
    ]
    stored = index("shop/reports", "1.4.2", children)
    resolvers.push(reference, stored.manifest, stored.media_type)


def small_registry() -> InMemoryRegistry:
    """Return a registry with few images, and with a host that does not respond."""
    resolvers = InMemoryRegistry(LOOKUPS)
    for name in ("shop/web", "shop/worker", "library/nginx"):
        image = single(name, "1.0", name)
        resolvers.push(f"docker.io/{name}:1.0", image.manifest, image.media_type)
    arm64_only = index("shop/arm", "1.0", [("linux/arm64", single("shop/arm", "", "arm"))])
    resolvers.push("docker.io/shop/arm:1.0", arm64_only.manifest, arm64_only.media_type)
    long_name = f"docker.io/{'very-long-name/' * 13}web:1.0"
    resolvers.push(long_name, single("web", "1.0", "web").manifest)
    resolvers.facts["*"] = {
        PUSHED: fact_of(Pushed("2026-11-30T10:00:00Z", 2 * 3600)),
        TAG_MUTABILITY: fact_of(TagMutability("IMMUTABLE_WITH_EXCLUSION", ("1.*",))),
        SCANS: fact_of(_scans(Vulnerability("CVE-2026-1234", "HIGH", "libxml2 2.9", fix_available=True))),
        LIFECYCLE: fact_of(lifecycle_of(age=20)),
        SIGNING_STATUS: fact_of((SigningStatus(PROFILE, "FAILED", "AccessDenied: the role may not sign"),)),
        SIGNATURES: fact_of(frozenset[str]()),
    }
    resolvers.break_registry("registry.broken.example", "registry.broken.example did not respond within 10 s")
    return resolvers


def empty_registry() -> InMemoryRegistry:
    """Return a registry without images."""
    return InMemoryRegistry(LOOKUPS)
