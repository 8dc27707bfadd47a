"""Rules that every source of deployed images keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.deployed_sources_under_test import SOURCES, Image, OpenSource
from image_pinner.core.deployed import Deployed, NotDeployed, NotKnown
from image_pinner.core.template.options import Refresh
from image_pinner.sources.interface import Deadline
from support.deployed_images import FIRST, SECOND, THIRD, deployed_lookup

NAME = "registry.example.com/team/app"
DEPLOYED = {"web": Image(f"{NAME}@{FIRST}", f"{NAME}:1"), "side": Image(f"nginx@{SECOND}", "nginx:1.27")}
WEB, SIDE, NEW = (deployed_lookup(name, services=("Web",)) for name in ("web", "side", "new"))
ON_CHANGE = WEB._replace(refresh=Refresh.ON_CHANGE)
OTHER = deployed_lookup(resource="Other")
EVERY = (WEB, SIDE, NEW, ON_CHANGE, OTHER)


@pytest.fixture(params=SOURCES)
def opened(request: pytest.FixtureRequest) -> Iterator[OpenSource]:
    with SOURCES[request.param](DEPLOYED) as opened:
        yield opened


def test_failure_is_a_result_for_every_lookup(opened: OpenSource) -> None:
    opened.deny()
    states = opened.source.read_deployed(EVERY, Deadline.after(20))
    assert set(states) == set(EVERY)
    assert all(isinstance(state, NotKnown) and "denied" in state.cause and state.help for state in states.values())


def test_what_is_not_read_by_the_deadline_is_not_known(opened: OpenSource) -> None:
    states = opened.source.read_deployed(EVERY, Deadline.after(0))
    assert set(states) == set(EVERY)
    assert all(isinstance(state, NotKnown) and state.help for state in states.values())


def test_new_container_and_new_resource_are_not_deployed(opened: OpenSource) -> None:
    states = opened.source.read_deployed([NEW, OTHER], Deadline.after(20))
    assert [type(states[lookup]) for lookup in (NEW, OTHER)] == [NotDeployed, NotDeployed]


def test_deployed_image_is_as_written_in_the_template_and_has_its_record(opened: OpenSource) -> None:
    states = opened.source.read_deployed([WEB, SIDE], Deadline.after(20))
    found = [state for state in states.values() if isinstance(state, Deployed)]
    assert [(str(state.image), state.written) for state in found] == list(DEPLOYED.values())
    assert all(state.origin for state in found)


def test_never_is_for_what_runs_and_on_change_for_what_the_stack_deployed(opened: OpenSource) -> None:
    opened.update({"web": Image(f"{NAME}@{THIRD}", f"{NAME}:2")})
    states = opened.source.read_deployed([WEB, ON_CHANGE], Deadline.after(20))
    found = [state for state in states.values() if isinstance(state, Deployed)]
    assert [(str(state.image), state.written) for state in found] == [(f"{NAME}@{THIRD}", f"{NAME}:2"), DEPLOYED["web"]]


def test_results_do_not_depend_on_the_order_of_lookups(opened: OpenSource) -> None:
    first = opened.source.read_deployed(EVERY, Deadline.after(20))
    again = opened.source.read_deployed(EVERY[::-1], Deadline.after(20))
    assert first == again
    assert opened.source.read_deployed([], Deadline.after(20)) == {}
