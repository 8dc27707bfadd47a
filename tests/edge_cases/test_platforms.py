"""Platforms: bugs of other tools, one by one.

Each line names the affected project, by an issue, or [ran], [src] or [doc] for what was seen,
read in a source or documented, and the test that shows what happens here.

BuildKit's provenance makes an index with `unknown/unknown` of a single-arch image
    docker/build-push-action #755, #773, #1459: test_buildx_provenance__build_push_action_755_773_1459
    Docker-Provider #911: test_buildx_provenance__docker_provider_911
    data-api #2554: test_buildx_provenance__data_api_2554
    aws/aws-lambda-roadmap #82: test_lambda_rejects_an_index__aws_lambda_roadmap_82
Picking `.manifests[0]`
    tektoncd/operator #3611: test_picking_manifests_0__tektoncd_operator_3611
Child digest pinned instead of the index
    kubernetes-sigs/headlamp #4159: test_child_instead_of_index__headlamp_4159
    dependabot/dependabot-core #8609: test_child_instead_of_index__dependabot_8609
    renovatebot/renovate #9786: test_child_instead_of_index__renovate_9786
Signature and attestation on the index only, or on the child only
    rust-oci-client #247, openvox #431, suse-edge #587: test_signatures_only_on_index_or_only_on_child
Variants, versions, and indexes of odd shape
    linux/arm64 with v8 or without: test_linux_arm64_with_v8_or_without
    linux/arm/v7 vs v6: test_linux_arm_v7_vs_v6
    Windows, os.version: test_windows_os_version
    index of indexes: test_index_of_indexes
    renovate, Invalid manifest list with no manifests [src]: test_empty_index__renovate
    kbld, two entries for one platform: test_two_entries_for_one_platform__kbld
A platform is required, and the image is for a single one
    crane, kbld --platform linux/arm64 [ran]: test_another_platform_than_the_only_one__crane_kbld
    crane, kbld --platform linux/arm64 [ran]: test_another_platform_than_the_only_one__at_registries_and_ecr
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from edge_cases.edge_pins import (
    CODE,
    IMAGE,
    ecr_resolver,
    function,
    image,
    pin_from,
    pin_in,
    refusal,
    reported,
    task_on,
)
from image_pinner.core.images.lookups import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest
from image_pinner.sources.in_memory import InMemoryRegistry
from support.aws import HOST as ECR
from support.aws import FakeEcr
from support.aws import image as image_of
from support.images import (
    attestation,
    config_for,
    descriptor,
    docker_image,
    docker_list,
    oci_image,
    oci_index,
    platform,
)
from support.registries import Answer, ScriptedRegistry, Seen, sent
from support.templates import task

REPOSITORY = "registry.example.com/team/app"
APP = f"{REPOSITORY}:1"
MARKED = f"!PinDigest {APP}"
ANY_PLATFORM = task(MARKED)


CONFIG_AMD64, CONFIG_ARM64 = config_for("linux", "amd64"), config_for("linux", "arm64")
AMD64, ARM64 = oci_image(CONFIG_AMD64), oci_image(CONFIG_ARM64)
PROVENANCE = b'{"provenance": true}'
FOR_AMD64 = descriptor(OCI_MANIFEST, AMD64, **platform("linux", "amd64"))
FOR_ARM64 = descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64"))
ATTESTED = attestation(OCI_MANIFEST, PROVENANCE, AMD64)
# Not every builder writes both.
BY_PLATFORM_ONLY = descriptor(OCI_MANIFEST, b"{}", **platform("unknown", "unknown"))
BY_ANNOTATION_ONLY = {**ATTESTED, **platform("linux", "amd64"), "digest": str(Digest.of(b"[]"))}
BOTH = oci_index(FOR_AMD64, FOR_ARM64)


def holding(manifest: bytes, media_type: str = OCI_INDEX, *configs: bytes) -> InMemoryRegistry:
    """Return a registry whose tag points to this manifest."""
    resolvers = InMemoryRegistry()
    resolvers.push(APP, manifest, media_type)
    for one in configs:
        resolvers.push_config(one)
    return resolvers


def pinned(content: bytes) -> str:
    return f"{REPOSITORY}@{Digest.of(content)}"


def image_path(resource: dict[str, Any]) -> str:
    return CODE if "Code" in resource["Properties"] else IMAGE


def entry(content: bytes, *parts: str, **more: str) -> dict[str, Any]:
    """Return an index entry for a manifest with this content and platform."""
    os, architecture, variant = (*parts, "")[:3]
    named = {"variant": variant} if variant else {}
    return descriptor(OCI_MANIFEST, content, **platform(os, architecture, **named, **more))


@pytest.mark.parametrize("attested", [ATTESTED, BY_PLATFORM_ONLY, BY_ANNOTATION_ONLY])
@pytest.mark.parametrize("order", [1, -1], ids=["image first", "attestation first"])
def test_buildx_provenance__build_push_action_755_773_1459(attested: dict[str, Any], order: int) -> None:
    """docker/build-push-action #755, #773, #1459: Lambda rejects the index, so that its image is pinned."""
    index = oci_index(*[FOR_AMD64, attested][::order])
    resolvers = holding(index)
    error = refusal(pin_in(resolvers, function(MARKED, "arm64")), CODE)
    assert f"the index {Digest.of(index)} has no image for linux/arm64; available: linux/amd64; help: " in error
    result = pin_in(resolvers, function(MARKED))
    assert image(result) == pinned(AMD64)
    assert reported(result, CODE)["index"] == str(Digest.of(index))
    assert image(pin_in(resolvers, function(f"!PinDigest Platform=Any {APP}"))) == pinned(AMD64)


