"""The handler never raises: CloudFormation would report "Received malformed response"."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_pinner.core.errors import SourceError
from image_pinner.lambda_macro.handler import ERROR_LIMIT, Macro
from image_pinner.settings import Settings
from support.macro import Context, RaisingResolvers, event_for, macro_in
from support.templates import task

MARKED = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}})
PENDING = event_for({"Resources": {"Web": task("!PinDigest shop/web:{{resolve:ssm:/tag}}")}})
SECRET = "correct horse battery staple"


def assert_valid_response(response: dict[str, Any], event: Any) -> None:
    known = event if isinstance(event, dict) else {}
    request_id = known.get("requestId", "")
    is_text = isinstance(request_id, str) and "\ud800" not in request_id
    assert response["requestId"] == (request_id if is_text else "")
    assert json.loads(json.dumps(response, ensure_ascii=False, allow_nan=False).encode()) == response
    assert response["status"] in {"success", "failure"}
    if response["status"] == "failure":
        assert 0 < len(response["errorMessage"]) <= ERROR_LIMIT
        assert len(response["errorMessage"].splitlines()) == 1
        assert response["fragment"] in (known.get("fragment", {}), {})
    else:
        assert set(response) == {"requestId", "status", "fragment"}


words = st.sampled_from(
    [
        *("!PinDigest nginx:1", "!PinDigest ", "nginx:1", "All", "Marked", "Skip", "", "AWS::ECS::TaskDefinition"),
        *("AWS::Lambda::Function", "Tag", "AWS::Region", "{{resolve:ssm:/a}}", "Open", "\ud800", "\u2028"),
    ]
)
keys = st.sampled_from(
    [
        *("Resources", "Type", "Properties", "Metadata", "ImagePinner", "Pin", "Parameters", "Default", "Conditions"),
        *("ContainerDefinitions", "Image", "Name", "DockerLabels", "Code", "ImageUri", "Ref", "Fn::Sub", "Fn::Join"),
        *("Fn::If", "Fn::Transform", "Fn::PinDigest", "Fn::ForEach::X", "Fn::FindInMap", "Mappings", "Web", "Platform"),
        *("Architectures", "RuntimePlatform", "CpuArchitecture", "Condition", "Transform", "Fn::Equals", "Globals"),
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | words
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=25
)
events = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("fragment", "params", "templateParameterValues", "requestId", "region"), values),
        **dict.fromkeys(("accountId", "transformId", "more"), scalars),
    },
)
resources = st.dictionaries(
    st.sampled_from(["Web", "Fn::ForEach::Loop", "Other"]),
    st.fixed_dictionaries(
        {"Type": words, "Properties": st.dictionaries(keys, values, max_size=4)}, optional={"Metadata": values}
    ),
    max_size=3,
)


@given(event=events | values)
@settings(deadline=None)
def test_any_event_gets_a_response(event: Any) -> None:
    assert_valid_response(macro_in().answer(event, None), event)


@given(resources=resources, params=st.dictionaries(keys, values, max_size=2), given_values=values)
@settings(deadline=None)
def test_any_resources_get_a_response(resources: Any, params: Any, given_values: Any) -> None:
    event = event_for({"Resources": resources}, params) | {"templateParameterValues": given_values}

    response = macro_in().answer(event, None)

    assert_valid_response(response, event)
    json.dumps(response)


@pytest.mark.parametrize("event", [None, [], "text", 5])
def test_a_value_that_is_not_an_event_gets_a_response(event: Any) -> None:
    assert_valid_response(macro_in().answer(event, None), event)


ERRORS = [
    KeyError("x"),
    RecursionError(),
    MemoryError(),
    UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
    SourceError("the registry does not respond"),
    TimeoutError("too late"),
]


@pytest.mark.parametrize("event", [MARKED, PENDING], ids=["digests", "lookups"])
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_resolvers_that_raise_get_a_response(event: dict[str, Any], error: Exception) -> None:
    assert_valid_response(macro_in(RaisingResolvers(error)).answer(event, None), event)


def test_an_internal_error_is_reported_by_its_type_and_traceback_not_by_its_text() -> None:
    log: list[str] = []

    response = macro_in(RaisingResolvers(ValueError(SECRET)), log=log.append).answer(MARKED, None)

    assert response["errorMessage"] == (
        "internal error (ValueError); help: report it with the traceback in the macro's log"
    )
    assert json.loads(log[0])["exception"] == "ValueError"
    assert SECRET not in log[0]
    assert any("resolve_all" in frame for frame in json.loads(log[0])["traceback"])


def test_a_resolver_factory_that_raises_gets_a_response() -> None:
    def failing_factory(_settings: Settings, _region: str) -> Any:
        raise OSError(SECRET)

    response = Macro(failing_factory, {}, lambda _: None).answer(MARKED, None)

    assert_valid_response(response, MARKED)
    assert response["status"] == "failure"


@pytest.mark.parametrize(
    "remaining", [None, "soon", float("nan"), -5, 0, 10**12, RuntimeError(SECRET), ["x"]], ids=repr
)
def test_an_invalid_context_gets_a_response(remaining: Any) -> None:
    assert_valid_response(macro_in().answer(MARKED, Context(remaining)), MARKED)


@pytest.mark.parametrize("context", [None, object(), 5])
def test_a_context_without_remaining_time_is_accepted(context: Any) -> None:
    assert macro_in().answer(MARKED, context)["status"] == "success"


def test_a_log_that_cannot_be_written_is_ignored() -> None:
    def closed(_line: str) -> None:
        raise BrokenPipeError

    assert macro_in(log=closed).answer(MARKED, None)["status"] == "success"


def test_a_lone_surrogate_in_an_event_can_be_logged() -> None:
    # json.loads accepts "\ud800", and writing it to standard output raises.
    log: list[str] = []
    event = event_for({"Resources": {"\ud800": task("!PinDigest Shop/Web:1")}}) | {"requestId": "\ud800"}

    response = macro_in(log=lambda line: log.append(line.encode().decode())).answer(event, None)

    assert_valid_response(response, event)
    assert len(log) == 1


def nested(levels: int, key: str) -> Any:
    value: Any = "!PinDigest nginx:1"
    for _ in range(levels):
        value = {key: ["", [value]]}
    return value


@pytest.mark.parametrize("key", ["Fn::Join", "Fn::If", "Unknown"])
@pytest.mark.parametrize("levels", [100, 400])
def test_deep_nesting_gets_a_response(key: str, levels: int) -> None:
    event = event_for({"Resources": {"Web": task(nested(levels, key)), "Else": {"Deep": nested(levels, key)}}})

    assert_valid_response(macro_in().answer(event, None), event)


def test_nesting_beyond_the_recursion_limit_gets_a_response() -> None:
    value: Any = "!PinDigest nginx:1"
    for _ in range(10_000):
        value = [value]
    event = event_for({"Resources": {"Web": task(value), "Else": {"Type": "X", "Properties": {"Deep": value}}}})

    response = macro_in().answer(event, None)

    assert response["status"] == "failure"
    assert response["fragment"] == {}  # no runtime could write it
