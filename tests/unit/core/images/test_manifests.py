from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.manifests import MAX_MANIFEST_BYTES, parse_index, read_manifest
from image_pinner.core.images.platforms import Platform

DIGEST = "sha256:" + "a" * 64


def index(*entries: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}).encode()


def entry(**more: Any) -> dict[str, Any]:
    return {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 7, **more}


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"", "is not valid JSON"),
        (b"\xff\xfe{\x00}\x00", "is not valid JSON"),
        (b"<html>Sign in</html>", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b"[]", "is not a JSON object"),
        (b'"manifests"', "is not a JSON object"),
        (b" " * (MAX_MANIFEST_BYTES + 1), "more than 4194304 bytes"),
        (b'{"manifests": [], "layers": []}', "as an index and as a single image"),
        (b'{"manifests": [], "config": {}}', "as an index and as a single image"),
    ],
)
def test_invalid_manifests_are_refused_with_a_reason(manifest: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        read_manifest(manifest)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"{}", "no list of manifests"),
        (b'{"manifests": {"a": 1}}', "no list of manifests"),
        (b'{"manifests": [7]}', "entry 1 of the index is not an object"),
        (index(entry(), entry(digest="sha512:" + "a" * 128)), "entry 2 of the index .*64 lower-case hexadecimal"),
        (index({"mediaType": OCI_MANIFEST}), "entry 1 of the index"),
        (index(entry(digest=["x"])), "entry 1 of the index"),
    ],
)
def test_an_invalid_index_entry_is_refused_by_its_number(manifest: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        parse_index(manifest)


@pytest.mark.parametrize(
    "odd",
    [
        {"platform": {"os": "unknown", "architecture": "unknown"}},
        {
            "platform": {"os": "linux", "architecture": "amd64"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        },
        {"artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"},
        {"mediaType": OCI_INDEX, "platform": {"os": "linux", "architecture": "amd64"}},
    ],
    ids=["provenance", "annotated attestation", "signature", "nested index"],
)
def test_attestations_and_artifacts_are_not_runnable(odd: dict[str, Any]) -> None:
    assert not parse_index(index(entry(**odd)))[0].runnable


@pytest.mark.parametrize(
    "platform",
    [
        7,
        {"os": "linux"},
        {"os": "unknown"},
        {"os": "unknown", "architecture": "unknown", "variant": " "},
        {"os": "unknown", "architecture": "unknown", "os.version": None},
        {"os": "linux", "architecture": ""},
        {"os": ["linux"], "architecture": "amd64"},
        {"os": "linux", "architecture": "amd64\n* forged line"},
        {"os": "linux", "architecture": "a" * 65},
        {"os": "linux", "architecture": "amd64", "variant": None},
    ],
)
def test_an_entry_with_an_invalid_platform_is_not_runnable(platform: Any) -> None:
    (read,) = parse_index(index(entry(platform=platform)))
    assert read.platform is None
    assert not read.runnable


@pytest.mark.parametrize("fields", [{}, {"platform": None}, {"platform": {}}])
def test_an_entry_without_a_platform_is_runnable(fields: dict[str, Any]) -> None:
    (read,) = parse_index(index(entry(**fields)))
    assert read.platform is None
    assert read.runnable


@pytest.mark.parametrize("unknown", [("unknown", "unknown"), ("Unknown", "UNKNOWN"), ("linux", "unknown")])
def test_an_entry_for_an_unknown_platform_is_not_runnable(unknown: tuple[str, str]) -> None:
    (read,) = parse_index(index(entry(platform={"os": unknown[0], "architecture": unknown[1]})))
    assert not read.runnable


def test_an_image_config_as_artifact_type_is_runnable() -> None:
    assert parse_index(index(entry(artifactType="application/vnd.oci.image.config.v1+json")))[0].runnable


def test_entries_keep_their_order_and_platforms() -> None:
    windows = {"os": "windows", "architecture": "amd64", "os.version": "10.0.20348.2113"}
    v7 = {"os": "linux", "architecture": "arm", "variant": "v7", "os.features": ["x"], "features": None}
    read = parse_index(index(entry(platform=windows), entry(platform=v7)))
    assert [item.platform for item in read] == [
        Platform("windows", "amd64", "", "10.0.20348.2113"),
        Platform("linux", "arm", "v7"),
    ]
    assert {item.media_type for item in read} == {OCI_MANIFEST}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["manifests", "digest", "platform", "os", "architecture", "mediaType", "annotations", "x"]
                ),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_any_index_is_parsed_or_refused(value: Any) -> None:
    for document in (value, {"manifests": value}, {"manifests": [value, {"digest": DIGEST, "platform": value}]}):
        try:
            entries = parse_index(json.dumps(document).encode())
        except SourceError as error:
            assert error.cause  # noqa: PT017 - either outcome is right, nothing else is
        else:
            assert all(str(item.digest).startswith("sha256:") for item in entries)
