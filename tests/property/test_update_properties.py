"""`update` and kept tags: what holds for every task definition."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.outcomes import Pinned
from image_pinner.pinning import PinResult
from image_pinner.settings import Settings
from property.template_strategies import REFERENCES, WORDS
from support.command import image_pinner
from support.sampling import examples
from support.templates import ExpectedDigests, pin, task

_DIGESTS = st.sampled_from(["", *(f"@sha256:{character * 64}" for character in "0123")])
_MARKERS = st.one_of(st.just(""), WORDS.map(lambda words: f"!PinDigest {words}"))
_TEMPLATES = st.lists(st.builds(lambda *parts: "".join(parts), _MARKERS, REFERENCES, _DIGESTS), min_size=1, max_size=5)


def texts(result: PinResult) -> list[str]:
    assert result.report.succeeded, result.report.problems
    return [outcome.text for outcome in result.report.outcomes if isinstance(outcome, Pinned)]


@examples(100)
@given(_TEMPLATES)
def test_a_kept_tag_changes_no_digest_and_pinning_again_changes_nothing(images: list[str]) -> None:
    template: dict[str, Any] = {"Resources": {"Web": task(*images)}}
    without, kept = pin(template), pin(template, settings=Settings(keep_tags=True))
    for plain, tagged, outcome in zip(texts(without), texts(kept), kept.report.outcomes, strict=True):
        repository, _, digest = plain.partition("@")
        assert tagged == f"{repository}:{outcome.site.reference.tag}@{digest}"
        marked = pin({"Resources": {"Web": task(f"!PinDigest {tagged}")}})
        assert texts(marked) == [plain]
    again = pin(kept.answer, {"Pin": "Marked"}, digests=ExpectedDigests())
    assert again.edits == ()


def update(template: Any) -> tuple[Any, str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "template.json"
        path.write_text(json.dumps(template), "utf-8")
        run = image_pinner("update", str(path))
        assert run.code == 0, run.err
        return json.loads(path.read_text("utf-8")), run.text


@examples(30)
@given(_TEMPLATES)
def test_updating_again_changes_nothing(images: list[str]) -> None:
    template = {"Resources": {"Web": task(*images)}}
    once, lines = update(template)
    assert update(once) == (once, "")
    written = once["Resources"]["Web"]["Properties"]["ContainerDefinitions"]
    # Only digests change, and every old one is replaced.
    for before, after in zip(images, written, strict=True):
        assert after["Image"].partition("@")[0] == before.partition("@")[0]
        assert ("@" in before) is (after["Image"] != before)
    assert len(lines.splitlines()) == sum("@" in image for image in images)


@examples(30)
@given(_TEMPLATES)
def test_images_that_were_just_pinned_are_up_to_date(images: list[str]) -> None:
    template = {"Resources": {"Web": task(*(image.partition("@")[0] for image in images))}}
    run = image_pinner("pin", "-", "--keep-tag", "--pin", "All", stdin=json.dumps(template).encode())
    assert run.code == 0, run.err
    assert image_pinner("update", "--check", "-", stdin=run.out).code == 0
