"""`image-pinner invoke`: the response and the log record of the macro."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from support.macro import HangingResolvers, event_for, macro_in
from support.templates import task

MARKED = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}})
REFUSED = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}})


def saved_event(folder: Path, event: Any) -> str:
    path = folder / "event.json"
    path.write_text(event if isinstance(event, str) else json.dumps(event))
    return str(path)


def test_a_failure_has_the_response_of_the_function_and_its_log_record(tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, REFUSED))

    assert run.code == 1
    assert json.loads(run.out) == macro_in().answer(REFUSED, None)
    assert json.loads(run.err)["problems"][0]["path"] == "Resources.Web.Properties.ContainerDefinitions[0].Image"


def test_a_success_has_the_response_of_the_function_and_its_log_record(tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, MARKED))

    assert run.code == 0
    assert json.loads(run.out) == macro_in().answer(MARKED, None)
    assert json.loads(run.err)["status"] == "success"


def test_the_event_can_be_read_from_standard_input() -> None:
    run = image_pinner("invoke", "-", stdin=json.dumps(MARKED).encode())

    assert (run.code, json.loads(run.out)["status"]) == (0, "success")


@pytest.mark.parametrize(
    ("image", "code"), [("!PinDigest Shop/Web:1", 1), ("!PinDigest shop/none:1", 3), ("!PinDigest shop/none", 1)]
)
def test_the_exit_codes_are_those_of_pin(image: str, code: int, tmp_path: Path) -> None:
    event = event_for({"Resources": {"Web": task(image)}})

    assert image_pinner("invoke", saved_event(tmp_path, event), resolvers=InMemoryRegistry()).code == code


@pytest.mark.parametrize(
    "event",
    [
        event_for({"Resources": {"Web": task("!PinDigest \ud800:1")}}),
        event_for({"Resources": {"\ud800": task("!PinDigest Shop/Web:1")}}),
        event_for({"Description": "\udfff", "Resources": {"Web": task("!PinDigest shop/web:1")}}),
        MARKED | {"requestId": "\ud800"},
    ],
    ids=["image", "logical ID", "description", "request ID"],
)
def test_a_lone_surrogate_has_the_response_of_the_function(event: dict[str, Any], tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, event))

    assert "Traceback" not in run.err
    assert json.loads(run.out) == macro_in().answer(event, None)
    assert (run.code, json.loads(run.out)["status"]) == (2, "failure")


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '"text"', "null", "5"])
def test_an_invalid_event_is_rejected_without_a_response(text: str, tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, text))

    assert (run.code, run.out) == (2, b"")
    assert "event.json is not " in run.err


def test_an_event_without_a_fragment_has_the_response_of_the_function(tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, {"requestId": "r"}))

    assert run.code == 2
    assert json.loads(run.out)["status"] == "failure"


def test_an_unknown_setting_has_the_response_of_the_function(tmp_path: Path) -> None:
    run = image_pinner("invoke", saved_event(tmp_path, MARKED), env={"IMAGE_PINNER_PINN": "All"})

    assert run.code == 2
    assert "unknown setting IMAGE_PINNER_PINN" in json.loads(run.out)["errorMessage"]


def test_a_missing_event_file_is_reported(tmp_path: Path) -> None:
    run = image_pinner("invoke", str(tmp_path / "none.json"))

    assert (run.code, run.out) == (2, b"")
    assert "none.json: no such file or directory" in run.err


def test_the_time_limit_is_the_timeout_of_the_function(tmp_path: Path) -> None:
    resolvers = HangingResolvers()
    registry: Any = resolvers

    run = image_pinner("invoke", saved_event(tmp_path, MARKED), "--time-limit", "3.2", resolvers=registry)

    assert run.code == 3
    assert "did not respond in time" in json.loads(run.out)["errorMessage"]
    assert resolvers.deadlines[0] <= 0.2


def test_non_ascii_characters_are_not_escaped(tmp_path: Path) -> None:
    event = event_for({"Description": "Bücher, 本", "Resources": {}})

    assert "Bücher, 本".encode() in image_pinner("invoke", saved_event(tmp_path, event)).out
