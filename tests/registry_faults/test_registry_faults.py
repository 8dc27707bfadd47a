"""Every fault of a registry, with the real command: what happens to the template, and what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry_faults.behaviours import (
    LIE,
    RIGHT,
    answers,
)
from registry_faults.document import UPDATING, headings, row, rows, update
from registry_faults.faults import FAULTS, Fault, Outcome
from registry_faults.running import PATH, Ran, as_a_program, run
from registry_faults.scene import CANARY, PASSWORD, Scene, Staged
from support.registries import Raw, hang

ALL = [fault for faults in FAULTS.values() for fault in faults]
MARGIN = 5.0  # seconds beyond its own limit that a run may take on a busy machine
GOOD_PATH = "Resources.Good.Properties.ContainerDefinitions[0].Image"


def cases(outcome: Outcome) -> list[object]:
    """Return the faults with an outcome, over each scheme."""
    return [
        pytest.param(fault, scheme, id=f"{fault.name}, {scheme}")
        for fault in ALL
        for scheme in fault.over
        if fault.outcome is outcome
    ]


QUICK = [pytest.param(fault, id=fault.name) for fault in ALL if fault.quick]


def assert_bounded_and_discreet(ran: Ran) -> None:
    """What holds for every run, however it ends."""
    assert ran.seconds < ran.budget + MARGIN
    printed = ran.err + ran.out + json.dumps(ran.report)
    for secret in (CANARY, PASSWORD.basic().removeprefix("Basic ")):
        assert secret not in printed
    assert [server.connections for server in ran.staged.untouched] == [0] * len(ran.staged.untouched)
    ran.staged.check()


def assert_nothing_done(ran: Ran) -> None:
    """The run failed, with its exit code and message, and changed nothing."""
    assert (ran.code, ran.out) == (3, "")
    assert ran.after == ran.before
    error, help_, summary = ran.err.splitlines()
    assert error.startswith("error: ")
    assert "template.yaml:" in error
    assert help_.startswith("help: ")
    assert summary == "Found 1 problem. No template was written."


def assert_reported(ran: Ran) -> None:
    """The one problem has property path, image, host and help, and does not mention the good image."""
    problem, host = ran.problem, ran.staged.image.partition("/")[0]
    assert (problem["path"], problem["kind"]) == (PATH, "lookup")
    assert ran.staged.image in problem["image"]
    assert ran.line.endswith(f"{problem['cause']}; help: {problem['help']}")
    assert ran.staged.image in ran.line
    assert host in ran.line
    assert problem["help"]
    states = {entry["path"]: entry["status"] for entry in ran.report["images"]}
    assert states == {GOOD_PATH: "would be pinned", PATH: "failed"}


def pins(ran: Ran, text: str) -> list[str]:
    """Return the digests in a text that replace the markers of the faulty and the good image."""
    assert "!PinDigest" not in text
    assert text.startswith("# A comment that stays.\n")
    repository = ran.staged.image.removesuffix(":1")
    digest = text.partition(f"'{repository}@")[2].partition("'")[0]
    good = text.partition(f'"{ran.good}/team/good@')[2].partition('"')[0]
    return [digest, good[: len("sha256:")]]


def assert_pinned(ran: Ran, fault: Fault, text: str) -> None:
    digest = LIE if fault.outcome is Outcome.TRUSTED else RIGHT
    assert (ran.code, ran.err) == (0, "Pinned 2 images (0 skipped).\n")
    assert pins(ran, text) == [digest, "sha256:"]


def assert_documented(ran: Ran, fault: Fault) -> None:
    found = row(fault, ran)
    if UPDATING:
        update(fault, found)
    assert rows().get(fault.name) == found, "docs/registry-faults.md is out of date: run make golden"


@pytest.mark.parametrize(("fault", "scheme"), cases(Outcome.REFUSED))
def test_nothing_is_rewritten_and_the_cause_is_reported(fault: Fault, scheme: str, tmp_path: Path) -> None:
    ran = run(fault, scheme, tmp_path)
    assert_nothing_done(ran)
    assert_reported(ran)
    assert_bounded_and_discreet(ran)
    assert_documented(ran, fault)


@pytest.mark.parametrize(("fault", "scheme"), cases(Outcome.RIGHT))
def test_a_temporary_fault_ends_in_the_right_digest(fault: Fault, scheme: str, tmp_path: Path) -> None:
    ran = run(fault, scheme, tmp_path)
    assert_pinned(ran, fault, ran.after)
    assert ran.out == ""
    assert_bounded_and_discreet(ran)
    assert_documented(ran, fault)


@pytest.mark.parametrize(("fault", "scheme"), cases(Outcome.TRUSTED))
def test_the_header_is_trusted_if_pulls_are_counted_and_the_report_shows_it(
    fault: Fault, scheme: str, tmp_path: Path
) -> None:
    ran = run(fault, scheme, tmp_path)
    assert_pinned(ran, fault, ran.after)
    (requested,) = (entry["request"] for entry in ran.report["images"] if entry["path"] == PATH)
    assert requested == f"HEAD {scheme}://{ran.staged.image.removesuffix('/team/app:1')}/v2/team/app/manifests/1"
    assert_bounded_and_discreet(ran)
    assert_documented(ran, fault)


@pytest.mark.parametrize("fault", QUICK)
def test_the_output_is_a_whole_template_or_nothing(fault: Fault, tmp_path: Path) -> None:
    ran = run(fault, fault.over[0], tmp_path, in_place=False)
    assert_bounded_and_discreet(ran)
    if fault.outcome is Outcome.REFUSED:
        assert_nothing_done(ran)
    else:
        assert_pinned(ran, fault, ran.out)
        assert ran.after == ran.before


def test_a_program_blocked_on_a_registry_ends_with_the_time_of_the_run(tmp_path: Path) -> None:
    def play(scene: Scene) -> Staged:
        scene.settings["TIMEOUT"] = "3"
        return answers(Raw(hang))(scene)

    ran = run(Fault("never answers", "reads the request", play), "http", tmp_path, command=as_a_program)
    assert_nothing_done(ran)
    assert_reported(ran)
    assert_bounded_and_discreet(ran)


def test_every_fault_has_a_name_of_its_own_and_its_row_in_the_document() -> None:
    assert list(rows()) == [fault.name for fault in ALL]
    assert headings() == list(FAULTS)
    assert len({fault.name for fault in ALL}) == len(ALL)
