"""Lock files: what is rendered is parsed again, and its schema accepts it."""

from __future__ import annotations

import json

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.images.references import Digest
from image_pinner.core.lock import LockEntry, LockFile, LockKey
from image_pinner.core.lock_text import parse_lock, render_lock
from support.project import ROOT
from support.sampling import examples

SCHEMA = json.loads((ROOT / "docs" / "lock-v1.schema.json").read_text("utf-8"))
_NAMES = st.from_regex(r"[a-z0-9]{1,5}(?:[._-][a-z0-9]{1,5})?", fullmatch=True)
_HOSTS = st.sampled_from(["docker.io/library", "dev.example.com", "localhost:5000", "dev.example.com/team/a"])
_DIGESTS = st.binary(max_size=2).map(Digest.of)
_KEYS = st.builds(
    LockKey,
    st.builds("{}/{}:{}".format, _HOSTS, _NAMES, st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True)),
    st.sampled_from(["", "linux/amd64", "linux/arm/v7", "windows/amd64 (10.0.17763)"]),
    st.booleans(),
)
_DAYS = st.dates().map(str)
_TIMES = st.builds("{}T{}Z".format, _DAYS, st.times().map(lambda time: f"{time:%H:%M:%S}"))
_REASONS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40).filter(
    str.strip
)


@st.composite
def locks(draw: st.DrawFn) -> LockFile:
    """Generate lock files."""
    entries = {}
    for key in draw(st.sets(_KEYS, max_size=5)):
        hold = draw(st.none() | st.tuples(_REASONS, _DAYS))
        entries[key] = LockEntry(
            key,
            draw(_DIGESTS),
            "application/vnd.oci.image.index.v1+json",
            draw(_TIMES),
            draw(st.sampled_from(["ecr", "registry"])),
            draw(st.none() | _DIGESTS),
            hold is not None,
            *(hold or ()),
        )
    return LockFile(entries, draw(st.dictionaries(_HOSTS, _HOSTS, max_size=2)), "here", draw(_DAYS))


@examples(200)
@given(locks(), st.booleans())
def test_rendered_lock_files_are_parsed_again(lock: LockFile, compact: bool) -> None:  # noqa: FBT001 - hypothesis
    text = render_lock(lock, compact=compact)
    assert parse_lock(text.encode(), lock.location, lock.today) == lock
    assert render_lock(parse_lock(text.encode(), "", ""), compact=compact) == text
    jsonschema.validate(json.loads(text), SCHEMA)
