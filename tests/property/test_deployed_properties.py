"""Keeping deployed images: what holds for every template."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.deployed import ALL_STATE, DeployedState, NotKnown
from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.images.references import Digest
from image_pinner.core.outcomes import Pinned
from image_pinner.pinning import PinResult
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline
from property.template_strategies import templates
from support.sampling import examples
from support.templates import FakeDeployments, deployed, pin, resolution_of

ALLOWED = Settings(state_scope=ALL_STATE)
MOVED = Digest(f"sha256:{'e' * 64}")
CLAIMS = st.sampled_from([{"StackName": "x"}, {"StackName": "shop"}, {"Service": "shop/web"}, {"Family": "web"}])
RECORDS = st.sampled_from([{}, {"Record": "Metadata"}, {"Record": "None"}])


@dataclass
class MovedTags:
    """Every tag points to another digest than before, and every digest exists; records the lookups."""

    lookups: list[str] = field(default_factory=list)

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        assert deadline.remaining() > 0
        self.lookups += [str(lookup.reference) for lookup in lookups]
        return {
            lookup: resolution_of(lookup)
            if lookup.reference.digest
            else resolution_of(lookup)._replace(digest=MOVED, origin=replace(resolution_of(lookup).origin, index=None))
            for lookup in lookups
        }


def outside_of_loops(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template without the loop, whose resources have no logical ID yet."""
    resources = {name: value for name, value in template["Resources"].items() if not name.startswith("Fn::")}
    return {**template, "Resources": resources}


def pinned_images(result: PinResult) -> list[Pinned]:
    return [outcome for outcome in result.report.outcomes if isinstance(outcome, Pinned)]


def states_of(result: PinResult) -> dict[str, DeployedState]:
    """Return what is deployed after a result was deployed."""
    return {
        str(outcome.site.path): deployed(outcome.text, outcome.recorded)
        for outcome in pinned_images(result)
        if outcome.site.reference.digest is None
    }


@pytest.mark.parametrize("refresh", ["OnChange", "Never"])
@examples(100)
@given(template=templates(), claim=CLAIMS, record=RECORDS)
def test_keeping_what_is_deployed_changes_no_byte_and_checks_only_its_existence(
    refresh: str, template: dict[str, Any], claim: dict[str, str], record: dict[str, str]
) -> None:
    template, params = outside_of_loops(template), claim | record
    first = pin(template, params | {"Refresh": "Always"}, settings=ALLOWED)
    assert first.report.succeeded, first.report.problems
    states, digests = states_of(first), MovedTags()
    deployments = FakeDeployments(states)
    again = pin(template, params | {"Refresh": refresh}, settings=ALLOWED, digests=digests, deployed=deployments)
    assert again.report.succeeded, again.report.problems
    assert json.dumps(again.answer) == json.dumps(first.answer)
    assert again.edits == first.edits
    assert len(deployments.lookups) == len(states)
    # A tag is looked up only where the template sets its digest too, to compare the two.
    written = {
        str(outcome.site.reference.without_digest().canonical())
        for outcome in pinned_images(first)
        if outcome.site.reference.digest and outcome.site.reference.tag
    }
    kept = {str(state.image.canonical()) for state in states.values() if not isinstance(state, NotKnown)}  # type: ignore[union-attr]
    assert sorted(digests.lookups) == sorted(written | kept)


@examples(100)
@given(template=templates(), claim=CLAIMS, data=st.data())
def test_one_image_that_is_not_known_changes_nothing(
    template: dict[str, Any], claim: dict[str, str], data: st.DataObject
) -> None:
    template = outside_of_loops(template)
    states = states_of(pin(template, claim, settings=ALLOWED))
    if not states:
        return
    path = data.draw(st.sampled_from(sorted(states)))
    deployments = FakeDeployments(states | {path: NotKnown("it is denied", "allow it")})
    result = pin(template, claim | {"Refresh": "Never"}, settings=ALLOWED, deployed=deployments)
    assert [(str(problem.path), problem.cause) for problem in result.report.problems] == [(path, "it is denied")]
    assert json.dumps(result.answer) == json.dumps(template)


@examples(100)
@given(template=templates(), claim=CLAIMS)
def test_a_denied_template_makes_no_lookup_of_what_is_deployed(template: dict[str, Any], claim: dict[str, str]) -> None:
    deployments = FakeDeployments()
    result = pin(template, claim | {"Refresh": "Never"}, deployed=deployments)
    assert deployments.lookups == []
    needed = [image for image in pinned_images(pin(template, claim)) if image.site.reference.digest is None]
    assert len(result.report.failed) == len(result.report.problems) == len(needed)
