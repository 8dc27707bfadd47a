"""The account of the AWS credentials is the default of `--account`, and is requested only if an image needs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command import image_pinner
from support.deployment.fake_clients import ACCOUNT
from support.deployment.scene import Scene
from unit.cli.cli_templates import MARKED, digest, saved

REPOSITORY = ".dkr.ecr.us-east-1.amazonaws.com/shop/web"
OWN = MARKED.replace("shop/web:${Tag}", f"${{AWS::AccountId}}{REPOSITORY}:1")
NEVER = "Conditions: {Never: !Equals [a, b]}\n"
REPORTED = f"AWS::AccountId is {ACCOUNT}, the account of the AWS credentials.\n"


class Clients(Scene):
    """An AWS account that records the services that are used."""

    def __init__(self) -> None:
        super().__init__()
        self.used: list[str] = []

    def client(self, service: str, region: str) -> Any:
        self.used.append(service)
        return super().client(service, region)


def test_the_account_is_that_of_the_credentials_and_is_reported(tmp_path: Path) -> None:
    aws, report = Clients(), tmp_path / "report.json"
    two = OWN + OWN[OWN.index("        - Name: web") :]

    run = image_pinner("pin", str(saved(tmp_path, two)), "--report", str(report), aws=aws)

    assert (run.code, run.text.count(f"{ACCOUNT}{REPOSITORY}@{digest(f'{ACCOUNT}{REPOSITORY}:1')}")) == (0, 2)
    assert REPORTED in run.err
    assert json.loads(report.read_text())["account"] == ACCOUNT
    assert aws.used == ["sts"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (MARKED, ()),
        (OWN.replace("!PinDigest ", ""), ()),
        (OWN.replace("Properties:", "Condition: Never\n    Properties:") + NEVER, ()),
        (OWN, ("--account", "999988887777")),
    ],
    ids=["not referred to", "not pinned", "not deployed", "set"],
)
def test_the_account_is_not_requested_if_it_is_set_or_not_needed(
    text: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    aws, report = Clients(), tmp_path / "report.json"

    run = image_pinner("pin", str(saved(tmp_path, text)), *options, "--report", str(report), aws=aws)

    assert (run.code, aws.used) == (0, [])
    assert REPORTED not in run.err
    assert "account" not in json.loads(report.read_text())


def test_the_account_is_requested_if_a_gate_judges_the_image(tmp_path: Path) -> None:
    aws, path = Clients(), saved(tmp_path, OWN.replace("!PinDigest ", ""))

    image_pinner("pin", str(path), aws=aws, env={"IMAGE_PINNER_GATES": "tags.deny=latest"})

    assert aws.used == ["sts"]


@pytest.mark.parametrize("command", ["lock", "update"])
def test_other_subcommands_report_the_account_too(command: str, tmp_path: Path) -> None:
    old = OWN.replace("web:1", f"web:1@{digest('old')}").replace("!PinDigest ", "")
    lock = ("-o", str(tmp_path / "lock.json")) if command == "lock" else ("--check",)

    run = image_pinner(command, *lock, str(saved(tmp_path, old if command == "update" else OWN)), aws=Clients())

    assert REPORTED in run.err


@pytest.mark.parametrize("command", [("pin",), ("lock", "-o", "-"), ("gate",), ("update", "--check")])
def test_without_credentials_the_lookup_fails_with_its_cause(command: tuple[str, ...], tmp_path: Path) -> None:
    old = OWN.replace("web:1", f"web:1@{digest('old')}")

    run = image_pinner(*command, str(saved(tmp_path, old if command[0] == "update" else OWN)))

    assert run.code == 3
    assert "the AWS account ID is unknown: there are no AWS credentials for STS in us-east-1\n" in run.err
    assert "\nhelp: pass --account, or configure AWS credentials or set AWS_PROFILE\n" in run.err
