"""Pinning: what holds for every template."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from image_pinner.core.intrinsics.values import Unknown
from image_pinner.core.template.edits import InsertKey, Replace, apply_edits
from image_pinner.core.template.marker_search import count_markers, walked_sections
from image_pinner.pinning import PinResult
from image_pinner.settings import Settings
from property.template_strategies import BAD_IMAGES, FRAGMENTS, JSON_LIKE, shuffled, templates
from support.sampling import examples
from support.templates import ABSENT, EveryDigest, ExpectedDigests, pin, task

GONE = {"gone.example.com/app:1": ABSENT}
PARAMS = st.sampled_from([{}, {"Record": "Metadata"}, {"Record": "None"}, {"Platform": "linux/amd64"}])


class Refusing:
    """Resolves nothing."""

    def resolve_values(self, external_values: Any, _: Any) -> Any:
        return {lookup: Unknown("nobody knows it") for lookup in external_values}


def succeeded(template: Any, params: Any) -> PinResult:
    result = pin(template, params, digests=EveryDigest(GONE))
    assert result.report.succeeded, result.report.problems
    return result


@examples(150)
@given(templates(), PARAMS)
def test_no_marker_remains_and_only_the_planned_paths_change(template: dict[str, Any], params: dict[str, Any]) -> None:
    before = copy.deepcopy(template)
    result = succeeded(template, params)
    assert template == before
    assert count_markers(walked_sections(result.answer))[:3] == (0, 0, 0)
    assert result.answer["Parameters"] is template["Parameters"]
    assert apply_edits(template, result.edits) == result.answer
    replaced = {edit.path.steps for edit in result.edits if isinstance(edit, Replace)}
    inserted = {(*edit.path.steps, edit.key) for edit in result.edits if isinstance(edit, InsertKey)}
    changes, planned = _changes(template, result.answer, ()), replaced | inserted
    assert all(any(change[: len(path)] == path for path in planned) for change in changes)
    assert all(any(change[: len(path)] == path for change in changes) for path in planned)
    assert json.dumps(_without(result.answer, inserted, ())) == json.dumps(
        _replaced_back(template, result.answer, replaced, ())
    )


def _changes(old: Any, new: Any, steps: tuple[Any, ...]) -> set[tuple[Any, ...]]:
    """Return the paths of the outermost values that differ."""
    if isinstance(old, dict) and isinstance(new, dict) and set(old) <= set(new):
        found = {(*steps, key) for key in new if key not in old}
        return found.union(*(_changes(old[key], new[key], (*steps, key)) for key in old))
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return set().union(*(_changes(one, other, (*steps, number)) for number, (one, other) in pairs))
    return set() if old == new else {steps}


def _without(value: Any, inserted: set[tuple[Any, ...]], steps: tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if (*steps, key) not in inserted}
        return {key: _without(part, inserted, (*steps, key)) for key, part in kept.items()}
    if isinstance(value, list):
        return [_without(part, inserted, (*steps, number)) for number, part in enumerate(value)]
    return value


def _replaced_back(old: Any, new: Any, replaced: set[tuple[Any, ...]], steps: tuple[Any, ...]) -> Any:
    """Return the new value with the replaced parts restored: everything else must be identical."""
    if steps in replaced:
        return new
    if isinstance(old, dict):
        return {key: _replaced_back(part, new[key], replaced, (*steps, key)) for key, part in old.items()}
    if isinstance(old, list):
        return [_replaced_back(part, new[number], replaced, (*steps, number)) for number, part in enumerate(old)]
    return old


@examples(150)
@given(templates(), PARAMS)
def test_pinning_again_changes_nothing_and_makes_no_request(template: dict[str, Any], params: dict[str, Any]) -> None:
    once = succeeded(template, params)
    twice = pin(once.answer, params, digests=ExpectedDigests())
    assert twice.report.succeeded
    assert twice.edits == ()
    assert json.dumps(twice.answer) == json.dumps(once.answer)


@examples(150)
@given(templates(), PARAMS, st.integers(0, 9))
def test_the_order_of_keys_makes_no_difference(template: dict[str, Any], params: dict[str, Any], seed: int) -> None:
    one, other = succeeded(template, params), succeeded(shuffled(template, seed), params)
    assert one.answer == other.answer
    assert json.dumps(one.report.to_json()) == json.dumps(other.report.to_json())
    assert json.dumps(one.answer) == json.dumps(succeeded(template, params).answer)


@examples(150)
@given(templates(), st.lists(BAD_IMAGES, min_size=1, max_size=4))
def test_one_bad_image_changes_nothing_and_every_bad_one_is_listed(template: dict[str, Any], bad: list[Any]) -> None:
    for number, image in enumerate(bad):
        template["Resources"][f"Bad{number}"] = task(image)
    before = json.dumps(template)
    result = pin(template, digests=EveryDigest(GONE))
    assert not result.report.succeeded
    assert result.edits == ()
    assert json.dumps(result.answer) == json.dumps(template) == before
    reported = {problem.path.steps[1] for problem in result.report.problems}
    assert reported == {f"Bad{number}" for number in range(len(bad))}
    assert all(problem.cause and problem.help for problem in result.report.problems)


@examples(150)
@given(templates())
def test_pin_all_pins_every_image_or_reports_why_not(template: dict[str, Any]) -> None:
    result = pin(template, {"Pin": "All"}, digests=EveryDigest())
    if result.report.succeeded:
        assert count_markers(walked_sections(result.answer))[:3] == (0, 0, 0)
        assert not [image for image in result.report.skipped if image.status == "unmarked"]
    else:
        assert json.dumps(result.answer) == json.dumps(template)


@examples(600)
@given(
    FRAGMENTS,
    st.dictionaries(st.sampled_from(["Pin", "Image", "Platform", "Lock", "x"]), JSON_LIKE, max_size=2),
    st.dictionaries(st.text(max_size=3), JSON_LIKE, max_size=2),
)
@example({"Fn::ForEach::X": ["a", ["b"], {"Type": "x"}]}, {}, {})
def test_no_fragment_and_no_parameters_end_in_an_exception(fragment: Any, params: Any, values: Any) -> None:
    if "Image" in fragment and "Image" in params and not isinstance(fragment.get("Resources"), dict):
        params = {}
    before = copy.deepcopy(fragment)
    for settings_ in (Settings(), Settings(image_paths=("$..Image", "$.Resources.*.Properties.*"))):
        result = pin(fragment, params, values=values, settings=settings_, external_values=Refusing())
        assert fragment == before
        json.dumps(result.report.to_json())
        if result.report.succeeded:
            twice = pin(result.answer, {}, digests=ExpectedDigests()) if isinstance(result.answer, dict) else None
            assert twice is None or not twice.edits
        else:
            assert result.answer == before
