"""Any JSON value in any key of an event gets a response that Lambda can write and CloudFormation can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_pinner.lambda_macro.handler import ERROR_LIMIT
from support.command import image_pinner
from support.macro import FUNCTION, Context, event_for, macro_in
from support.templates import task

KEYS = ("region", "accountId", "fragment", "transformId", "params", "requestId", "templateParameterValues")
FRAGMENT = {
    "Parameters": {"Tag": {"Type": "String"}},
    "Resources": {"Web": task({"Fn::Sub": "!PinDigest nginx:${Tag}"})},
}
EVENT = event_for(FRAGMENT, {"Pin": "All"}, {"Tag": "1.27"})

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["\ud800", "\x00", "\u2028", "x" * 5_000, "!PinDigest nginx:1", "AWS::Region"]
)
NUMBERS = (
    st.integers() | st.floats() | st.sampled_from([2**70, -(2**4_000), 10**4_200, float("nan"), float("inf"), 1e400])
)
NAMES = st.sampled_from([*KEYS, "Resources", "Type", "Properties", "Image", "Pin", "Ref", "Fn::Sub", "Tag"]) | TEXTS
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def expect_valid(response: Any, event: Any) -> None:
    """Check a response as the runtime, CloudFormation and the caller see it."""
    assert json.loads(json.dumps(response, ensure_ascii=False, allow_nan=False).encode()) == response
    known = event if isinstance(event, dict) else {}
    assert response["requestId"] in ("", known.get("requestId"))
    assert isinstance(response["requestId"], str)
    if response["status"] == "success":
        assert set(response) == {"requestId", "status", "fragment"}
    else:
        assert response["status"] == "failure"
        assert 0 < len(response["errorMessage"]) <= ERROR_LIMIT
        assert "internal error" not in response["errorMessage"]
        assert response["fragment"] in ({}, known.get("fragment", {}))


def answer(event: Any) -> Any:
    """Return the response, and check that there is one record for it."""
    log: list[str] = []
    response = macro_in(log=lambda line: log.append(line.encode().decode())).answer(event, FUNCTION)
    assert len(log) == 1
    expect_valid(response, event)
    return response


def test_the_event_is_valid_as_it_is() -> None:
    assert answer(EVENT)["status"] == "success"


@given(event=JSON_VALUES)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_instead_of_an_event(event: Any) -> None:
    answer(event)


@given(key=st.sampled_from(KEYS), value=JSON_VALUES)
@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_of_a_key(key: str, value: Any) -> None:
    answer(EVENT | {key: value})


@given(event=st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON_VALUES)))
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_values_of_all_keys(event: Any) -> None:
    answer(event)


def nested(levels: int, kind: str) -> Any:
    value: Any = "a"
    for _ in range(levels):
        value = [value] if kind == "list" else {kind: value}
    return value


@pytest.mark.parametrize("kind", ["list", "Ref", "Fn::Sub", "a"])
@pytest.mark.parametrize("levels", [50, 900, 50_000])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("context", [FUNCTION, None], ids=["function", "invoke"])
def test_deep_nesting(key: str, levels: int, kind: str, context: Context | None) -> None:
    # Not `answer`: values that are nested too deeply cannot be compared.
    log: list[str] = []
    response = macro_in(log=log.append).answer(EVENT | {key: nested(levels, kind)}, context)
    json.dumps(response, ensure_ascii=False, allow_nan=False).encode()
    assert "internal error" not in response.get("errorMessage", "")
    assert len(log) == 1


@pytest.mark.parametrize(
    "value", ["\ud800", float("nan"), -float("inf"), {"\udfff": 1}, ["a", {"b": "\ud800"}]], ids=repr
)
def test_what_no_runtime_can_write_is_not_returned(value: Any) -> None:
    response = answer(EVENT | {"fragment": {**FRAGMENT, "Metadata": {"a": value}}})
    assert (response["status"], response["fragment"]) == ("failure", {})
    assert response["errorMessage"].startswith("'fragment' in the event is not valid JSON; help: ")
    assert response["requestId"] == EVENT["requestId"]


@pytest.mark.parametrize(
    "event", ['{"fragment": {"a": "\\ud800"}}', '{"requestId": "\\ud800"}', '{"fragment": {"a": NaN}}']
)
def test_invoke_shows_no_traceback(event: str, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(event)
    run = image_pinner("invoke", str(tmp_path / "event.json"))
    assert run.code == 2
    assert json.loads(run.out)["status"] == "failure"
    assert "Traceback" not in run.err


def test_invoke_of_an_event_that_is_nested_too_deeply(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("[" * 100_000)
    run = image_pinner("invoke", str(tmp_path / "event.json"))
    assert run.code == 2
    assert "Traceback" not in run.err


def test_a_megabyte_of_values_and_options_keeps_the_deadline() -> None:
    # Each value is searched in all options.
    values = {f"P{number}": f"value-of-parameter-{number}" for number in range(30_000)}
    options = {"Pin": [f"container-{number}" for number in range(30_000)]}
    log: list[str] = []
    macro = macro_in(log=log.append, environment={"IMAGE_PINNER_TIMEOUT": "1"})
    response = macro.answer(EVENT | {"templateParameterValues": values, "params": options}, FUNCTION)
    assert response["status"] == "failure"
    assert "takes too long" in response["errorMessage"]
    assert json.loads(log[0])["duration_ms"] < 10_000