@pytest.mark.parametrize("resource", [function(MARKED), ANY_PLATFORM, task_on("LINUX", "ARM64", MARKED)])
def test_buildx_provenance__docker_provider_911(resource: dict[str, Any]) -> None:
    """Docker-Provider #911: an attestation is never treated as the image, even if there is nothing else."""
    index = oci_index(ATTESTED, BY_PLATFORM_ONLY, BY_ANNOTATION_ONLY)
    error = refusal(pin_in(holding(index), resource), image_path(resource))
    assert f"the index {Digest.of(index)} " in error
    assert "lists no image" in error or "available: no named platform" in error
    assert "push " in error


def test_buildx_provenance__data_api_2554() -> None:
    """data-api #2554: `unknown/unknown` is not a platform of the image; ECS gets the index."""
    index = oci_index(FOR_AMD64, ATTESTED)
    error = refusal(pin_in(holding(index), task_on("LINUX", "ARM64", MARKED)))
    assert "available: linux/amd64; help: " in error
    assert "unknown" not in error
    for resource in (ANY_PLATFORM, task_on("LINUX", "X86_64", MARKED)):
        assert image(pin_in(holding(index), resource)) == pinned(index)


@pytest.mark.parametrize("kind", ["AWS::Lambda::Function", "AWS::Serverless::Function"])
def test_lambda_rejects_an_index__aws_lambda_roadmap_82(kind: str) -> None:
    """aws/aws-lambda-roadmap #82: a function is never pinned to an index of OCI or Docker."""
    at = "Resources.Web.Properties." + ("Code.ImageUri" if kind == "AWS::Lambda::Function" else "ImageUri")
    several = pin_in(holding(BOTH), _function(kind, f"!PinDigest Platform=Any {APP}"))
    error = refusal(several, at)
    assert f"a single image is required, and the index {Digest.of(BOTH)} has several" in error
    assert "select one with the option Platform, for example Platform=linux/arm64" in error
    of_docker = [docker_image(CONFIG_AMD64), docker_image(CONFIG_ARM64)]
    listed = docker_list(
        *(
            descriptor(DOCKER_MANIFEST, one, **platform("linux", machine))
            for one, machine in zip(of_docker, ("amd64", "arm64"), strict=True)
        )
    )
    for resolvers, wanted in ((holding(BOTH), ARM64), (holding(listed, DOCKER_LIST), of_docker[1])):
        result = pin_in(resolvers, _function(kind, MARKED, "arm64"))
        assert result.report.succeeded
        found = reported(result, at)
        assert found["result"] == pinned(wanted)
        assert found["media_type"] in {OCI_MANIFEST, DOCKER_MANIFEST}


