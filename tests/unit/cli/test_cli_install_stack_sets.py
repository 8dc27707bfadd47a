"""`uninstall` and `status` of stack sets as they are typed: bad input, exit codes, and what goes where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_pinner import __version__
from unit.cli.deployment.answering_clients import Refusal
from unit.cli.deployment.fake_stack_sets import FakeOrganization, FakeStackSets
from unit.cli.deployment.installations import REGION, Scene
from unit.cli.install_runs import package, run

ACCOUNT = "222233334444"
SET = ("--stack-set", "pinner")


@pytest.fixture
def aws() -> Scene:
    return Scene()


@pytest.fixture
def sets(aws: Scene) -> FakeStackSets:
    sets = FakeStackSets()
    sets.results = {(ACCOUNT, REGION): ("SUCCEEDED", "")}
    aws.answers |= {"organizations": FakeOrganization().answer, "cloudformation": sets.answer}
    return sets


@pytest.fixture
def installed(aws: Scene, sets: FakeStackSets, tmp_path: Path) -> FakeStackSets:
    ended = run(aws, "install", "--yes", "--package", package(tmp_path), *SET, "--organizational-units", "ou-1")
    assert ended.code == 0
    assert sets.stack_set is not None
    sets.stack_set["Status"] = "ACTIVE"
    sets.asked.clear()
    return sets


@pytest.mark.parametrize("verb", [("uninstall", "--yes"), ("status",)])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*SET, "--stack-name", "x"), "--stack-name is for one stack"),
        ((*SET, "--region", "eu-west-1", "--region", "us-east-1"), "a stack set is kept in one region"),
        (("--stack-set", ""), "--stack-set has no name"),
    ],
)
def test_options_that_speak_of_a_part_are_refused_before_aws_is_asked(
    aws: Scene, sets: FakeStackSets, verb: tuple[str, ...], arguments: tuple[str, ...], words: str
) -> None:
    ended = run(aws, *verb, *arguments)
    assert (ended.code, ended.out) == (2, b"")
    assert words in ended.err
    assert sets.asked == []


def test_nothing_is_begun_where_nobody_can_answer(aws: Scene, sets: FakeStackSets) -> None:
    ended = run(aws, "uninstall", *SET, "--even-if-used")
    assert ended.code == 2
    assert "nobody can be asked here whether to go on" in ended.err
    assert sets.asked == []


def test_a_stack_set_that_is_not_there_is_a_finding_of_status_and_wrong_use_of_uninstall(
    aws: Scene, sets: FakeStackSets
) -> None:
    del sets
    ended = run(aws, "status", *SET)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith(f"{REGION}: no stack set pinner".encode())
    ended = run(aws, "uninstall", "--yes", *SET)
    assert (ended.code, ended.out) == (2, b"")
    assert f"there is no stack set pinner in {REGION}" in ended.err


def test_templates_that_cannot_be_read_are_findings(aws: Scene, installed: FakeStackSets) -> None:
    ended = run(aws, "uninstall", "--yes", *SET)
    assert ended.code == 1
    assert "their templates cannot be read from here" in ended.err
    assert "--even-if-used" in ended.err
    assert installed.changes() == []


def test_an_account_that_may_not_is_told_in_one_sentence(aws: Scene, installed: FakeStackSets) -> None:
    words = "Account used is not a delegated administrator"
    installed.refusals["DescribeStackSet"] = Refusal("ValidationError", words)
    for verb in (("status",), ("uninstall", "--yes")):
        ended = run(aws, *verb, *SET)
        assert (ended.code, ended.out) == (2, b"")
        assert len(ended.err.splitlines()) == 1
        assert "is neither in the organization's management account" in ended.err


def test_a_stack_that_is_behind_is_a_finding(aws: Scene, installed: FakeStackSets) -> None:
    installed.instances = [{"Account": ACCOUNT, "Region": REGION, "Status": "OUTDATED"}]
    ended = run(aws, "status", *SET)
    assert (ended.code, ended.err) == (1, "")
    assert b"WARNING: 1 of 1 stacks are not current" in ended.out


def test_status_is_json_on_the_standard_output(aws: Scene, installed: FakeStackSets) -> None:
    del installed
    ended = run(aws, "status", *SET, "--format", "json", "--region", REGION)
    content = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert (content["version"], content["image_pinner"]) == (1, __version__)
    assert content["stack_set"]["version"] == __version__
    assert [(one["account"], one["region"], one["status"]) for one in content["stack_set"]["instances"]] == [
        (ACCOUNT, REGION, "CURRENT")
    ]


def test_looking_then_removing_leaves_nothing(aws: Scene, installed: FakeStackSets) -> None:
    everything = ("--even-if-used", "--delete-bucket")
    ended = run(aws, "uninstall", "--dry-run", *SET, *everything)
    assert (ended.code, installed.changes()) == (0, [])
    assert "would be deleted" in ended.err
    ended = run(aws, "uninstall", "--yes", *SET, *everything)
    assert (ended.code, ended.out) == (0, b""), ended.err
    assert (installed.stack_set, aws.s3.buckets) == (None, {})
    assert run(aws, "status", *SET).code == 1
