"""The text of lock files: what is rejected, without repeating what is in the file, and what is written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.references import Digest
from image_pinner.core.lock import LockEntry, LockFile, LockKey
from image_pinner.core.lock_text import MAX_LOCK_BYTES, MAX_REGISTRIES, parse_lock, parse_mapping, render_lock
from support.images import digest_of
from support.locks import DIGEST, HELD, NGINX, entry, lock_data
from support.project import ROOT

TODAY = "2026-02-01"
SCHEMA = json.loads((ROOT / "docs" / "lock-v1.schema.json").read_text("utf-8"))


def refused(data: bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_lock(data, "ssm:/images", TODAY)
    assert caught.value.help
    return caught.value.cause


@pytest.mark.parametrize(
    "data",
    [
        b"hunter2",
        b"hunter2: {",
        b'"hunter2"',
        b'["hunter2"]',
        b'{"password": "hunter2"}',
        b'{"version": 1, "hunter2": []}',
        b'{"version": "hunter2", "images": []}',
        b'{"version": 1, "images": {"hunter2": 1}}',
        b'{"hunter2": 1, "hunter2": 2}',
        b"\xff\xfe hunter2",
        b"[" * 100_000 + b"hunter2",
        lock_data(hunter2="hunter2"),
        lock_data("hunter2"),
        lock_data({"hunter2": "hunter2"}),
        lock_data(entry("hunter2")),
        *(
            lock_data(entry(**{field: "hunter2 "}))
            for field in ("digest", "index", "media_type", "platform", "resolved_at", "source", "until", "hold")
        ),
        lock_data(entry(hunter2="hunter2")),
        lock_data(map={"hunter2": "hunter2"}),
        lock_data(map={"dev.example.com": "hunter2"}),
    ],
)
def test_the_content_of_another_file_is_never_repeated(data: bytes) -> None:
    assert "hunter2" not in refused(data)


def test_a_file_that_is_not_json_is_refused_with_its_line() -> None:
    assert refused(b'{\n"version": 1,\n"images": [}') == "ssm:/images is not a lock file: line 3 is not valid JSON"


@pytest.mark.parametrize("version", [2, "1", True, None])
def test_another_version_is_refused(version: Any) -> None:
    assert refused(lock_data(version=version)) == "ssm:/images does not have version 1 of lock files"


def test_a_file_above_the_limit_is_refused_before_it_is_parsed() -> None:
    assert "has 4,194,305 bytes" in refused(b"[" * (MAX_LOCK_BYTES + 1))


WRONG_ENTRIES = [
    ({"image": "nginx:1.27"}, "image is not valid"),
    ({"image": "nginx"}, "image is not valid"),
    ({"image": "docker.io/library/nginx"}, "image is not valid"),
    ({"image": f"{NGINX}@{DIGEST}"}, "image is not valid"),
    ({"image": 1}, "image is not valid"),
    ({"digest": None}, "has no digest"),
    ({"digest": DIGEST.upper()}, "digest is not valid"),
    ({"digest": DIGEST[:-1]}, "digest is not valid"),
    ({"index": "sha512:0"}, "index is not valid"),
    ({"media_type": None}, "has no media_type"),
    ({"media_type": "index"}, "media_type is not valid"),
    ({"platform": "linux"}, "platform is not valid"),
    ({"platform": ""}, "platform is not valid"),
    ({"platform": "windows/amd64 (10.0) x"}, "platform is not valid"),
    ({"single_platform": "true"}, "single_platform is not valid"),
    ({"resolved_at": "2026-01-31"}, "resolved_at is not valid"),
    ({"resolved_at": "2026-01-31T25:00:00Z"}, "resolved_at is not valid"),
    ({"resolved_at": "2026-01-31T12:00:00+01:00"}, "resolved_at is not valid"),
    ({"source": ""}, "source is not valid"),
    ({"hold": 1}, "hold is not valid"),
    ({"hold": True}, "has a hold without reason"),
    ({"hold": True, "reason": "broken"}, "has a hold without until"),
    ({**HELD, "hold": False}, "reason without a hold"),
    ({**HELD, "hold": None}, "reason without a hold"),
    ({**HELD, "until": "2026-3-1"}, "until is not valid"),
    ({**HELD, "reason": ""}, "reason is not valid"),
    ({"tag": "1.27"}, "has 1 unknown key"),
]


@pytest.mark.parametrize(("fields", "cause"), WRONG_ENTRIES)
def test_a_wrong_entry_is_refused_by_its_number(fields: dict[str, Any], cause: str) -> None:
    data = lock_data(entry("docker.io/library/redis:7"), entry(**fields))

    assert refused(data).startswith("ssm:/images, entry 2")
    assert cause in refused(data)


@pytest.mark.parametrize("fields", [fields for fields, _ in WRONG_ENTRIES])
def test_the_schema_refuses_it_too(fields: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(lock_data(entry(**fields))), SCHEMA)


@pytest.mark.parametrize("character", ["\n", "\x1b", "\x9b", "\u2028", "\u202e", "\u2066", "\ud800"])
def test_a_reason_that_a_terminal_or_a_file_cannot_show_is_refused(character: str) -> None:
    assert "reason is not valid" in refused(lock_data(entry(**{**HELD, "reason": f"broken{character}[31m"})))


def test_a_duplicate_entry_is_refused_by_name() -> None:
    cause = refused(lock_data(entry(platform="linux/arm64"), entry(platform="linux/arm64")))
    assert cause == f"ssm:/images, entry 2: duplicate entry for {NGINX} for linux/arm64"


@pytest.mark.parametrize("section", [{"version": 1}, {"images": []}])
def test_a_missing_section_is_refused(section: dict[str, Any]) -> None:
    assert refused(json.dumps(section).encode()).startswith("ssm:/images ")


@pytest.mark.parametrize(
    "registries",
    [
        [],
        {"team": "prod.example.com"},
        {"dev.example.com": ""},
        {"dev.example.com": "prod.example.com/"},
        {"dev.example.com": "https://prod.example.com"},
        {"dev.example.com": 1},
        {f"r{number}.example.com": "prod.example.com" for number in range(MAX_REGISTRIES + 1)},
    ],
)
def test_a_wrong_mapping_is_refused_by_parser_and_schema(registries: Any) -> None:
    assert "map" in refused(lock_data(map=registries))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": 1, "images": [], "map": registries}, SCHEMA)


@pytest.mark.parametrize("text", ["dev.example.com", "=prod.example.com", "dev=prod", "dev.example.com=prod:tag/a"])
def test_a_mapping_of_the_command_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"SOURCE=TARGET|is not a registry"):
        parse_mapping(text)


@pytest.mark.parametrize("source", ["docker.io", "docker.io/library", "localhost:5000", "dev.example.com/team/a"])
def test_a_mapping_has_registries_with_optional_paths(source: str) -> None:
    assert parse_mapping(f"{source}=prod.example.com") == (source, "prod.example.com")


def test_an_entry_is_parsed_with_all_its_fields() -> None:
    fields = {"platform": "linux/arm64", "single_platform": True, "index": str(digest_of("a")), **HELD}

    lock = parse_lock(lock_data(entry(**fields), map={"dev.example.com": "prod.example.com/team"}), "here", TODAY)

    key = LockKey(NGINX, "linux/arm64", single_platform=True)
    assert lock.entries == {
        key: LockEntry(
            key,
            Digest(DIGEST),
            "application/vnd.oci.image.index.v1+json",
            "2026-01-31T12:00:00Z",
            "registry",
            digest_of("a"),
            hold=True,
            reason="1.28 loses sessions",
            until="2026-03-31",
        )
    }
    assert (lock.registries, lock.location, lock.today) == (
        {"dev.example.com": "prod.example.com/team"},
        "here",
        TODAY,
    )


def test_the_text_has_a_stable_order_and_a_field_on_each_line() -> None:
    data = lock_data(entry("docker.io/library/redis:7"), entry(platform="linux/arm64"), entry())
    text = render_lock(parse_lock(data, "here", TODAY))

    assert [line for line in text.splitlines() if '"image"' in line or "platform" in line] == [
        '      "image": "docker.io/library/nginx:1.27",',
        '      "image": "docker.io/library/nginx:1.27",',
        '      "platform": "linux/arm64",',
        '      "image": "docker.io/library/redis:7",',
    ]
    assert text.endswith("}\n")
    jsonschema.validate(json.loads(text), SCHEMA)


def test_the_compact_text_has_the_same_content() -> None:
    lock = parse_lock(lock_data(entry(**HELD)), "here", TODAY)
    text = render_lock(lock, compact=True)
    assert "\n" not in text
    assert parse_lock(text.encode(), "here", TODAY) == lock


def merged(folder: Path, *versions: LockFile) -> tuple[int, bytes]:
    """Return the exit code and the result of `git merge-file` for ours, base and theirs."""
    names = []
    for number, version in enumerate(versions):
        (folder / f"{number}.json").write_text(render_lock(version))
        names.append(f"{number}.json")
    run = subprocess.run(
        ["git", "merge-file", "--stdout", *names], cwd=folder, capture_output=True, check=False, timeout=60
    )
    return run.returncode, run.stdout


def test_git_merges_two_new_entries_that_are_not_next_to_each_other(tmp_path: Path) -> None:
    def with_images(*names: str) -> LockFile:
        return parse_lock(lock_data(*(entry(f"docker.io/library/{name}:1") for name in names)), "here", TODAY)

    ours, base, theirs = with_images("a", "b", "d", "f"), with_images("b", "d", "f"), with_images("b", "d", "e", "f")
    code, text = merged(tmp_path, ours, base, theirs)

    assert code == 0
    assert parse_lock(text, "here", TODAY) == with_images("a", "b", "d", "e", "f")