def _function(kind: str, written: str, *architectures: str) -> dict[str, Any]:
    made = function(written, *architectures)
    if kind == "AWS::Serverless::Function":
        made["Properties"]["ImageUri"] = made["Properties"].pop("Code")["ImageUri"]
    return {**made, "Type": kind}


@pytest.mark.parametrize("lines", list(permutations([FOR_AMD64, FOR_ARM64, ATTESTED])))
def test_picking_manifests_0__tektoncd_operator_3611(lines: Sequence[dict[str, Any]]) -> None:
    """tektoncd/operator #3611: the order of the entries does not matter."""
    resolvers = holding(oci_index(*lines))
    assert "has several" in refusal(pin_in(resolvers, function(f"!PinDigest Platform=Any {APP}")), CODE)
    assert image(pin_in(resolvers, function(MARKED, "x86_64"))) == pinned(AMD64)
    assert image(pin_in(resolvers, function(MARKED, "arm64"))) == pinned(ARM64)
    assert image(pin_in(resolvers, ANY_PLATFORM)) == pinned(oci_index(*lines))


def test_child_instead_of_index__headlamp_4159() -> None:
    """kubernetes-sigs/headlamp #4159: the digest of the index is pinned, so that it runs on both architectures."""
    result = pin_in(holding(BOTH), ANY_PLATFORM)
    assert image(result) == pinned(BOTH)
    assert reported(result)["media_type"] == OCI_INDEX
    assert "index" not in reported(result)


@pytest.mark.parametrize("machine", ["X86_64", "ARM64"])
def test_child_instead_of_index__dependabot_8609(machine: str) -> None:
    """dependabot/dependabot-core #8609: a required platform is checked, and the digest is still that of the index."""
    only_amd64 = oci_index(FOR_AMD64, ATTESTED)
    if machine == "ARM64":
        assert "has no image for linux/arm64" in refusal(pin_in(holding(only_amd64), task_on("LINUX", machine, MARKED)))
    assert image(pin_in(holding(BOTH), task_on("LINUX", machine, MARKED))) == pinned(BOTH)


def test_child_instead_of_index__renovate_9786() -> None:
    """renovatebot/renovate #9786: one tag is pinned to the index for ECS and to its manifest for Lambda."""
    resolvers = holding(BOTH)
    result = pin_in(resolvers, ANY_PLATFORM, function(MARKED, "arm64"), function(MARKED))
    found = [image(result, name) for name in ("Web", "Web2", "Web3")]
    assert found == [pinned(BOTH), pinned(ARM64), pinned(AMD64)]


def test_signatures_only_on_index_or_only_on_child() -> None:
    """rust-oci-client #247, openvox #431, suse-edge #587: the report contains both digests."""
    result = pin_in(holding(BOTH), ANY_PLATFORM, function(MARKED, "arm64"))
    of_index, of_child = reported(result), reported(result, CODE.replace("Web", "Web2"))
    assert (of_index["result"], of_index["media_type"]) == (pinned(BOTH), OCI_INDEX)
    assert (of_child["result"], of_child["media_type"]) == (pinned(ARM64), OCI_MANIFEST)
    assert of_child["index"] == str(Digest.of(BOTH))


@pytest.mark.parametrize("wanted", ["linux/arm64", "linux/arm64/v8"])
@pytest.mark.parametrize("variant", ["", "v8", "8"])
def test_linux_arm64_with_v8_or_without(wanted: str, variant: str) -> None:
    """linux/arm64 with v8 or without: they are the same platform, in an index and in the config of a single image."""
    marked = f"!PinDigest Platform={wanted} {APP}"
    newer = oci_index(FOR_AMD64, entry(b"for v9", "linux", "arm64", "v9"))
    if wanted.endswith("v8"):
        error = refusal(pin_in(holding(newer), task(marked)))
        assert "has no image for linux/arm64/v8; available: linux/amd64, linux/arm64/v9; help: " in error
    index = oci_index(FOR_AMD64, entry(ARM64, "linux", "arm64", variant))
    assert image(pin_in(holding(index), function(marked))) == pinned(ARM64)
    assert image(pin_in(holding(index), task(marked))) == pinned(index)
    own = config_for("linux", "arm64", variant)
    assert image(pin_in(holding(oci_image(own), OCI_MANIFEST, own), task(marked))) == pinned(oci_image(own))


