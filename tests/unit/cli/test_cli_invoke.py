"""`image-pinner invoke`: the macro's answer on one's own machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from support.macro import HangingWorld, event_for, macro_in
from support.templates import task

MARKED = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}})
REFUSED = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}})


def saved_event(folder: Path, event: Any) -> str:
    path = folder / "event.json"
    path.write_text(event if isinstance(event, str) else json.dumps(event))
    return str(path)


def test_a_refusal_is_answered_as_the_lambda_does_and_logged_on_the_error_stream(tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, REFUSED))

    assert run.code == 1
    assert json.loads(run.out) == macro_in().answer(REFUSED, None)
    assert json.loads(run.err)["problems"][0]["path"] == "Resources.Web.Properties.ContainerDefinitions[0].Image"


def test_success_is_answered_as_the_lambda_does(tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, MARKED))

    assert run.code == 0
    assert json.loads(run.out) == macro_in().answer(MARKED, None)
    assert json.loads(run.err)["status"] == "success"


def test_the_event_can_come_through_the_standard_input() -> None:
    run = image_pinner("invoke", "-", stdin=json.dumps(MARKED).encode())

    assert (run.code, json.loads(run.out)["status"]) == (0, "success")


@pytest.mark.parametrize(
    ("image", "code"), [("!PinDigest Shop/Web:1", 1), ("!PinDigest shop/none:1", 3), ("!PinDigest shop/none", 4)]
)
def test_the_exit_codes_are_those_of_pin(image: str, code: int, tmp_path: Path) -> None:
    event = event_for({"Resources": {"Web": task(image)}})

    assert image_pinner("invoke", saved_event(tmp_path, event), resolvers=InMemoryRegistry()).code == code


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '"text"', "null", "5"])
def test_what_is_no_event_is_refused_without_an_answer(text: str, tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, text))

    assert (run.code, run.out) == (2, b"")
    assert "event.json is no" in run.err


def test_an_event_without_a_fragment_is_answered_as_the_lambda_does(tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, {"requestId": "r"}))

    assert run.code == 2
    assert json.loads(run.out)["status"] == "failure"


def test_a_wrong_setting_is_answered_as_the_lambda_does(tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, MARKED), env={"IMAGE_PINNER_PINN": "All"})

    assert run.code == 2
    assert "unknown setting IMAGE_PINNER_PINN" in json.loads(run.out)["errorMessage"]


def test_an_event_that_is_not_there_is_told(tmp_path: Path) -> None:
    run = image_pinner("invoke", str(tmp_path / "none.json"))

    assert (run.code, run.out) == (2, b"")
    assert "none.json: no such file or directory" in run.err


def test_the_time_limit_is_that_of_a_lambda(tmp_path: Path) -> None:
    resolvers = HangingWorld()
    asked: Any = resolvers

    run = image_pinner("invoke", saved_event(tmp_path, MARKED), "--time-limit", "3.2", resolvers=asked)

    assert run.code == 3
    assert "did not answer in time" in json.loads(run.out)["errorMessage"]
    assert resolvers.deadlines[0] <= 0.2


def test_letters_of_all_scripts_come_out_as_they_are(tmp_path: Path) -> None:
    event = event_for({"Description": "Bücher, 本", "Resources": {}})

    assert "Bücher, 本".encode() in image_pinner("invoke", saved_event(tmp_path, event)).out
