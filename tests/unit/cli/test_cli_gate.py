"""`gate`: what it prints, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.core.gates.age import PUSHED, Pushed
from image_pinner.core.gates.interface import Fact, UnknownFact
from image_pinner.core.images.references import Digest
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.command import Run, image_pinner
from support.gates import fact_of
from support.templates import ECR, task
from unit.cli.cli_templates import saved

TODAY, LONG_AGO = (fact_of(Pushed("2026-11-30T11:00:00Z", age)) for age in (3600, 864000))


def gate(
    tmp_path: Path, *arguments: str, gates: str, fact: Fact | UnknownFact = LONG_AGO, images: tuple[Any, ...] = ()
) -> Run:
    registry = InMemoryRegistry(has_every_image=True)
    registry.facts["*"] = {PUSHED: fact}
    template = tmp_path / "shop.json"
    template.write_text(json.dumps({"Resources": {"Web": task(*(images or (f"!PinDigest {ECR}/web:1",)))}}, indent=1))
    return image_pinner("gate", str(template), *arguments, resolvers=registry, env={"IMAGE_PINNER_GATES": gates})


def test_a_denied_image_ends_with_the_code_4(tmp_path: Path) -> None:
    run = gate(tmp_path, gates="age.minimum=3d", fact=TODAY)
    assert run.code == 4
    assert "| age | deny | pushed 1h ago \\(2026-11-30T11:00:00Z\\), the minimum is 3d |" in run.text
    assert "gate age denies the image" in run.err
    assert run.err.endswith("Found 1 problem.\n")


def test_an_unknown_fact_is_denied(tmp_path: Path) -> None:
    run = gate(tmp_path, gates="age.minimum=3d", fact=UnknownFact("ecr:DescribeImages is denied", "allow it"))
    assert run.code == 4
    assert "| age | deny | unknown: ecr:DescribeImages is denied |" in run.text


def test_a_lookup_that_fails_ends_with_the_code_3(tmp_path: Path) -> None:
    registry = InMemoryRegistry()
    template = saved(tmp_path)
    env = {"IMAGE_PINNER_GATES": "tags.deny=latest"}
    assert image_pinner("gate", str(template), "--pin", "All", resolvers=registry, env=env).code == 3


def test_a_gate_that_has_judged_nothing_because_of_a_failed_lookup_is_not_called_off(tmp_path: Path) -> None:
    env = {"IMAGE_PINNER_GATES": "age.minimum=3d"}
    run = image_pinner("gate", str(saved(tmp_path)), "--pin", "All", resolvers=InMemoryRegistry(), env=env)
    assert run.code == 3
    assert run.text.endswith("\n\nNo image was judged.\n")


@pytest.mark.parametrize(("gates", "word"), [("age.minimum=3d", "allow"), ("age.minimum=20d; age.mode=warn", "warn")])
def test_allowed_images_and_warnings_end_with_the_code_0(tmp_path: Path, gates: str, word: str) -> None:
    run = gate(tmp_path, gates=gates)
    assert run.code == 0
    assert f"| age | {word} |" in run.text


def test_markdown_has_a_row_for_each_image_and_gate(tmp_path: Path) -> None:
    images = ("!PinDigest nginx:latest", f"!PinDigest {ECR}/web:1")
    run = gate(tmp_path, gates="tags.deny=latest; age.minimum=3d", images=images)
    where = str(tmp_path / "shop.json").replace("_", r"\_")
    web = f"| {where}:13:16 | {ECR}/web:1 | {Digest.of(f'{ECR}/web:1'.encode())} |"
    assert run.text.splitlines() == [
        f"# Gates: {where}",
        "",
        "1 denied, 2 allowed.",
        "",
        "| location | image | digest | gate | verdict | fact | source | time |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        f"| {where}:9:16 | nginx:latest |  | tags | deny | tag 'latest' is forbidden | template |  |",
        f"{web} tags | allow | tag 1 | template |  |",
        f"{web} age | allow | pushed 2026-11-30T11:00:00Z | ecr:DescribeImages in us-east-1 | 2026-11-30T12:00:00Z |",
    ]


def test_text_of_a_registry_cannot_break_the_table(tmp_path: Path) -> None:
    run = gate(tmp_path, gates="age.minimum=3d", fact=UnknownFact("<script>|`x`\n| a", "no", "s|s"))
    (row,) = [line for line in run.text.splitlines() if "script" in line]
    assert row.endswith(r"| age | deny | unknown: \<script\>\|\`x\` \| a | s\|s |  |")


def test_json_is_the_report(tmp_path: Path) -> None:
    report = json.loads(gate(tmp_path, "--format", "json", gates="age.minimum=3d").text)
    (image,) = report["images"]
    assert [(each["gate"], each["verdict"]) for each in image["gates"]] == [("age", "allow")]


def test_without_gates_it_is_reported(tmp_path: Path) -> None:
    run = gate(tmp_path, gates="")
    assert run.code == 0
    assert "No image was judged: no gate is on, or the template has no image." in run.text


def test_the_template_is_not_changed(tmp_path: Path) -> None:
    gate(tmp_path, gates="age.minimum=3d")
    assert "!PinDigest" in (tmp_path / "shop.json").read_text()


def test_check_reports_what_gates_deny_without_requests(tmp_path: Path) -> None:
    template = tmp_path / "shop.json"
    template.write_text(
        json.dumps({"Transform": "ImagePinner", "Resources": {"Web": task("!PinDigest evil.example/web:1", "nginx:1")}})
    )
    run = image_pinner(
        "check",
        "--format",
        "concise",
        str(template),
        env={"IMAGE_PINNER_GATES": "repositories.allow=ghcr.io/*; age.minimum=3d"},
    )
    assert run.code == 1
    causes = [line.partition(": ")[2] for line in run.text.splitlines()]
    assert causes[:2] == [
        "IP016 gate repositories denies the image: evil.example/web is not an allowed repository (Web / web)",
        "IP016 gate repositories denies the image: docker.io/library/nginx is not an allowed repository (Web / web2)",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("IMAGE_PINNER_GATES", "tags.deny=latest; age.minimum=3d", "gate age\n"),
        ("IMAGE_PINNER_GATES_PARAMETER", "/pins/gates", "the gates in the SSM parameter /pins/gates\n"),
    ],
)
def test_check_reports_which_gates_it_cannot_judge(tmp_path: Path, variable: str, value: str, shown: str) -> None:
    template = saved(tmp_path)
    run = image_pinner("check", str(template), env={variable: value})
    warning = f"warning: check works offline and does not judge {shown}help: run image-pinner gate\n"
    assert warning in run.err
    assert "warning" not in image_pinner("check", "--quiet", str(template), env={variable: value}).err
    assert "does not judge" not in image_pinner("check", str(template), env={"IMAGE_PINNER_GATES": "tags.deny=x"}).err


class GatesInParameter(NamedTuple):
    """An SSM parameter with gates, or an error."""

    gates: str | SourceError

    def read_gates(self, name: str, deadline: Deadline) -> str:
        assert (name, deadline.remaining() > 0) == ("/pins/gates", True)
        if isinstance(self.gates, SourceError):
            raise self.gates
        return self.gates


@pytest.mark.parametrize("subcommand", ["gate", "pin", "lock"])
def test_gates_of_the_ssm_parameter_apply_or_the_command_fails(tmp_path: Path, subcommand: str) -> None:
    template = tmp_path / "shop.json"
    template.write_text(json.dumps({"Resources": {"Web": task("!PinDigest nginx:latest")}}))
    env = {"IMAGE_PINNER_GATES_PARAMETER": "/pins/gates"}
    denied = image_pinner(subcommand, str(template), gates=GatesInParameter("tags.deny=latest"), env=env)
    assert "gate tags denies the image" in denied.err
    failed = image_pinner(subcommand, str(template), gates=GatesInParameter(SourceError("no answer")), env=env)
    assert "error: no answer" in failed.err
    assert 0 not in (denied.code, failed.code)