def test_linux_arm_v7_vs_v6() -> None:
    """linux/arm/v7 vs v6: a wrong guess ends in an illegal instruction, so the variant is required."""
    v6, v7 = b"for v6", b"for v7"
    index = oci_index(entry(v6, "linux", "arm", "v6"), entry(v7, "linux", "arm", "v7"), FOR_ARM64)
    unnamed = refusal(pin_in(holding(index), function(f"!PinDigest Platform=linux/arm {APP}")), CODE)
    assert f"{Digest.of(v6)} for linux/arm/v6, {Digest.of(v7)} for linux/arm/v7" in unnamed
    assert "set the variant as well, for example Platform=linux/arm/v7" in unnamed
    only_v6 = oci_index(entry(v6, "linux", "arm", "v6"))
    for made in (function, task):
        resource = made(f"!PinDigest Platform=linux/arm/v7 {APP}")
        error = refusal(pin_in(holding(only_v6), resource), image_path(resource))
        assert "has no image for linux/arm/v7; available: linux/arm/v6; help: " in error
    for variant, content in (("v6", v6), ("v7", v7)):
        marked = f"!PinDigest Platform=linux/arm/{variant} {APP}"
        assert image(pin_in(holding(index), function(marked))) == pinned(content)


WINDOWS = [
    ("WINDOWS_SERVER_2019_CORE", "10.0.17763"),
    ("WINDOWS_SERVER_2022_FULL", "10.0.20348"),
    ("WINDOWS_SERVER_2025_CORE", "10.0.26100"),
]


@pytest.mark.parametrize(("family", "build"), WINDOWS)
def test_windows_os_version(family: str, build: str) -> None:
    """Windows, os.version: a container runs on its own build, and one of Windows Server 2022 also on 2025 [src]."""
    built = {one: f"for {one}".encode() for _, one in WINDOWS}
    lines = {one: entry(content, "windows", "amd64", **{"os.version": f"{one}.6054"}) for one, content in built.items()}
    others = oci_index(FOR_AMD64, *(line for one, line in lines.items() if one != build))
    result = pin_in(holding(others), task_on(family, "X86_64", MARKED))
    if family == "WINDOWS_SERVER_2025_CORE":
        assert image(result) == pinned(others)
        assert "the image is for Windows 10.0.20348;" in str(result.report)
    else:
        available = "available: linux/amd64, windows/amd64 (10.0."
        assert f"has no image for windows/amd64 ({build}); {available}" in refusal(result)
    alone = config_for("windows", "amd64", os_version="10.0.14393.1")
    error = refusal(pin_in(holding(oci_image(alone), OCI_MANIFEST, alone), task_on(family, "X86_64", MARKED)))
    assert f"is for windows/amd64 (10.0.14393.1) only, not for windows/amd64 ({build})" in error
    every = oci_index(FOR_AMD64, *lines.values())
    assert image(pin_in(holding(every), task_on(family, "X86_64", MARKED))) == pinned(every)
    of_two = refusal(pin_in(holding(every), function(f"!PinDigest Platform=windows/amd64 {APP}")), CODE)
    assert f"{Digest.of(built['10.0.17763'])} for windows/amd64 (10.0.17763.6054)" in of_two


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
@pytest.mark.parametrize("resource", [function(MARKED), ANY_PLATFORM, task_on("LINUX", "ARM64", MARKED)])
def test_index_of_indexes(resource: dict[str, Any], media_type: str) -> None:
    """index of indexes: the selected image depends on the runtime, so none is pinned."""
    outer = oci_index(FOR_AMD64, FOR_ARM64, descriptor(media_type, BOTH))
    error = refusal(pin_in(holding(outer), resource), image_path(resource))
    assert f"the index {Digest.of(outer)} lists further indexes" in error
    assert "push an index that lists the images themselves" in error


