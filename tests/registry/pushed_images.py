"""Images of every shape that a registry may hold, and pushing them: data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from image_pinner.core.images.lookups import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest
from support.images import (
    attestation,
    config_for,
    descriptor,
    docker_image,
    docker_list,
    oci_image,
    oci_index,
    platform,
    without_media_type,
)
from support.registry_program import DockerRegistry

REPOSITORY = "team/app"
LAYER, PROVENANCE, CHART, NOTHING = b"layer", b'{"predicateType": "p"}', b"a chart", b"{}"
WINDOWS_2019, WINDOWS_2022 = "10.0.17763.6532", "10.0.20348.2849"


@dataclass(frozen=True)
class Pushed:
    """What is pushed under a tag, children first.

    Args:
        tag: The tag.
        media_type: The media type.
        manifest: The bytes.
        children: What an index names, each with its media type.
    """

    tag: str
    media_type: str
    manifest: bytes = field(repr=False)
    children: Sequence[tuple[str, bytes]] = field(default=(), repr=False)

    @property
    def digest(self) -> Digest:
        return Digest.of(self.manifest)

    @property
    def image(self) -> str:
        """Return the name without the registry."""
        return f"{REPOSITORY}:{self.tag}"

    def __str__(self) -> str:
        return self.tag


def part_of_name(value: object) -> str:
    """Return a value of a parametrized test as part of its name: a manifest by the beginning of its digest."""
    return str(Digest.of(value)).removeprefix("sha256:")[:7] if isinstance(value, bytes) else str(value)


def of_oci(*manifests: bytes) -> list[tuple[str, bytes]]:
    return [(OCI_MANIFEST, manifest) for manifest in manifests]


def of_docker(*manifests: bytes) -> list[tuple[str, bytes]]:
    return [(DOCKER_MANIFEST, manifest) for manifest in manifests]


AMD64_CONFIG, ARM64_CONFIG = config_for("linux", "amd64"), config_for("linux", "arm64")
ARM64_V8_CONFIG = config_for("linux", "arm64", "v8")
ARM_V6_CONFIG, ARM_V7_CONFIG = config_for("linux", "arm", "v6"), config_for("linux", "arm", "v7")
WINDOWS_2019_CONFIG = config_for("windows", "amd64", os_version=WINDOWS_2019)
WINDOWS_2022_CONFIG = config_for("windows", "amd64", os_version=WINDOWS_2022)
SECOND_CONFIG = config_for("linux", "amd64", author="another build")
CONFIGS = (
    *(AMD64_CONFIG, ARM64_CONFIG, ARM64_V8_CONFIG, ARM_V6_CONFIG, ARM_V7_CONFIG),
    *(WINDOWS_2019_CONFIG, WINDOWS_2022_CONFIG, SECOND_CONFIG),
)

AMD64, ARM64, ARM64_V8 = oci_image(AMD64_CONFIG), oci_image(ARM64_CONFIG), oci_image(ARM64_V8_CONFIG)
SECOND = oci_image(SECOND_CONFIG)
DOCKER_AMD64, DOCKER_ARM64 = docker_image(AMD64_CONFIG), docker_image(ARM64_CONFIG)
ARM_V6, ARM_V7 = docker_image(ARM_V6_CONFIG), docker_image(ARM_V7_CONFIG)
ATTESTED_AMD64, ATTESTED_ARM64 = oci_image(PROVENANCE), oci_image(PROVENANCE, annotations={"of": "arm64"})
# The first layer of a Windows image may be at Microsoft only: https://github.com/opencontainers/image-spec/blob/v1.0.2/layer.md#foreign-layers
_FOREIGN = descriptor(
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    b"no registry has it",
    urls=["https://windows.example/"],
)
WINDOWS = docker_image(WINDOWS_2022_CONFIG, layers=[_FOREIGN])
OLD_WINDOWS = docker_image(WINDOWS_2019_CONFIG, layers=[_FOREIGN])

SINGLE = (
    Pushed("oci", OCI_MANIFEST, AMD64),
    Pushed("docker", DOCKER_MANIFEST, DOCKER_AMD64),
    Pushed("latest", OCI_MANIFEST, SECOND),
    Pushed("arm64", OCI_MANIFEST, ARM64),
    Pushed("arm64-v8", OCI_MANIFEST, ARM64_V8),
    Pushed("arm-v6", DOCKER_MANIFEST, ARM_V6),
    Pushed("arm-v7", DOCKER_MANIFEST, ARM_V7),
    Pushed("windows", DOCKER_MANIFEST, WINDOWS),
    Pushed("type-in-the-header-only", OCI_MANIFEST, without_media_type(AMD64)),
    Pushed("no-layers", OCI_MANIFEST, oci_image(AMD64_CONFIG, layers=[])),
    Pushed(
        "annotated",
        OCI_MANIFEST,
        oci_image(AMD64_CONFIG, annotations={"made-by": "hand"}, subject=descriptor(OCI_MANIFEST, AMD64)),
        of_oci(AMD64),
    ),
)
MULTI = Pushed(
    "multi",
    OCI_INDEX,
    oci_index(
        descriptor(OCI_MANIFEST, AMD64, **platform("linux", "amd64")),
        descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64")),
    ),
    of_oci(AMD64, ARM64),
)
LIST = Pushed(
    "list",
    DOCKER_LIST,
    docker_list(
        descriptor(DOCKER_MANIFEST, DOCKER_AMD64, **platform("linux", "amd64")),
        descriptor(DOCKER_MANIFEST, DOCKER_ARM64, **platform("linux", "arm64", variant="v8")),
    ),
    of_docker(DOCKER_AMD64, DOCKER_ARM64),
)
ATTESTED = Pushed(
    "attested",
    OCI_INDEX,
    oci_index(
        attestation(OCI_MANIFEST, ATTESTED_AMD64, AMD64),
        descriptor(OCI_MANIFEST, AMD64, **platform("linux", "amd64")),
        descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64")),
        attestation(OCI_MANIFEST, ATTESTED_ARM64, ARM64),
        annotations={"made-by": "a build with provenance"},
    ),
    of_oci(ATTESTED_AMD64, AMD64, ARM64, ATTESTED_ARM64),
)
ATTESTED_SINGLE = Pushed(
    "attested-single",
    OCI_INDEX,
    oci_index(
        descriptor(OCI_MANIFEST, AMD64, **platform("linux", "amd64")),
        attestation(OCI_MANIFEST, ATTESTED_AMD64, AMD64),
    ),
    of_oci(AMD64, ATTESTED_AMD64),
)
ONE_ENTRY = Pushed(
    "one-entry",
    OCI_INDEX,
    without_media_type(oci_index(descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64")))),
    of_oci(ARM64),
)
WINDOWS_LIST = Pushed(
    "windows-list",
    DOCKER_LIST,
    docker_list(
        descriptor(DOCKER_MANIFEST, DOCKER_AMD64, **platform("linux", "amd64")),
        descriptor(DOCKER_MANIFEST, OLD_WINDOWS, **platform("windows", "amd64", **{"os.version": WINDOWS_2019})),
        descriptor(DOCKER_MANIFEST, WINDOWS, **platform("windows", "amd64", **{"os.version": WINDOWS_2022})),
    ),
    of_docker(DOCKER_AMD64, OLD_WINDOWS, WINDOWS),
)
ARM_MIXED = Pushed(
    "arm-mixed",
    OCI_INDEX,
    oci_index(
        descriptor(DOCKER_MANIFEST, ARM_V6, **platform("linux", "arm", variant="v6")),
        descriptor(DOCKER_MANIFEST, ARM_V7, **platform("linux", "arm", variant="v7")),
        descriptor(OCI_MANIFEST, ARM64_V8, **platform("linux", "arm64", variant="v8")),
    ),
    [*of_docker(ARM_V6, ARM_V7), *of_oci(ARM64_V8)],
)
ARM64_TWICE = Pushed(
    "arm64-twice",
    OCI_INDEX,
    oci_index(
        descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64")),
        descriptor(OCI_MANIFEST, ARM64_V8, **platform("linux", "arm64", variant="v8")),
    ),
    of_oci(ARM64, ARM64_V8),
)
ARM64_SAME = Pushed(
    "arm64-same",
    OCI_INDEX,
    oci_index(
        descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64")),
        descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64", variant="v8")),
    ),
    of_oci(ARM64),
)
AMD64_TWICE = Pushed(
    "amd64-twice",
    OCI_INDEX,
    oci_index(
        descriptor(OCI_MANIFEST, AMD64, **platform("linux", "amd64")),
        descriptor(OCI_MANIFEST, SECOND, **platform("linux", "amd64")),
    ),
    of_oci(AMD64, SECOND),
)
INDEXES = (
    *(MULTI, LIST, ATTESTED, ATTESTED_SINGLE, ONE_ENTRY, WINDOWS_LIST),
    *(ARM_MIXED, ARM64_TWICE, ARM64_SAME, AMD64_TWICE),
)
IMAGES = (*SINGLE, *INDEXES)

EMPTY_INDEX = Pushed("empty-index", OCI_INDEX, oci_index())
EMPTY_LIST = Pushed("empty-list", DOCKER_LIST, docker_list())
ONLY_ATTESTATIONS = Pushed(
    "only-attestations", OCI_INDEX, oci_index(attestation(OCI_MANIFEST, ATTESTED_AMD64, AMD64)), of_oci(ATTESTED_AMD64)
)
NESTED = Pushed(
    "nested",
    OCI_INDEX,
    oci_index(
        descriptor(OCI_MANIFEST, AMD64, **platform("linux", "amd64")),
        descriptor(OCI_INDEX, MULTI.manifest, **platform("linux", "arm64")),
    ),
    [*of_oci(AMD64), *MULTI.children, (OCI_INDEX, MULTI.manifest)],
)
# https://helm.sh/docs/topics/registries/
CHART_TYPE = "application/vnd.cncf.helm.config.v1+json"
HELM_CHART = Pushed(
    "chart",
    OCI_MANIFEST,
    oci_image(
        NOTHING,
        config_type=CHART_TYPE,
        layers=[descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", CHART)],
    ),
)
# https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
ARTIFACT = Pushed(
    "artifact",
    OCI_MANIFEST,
    oci_image(NOTHING, config_type=EMPTY_TYPE, artifactType="application/vnd.example.policy.v1"),
)
NO_IMAGES = (EMPTY_INDEX, EMPTY_LIST, ONLY_ATTESTATIONS, NESTED, HELM_CHART, ARTIFACT)


def push_all(registry: DockerRegistry, images: Iterable[Pushed] = (*IMAGES, *NO_IMAGES)) -> None:
    """Push images into one repository, with all that they are made of."""
    for blob in (*CONFIGS, LAYER, PROVENANCE, CHART, NOTHING):
        registry.push_blob(REPOSITORY, blob)
    for image in images:
        for media_type, child in image.children:
            registry.push_manifest(REPOSITORY, child, media_type)
        registry.push_manifest(REPOSITORY, image.manifest, image.media_type, tag=image.tag)
