"""Pin real templates: all images or none, no other byte, and the same bytes every time."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from corpus.corpus_pins import VALUES, pin_tree, pinned, pinned_in_memory, run_pin
from corpus.yaml_spans import changed_only_in, spans_of
from image_pinner.cli.documents import read_source
from image_pinner.core.outcomes import Pinned
from image_pinner.core.template.paths import value_at
from support.corpus import (
    CORPUS,
    GENERATED,
    differences,
    document,
    generated_values,
    names,
    sampled_names,
    tree,
)
from support.sampling import ALL_TESTS

pytestmark = pytest.mark.corpus

RECORD_KEY = "image-pinner.source"


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("name", sampled_names())
def test_all_images_are_pinned_or_none_and_each_other_image_has_a_reason(name: str, values: str) -> None:
    run, report = pinned(name, values), pinned_in_memory(name, values).report

    images = report.to_json()["images"]
    for image in images:
        assert image["status"] in {"pinned", "would be pinned"} or image["reason"], image
    for problem in report.problems:
        assert problem.cause
        # A cause that several images share is printed once, with their positions.
        assert str(problem.path) in run.err
        assert problem.cause in run.err
    statuses = {image["status"] for image in images}
    if report.problems:
        assert run.code in {1, 3, 4}
        assert run.out == b""
        assert "pinned" not in statuses
    else:
        assert run.code == 0
        assert "would be pinned" not in statuses
    not_pinned = {"managed", "other form", "unsupported", "empty", "not deployed"}
    assert statuses <= {"pinned", "would be pinned", "already pinned", *not_pinned}


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("name", sampled_names())
def test_only_images_and_their_records_change_in_the_content(name: str, values: str) -> None:
    run, report = pinned(name, values), pinned_in_memory(name, values).report
    if run.code:
        assert run.out == b""
        return
    after = read_source(run.out, name).tree

    changed = set(differences(tree(name), after))

    for outcome in report.outcomes:
        assert isinstance(outcome, Pinned)
        assert value_at(after, outcome.site.path.steps) == outcome.text
        changed.discard(outcome.site.path.steps)
    for steps in changed:
        assert {"DockerLabels", "Metadata", RECORD_KEY} & set(steps[-2:]), steps


@pytest.mark.parametrize("name", sampled_names())
def test_no_byte_outside_of_images_changes(name: str) -> None:
    # Without a record, only images change.
    run, report = pinned(name, GENERATED, "None"), pinned_in_memory(name, GENERATED).report
    if run.code:
        assert run.out == b""
        return
    before = (CORPUS / name).read_bytes()
    codec = document(name).encoding.codec
    text = before.decode(codec)

    spans = spans_of(text, [outcome.site.path.steps for outcome in report.outcomes])

    assert changed_only_in(text, run.out.decode(codec), spans)


@pytest.mark.parametrize("name", sampled_names())
def test_pinning_a_pinned_template_changes_no_byte(name: str) -> None:
    once = pinned(name, GENERATED)
    if once.code:
        assert once.out == b""
        return

    again = run_pin("-", once.out, generated_values(name))

    assert (again.code, again.out) == (0, once.out)


@pytest.mark.parametrize("name", sampled_names())
def test_a_repeated_run_writes_the_same_bytes(name: str) -> None:
    assert run_pin(str(CORPUS / name), b"", generated_values(name)) == pinned(name, GENERATED)


def shuffled(value: Any, generator: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        generator.shuffle(keys)
        return {key: shuffled(value[key], generator) for key in keys}
    return [shuffled(item, generator) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", sampled_names())
def test_the_order_of_keys_changes_neither_the_template_nor_the_report(name: str) -> None:
    first = pinned_in_memory(name, GENERATED)

    second = pin_tree(shuffled(tree(name), random.Random(name)), generated_values(name))

    assert second.answer == first.answer
    assert json.dumps(second.report.to_json()) == json.dumps(first.report.to_json())


@pytest.mark.skipif(not ALL_TESTS, reason="only `make test-all` pins the whole corpus")
def test_most_of_the_corpus_is_pinned() -> None:
    # A change that rejects everything must not pass.
    with_defaults = [pinned_in_memory(name, "defaults").report for name in names()]
    with_values = [pinned_in_memory(name, GENERATED).report for name in names()]

    assert sum(report.succeeded for report in with_defaults) >= 230
    assert sum(report.succeeded for report in with_values) >= 330
    assert sum(len(report.outcomes) for report in with_values if report.succeeded) >= 550