@pytest.mark.parametrize("resource", [function(MARKED), ANY_PLATFORM, task_on("LINUX", "ARM64", MARKED)])
def test_empty_index__renovate(resource: dict[str, Any]) -> None:
    """renovate, Invalid manifest list with no manifests [src]: nothing can be pulled, so that it is rejected."""
    for empty, media_type in ((oci_index(), OCI_INDEX), (docker_list(), DOCKER_LIST)):
        error = refusal(pin_in(holding(empty, media_type), resource), image_path(resource))
        assert f"the index {Digest.of(empty)} " in error
        assert "lists no image" in error or "available: no named platform" in error


@pytest.mark.parametrize("order", [1, -1])
def test_two_entries_for_one_platform__kbld(order: int) -> None:
    """kbld, two entries for one platform: an error that lists both, in any order."""
    first, second = b"first build", b"second build"
    lines = [entry(first, "linux", "amd64"), FOR_ARM64, entry(second, "linux", "amd64")][::order]
    error = refusal(pin_in(holding(oci_index(*lines)), function(MARKED)), CODE)
    assert "has several images for linux/amd64" in error
    assert f"{Digest.of(first)} for linux/amd64" in error
    assert f"{Digest.of(second)} for linux/amd64" in error
    assert image(pin_in(holding(oci_index(*lines)), function(MARKED, "arm64"))) == pinned(ARM64)
    twice = oci_index(FOR_AMD64, FOR_AMD64)
    assert image(pin_in(holding(twice), function(MARKED))) == pinned(AMD64)


@pytest.mark.parametrize("resource", [function(MARKED, "arm64"), task_on("LINUX", "ARM64", MARKED)])
def test_another_platform_than_the_only_one__crane_kbld(resource: dict[str, Any]) -> None:
    """crane, kbld --platform linux/arm64 [ran]: both returned the amd64 digest and success."""
    resolvers = holding(AMD64, OCI_MANIFEST, CONFIG_AMD64)
    error = refusal(pin_in(resolvers, resource), image_path(resource))
    assert f"the image {Digest.of(AMD64)} is for linux/amd64 only, not for linux/arm64" in error
    assert "build and push it for linux/arm64, or set Platform to one that it has" in error
    right = holding(ARM64, OCI_MANIFEST, CONFIG_ARM64)
    assert image(pin_in(right, resource)) == pinned(ARM64)


def test_another_platform_than_the_only_one__at_registries_and_ecr() -> None:
    """crane, kbld --platform linux/arm64 [ran]: the config is fetched from registries and ECR."""

    def script(seen: Seen) -> Answer:
        return sent(AMD64) if "/manifests/" in seen.path else Answer(200, {}, CONFIG_AMD64)

    with ScriptedRegistry(script) as registry:
        error = refusal(pin_from(registry, "team/app:1", options="Platform=linux/arm64"))
        right = pin_from(registry, "team/app:1", options="Platform=linux/amd64")
    assert f"the image {Digest.of(AMD64)} is for linux/amd64 only, not for linux/arm64" in error
    assert image(right) == f"{registry.host}/team/app@{Digest.of(AMD64)}"
    assert registry.paths()[-2:] == ["/v2/team/app/manifests/1", f"/v2/team/app/blobs/{Digest.of(CONFIG_AMD64)}"]
    ecr = FakeEcr({"team/app": {"1": image_of("app", "linux/amd64")}})
    written, stored = f"!PinDigest {ECR}/team/app:1", ecr.images["team/app"]["1"].digest
    error = refusal(pin_in(ecr_resolver(ecr), function(written, "arm64")), CODE)
    assert f"the image {stored} is for linux/amd64 only, not for linux/arm64" in error
    assert image(pin_in(ecr_resolver(ecr), task_on("LINUX", "X86_64", written))) == f"{ECR}/team/app@{stored}"
