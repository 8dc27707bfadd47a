"""A template cannot spend the time, the memory or the quota of AWS requests of another one."""

from __future__ import annotations

import json
import re
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from image_pinner.assembly import AwsResolvers
from image_pinner.lambda_macro.handler import Macro
from image_pinner.sources.aws.attempts import ATTEMPTS
from image_pinner.sources.aws.clients import MAX_CLIENTS, AwsClients
from image_pinner.sources.aws.sessions import known_regions
from support.aws import image
from support.macro import event_for
from support.registries import Answer, Raw, ScriptedRegistry, Seen, hang
from support.templates import task

HOST = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
HIGH_LIMITS = {f"IMAGE_PINNER_MAX_{name}": "10000" for name in ("IMAGES", "REPOSITORIES", "REGISTRIES", "VALUES")}
JSON = {"Content-Type": "application/x-amz-json-1.1"}


def found(_: Seen) -> Answer:
    """Respond to DescribeImages for a tag that exists."""
    app = image("app")
    detail = {"imageTags": ["1"], "imageDigest": app.digest, "imageManifestMediaType": app.media_type}
    return Answer(200, JSON, json.dumps({"imageDetails": [detail]}).encode())


def refusal(code: str, message: str = "no") -> Answer:
    return Answer(400, JSON, json.dumps({"__type": code, "message": message}).encode())


@dataclass
class Function:
    """The macro in a warm environment, and the service that all its requests reach."""

    service: ScriptedRegistry
    resolvers: AwsResolvers = field(default_factory=AwsResolvers)
    log: list[str] = field(default_factory=list)

    def answer(self, *images: Any, **settings: str) -> dict[str, Any]:
        environment = {f"IMAGE_PINNER_{name}": value for name, value in settings.items()}
        macro = Macro.on_aws(self.resolvers, HIGH_LIMITS | environment, self.log.append)
        containers = [f"!PinDigest {name}" for name in images]
        return macro.answer(event_for({"Resources": {"Web": task(*containers)}}), None)

    def error(self, *images: Any, **settings: str) -> str:
        response = self.answer(*images, **settings)
        assert response["status"] == "failure"
        assert "internal error" not in response["errorMessage"]
        return str(response["errorMessage"])


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    with ScriptedRegistry(found) as service:
        variables = {"AWS_ENDPOINT_URL": service.url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield Function(service)


def repositories(number: int, team: str) -> list[str]:
    return [f"{HOST}/{team}/app-{n}:1" for n in range(number)]


def seconds_of(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def lookup_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "(work)" in thread.name]


def threads_after(seconds: float) -> list[threading.Thread]:
    """Return the threads of lookups that have not ended so many seconds after the answer."""
    end = time.monotonic() + seconds
    while (threads := lookup_threads()) and time.monotonic() < end:
        time.sleep(0.01)
    return threads


def test_a_throttled_event_does_not_slow_down_the_next_ones(function: Function) -> None:
    function.answer(*repositories(1, "warm"))
    undisturbed = seconds_of(lambda: function.answer(*repositories(20, "before")))
    before = len(function.service.seen)

    def throttle(seen: Seen) -> Answer:
        return refusal("ThrottlingException") if len(function.service.seen) <= before + 60 else found(seen)

    function.service.script = throttle
    function.answer(*repositories(40, "throttled"))
    assert 60 < len(function.service.seen) - before <= 40 * ATTEMPTS
    assert threads_after(0.5) == []
    for team in ("second", "third"):
        took = seconds_of(lambda team=team: function.answer(*repositories(20, team)))  # type: ignore[misc]
        assert took <= 2 * undisturbed + 0.5


def test_attempts_end_before_the_deadline_and_the_error_names_throttling(function: Function) -> None:
    function.answer(*repositories(1, "warm"))
    function.service.script = lambda _: refusal("ThrottlingException")
    errors: list[str] = []
    took = seconds_of(lambda: errors.append(function.error(*repositories(5, "a"), TIMEOUT="1")))
    assert took < 3
    # The pauses are random: one or two of them fit into the second.
    throttled = re.search(r"ECR in us-east-1 throttled the request in (\d) of \1 attempts", errors[0])
    assert throttled
    assert int(throttled[1]) < ATTEMPTS
    assert threads_after(0.5) == []


def test_a_service_that_hangs_leaves_no_threads_after_the_answer(function: Function) -> None:
    function.answer(*repositories(1, "warm"))
    function.service.script = lambda _: Raw(hang)
    took = seconds_of(lambda: function.error(*repositories(5, "a"), TIMEOUT="1"))
    assert took < 3
    assert threads_after(1) == []


def test_invented_regions_are_errors_by_name_without_clients(function: Function) -> None:
    function.answer(*repositories(1, "warm"))
    hosts = [f"111122223333.dkr.ecr.us-x{number}-1.amazonaws.com" for number in range(1400)]
    function.error(f"{hosts[0]}/shop/web:1")
    tracemalloc.start()
    try:
        error = function.error(*(f"{host}/shop/web:1" for host in hosts))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "there is no endpoint for ECR in us-x0-1: 'us-x0-1' is not a region that the installed botocore" in error
    assert "IMAGE_PINNER_EXTRA_REGIONS" in error
    assert len(function.resolvers.clients._clients) == 1
    assert kept < 20_000_000


def test_a_configured_region_has_a_client_and_the_clients_are_bounded(function: Function) -> None:
    extra = [f"us-x{number}-1" for number in range(MAX_CLIENTS + 3)]
    images = [f"111122223333.dkr.ecr.{region}.amazonaws.com/shop/web:1" for region in extra]
    assert function.answer(*images, EXTRA_REGIONS=";".join(extra))["status"] == "success"
    assert len(function.resolvers.clients._clients) == MAX_CLIENTS


def test_the_deadline_ends_the_creation_of_clients(function: Function) -> None:
    session = SlowSession()
    function.resolvers.clients = AwsClients(lambda: session)
    regions = [region for region in known_regions() if region.startswith(("ap-", "ca-", "sa-"))]
    names = [f"111122223333.dkr.ecr.{region}.amazonaws.com/shop/web:1" for region in regions]
    assert len(names) > 12
    took = seconds_of(lambda: function.error(*names, TIMEOUT="1"))
    assert took < 3
    assert 0 < session.made < 8


class SlowSession:
    """A session that takes a while to create a client, and fails."""

    made = 0

    def client(self, *_: Any, **__: Any) -> Any:
        self.made += 1
        time.sleep(0.2)
        raise ValueError("no endpoint")


@pytest.mark.parametrize(
    ("images", "noun", "variable"),
    [
        ([f"{HOST}/shop/web:{number}" for number in range(10_000)], "images", "IMAGES"),
        (repositories(600, "a"), "repositories", "REPOSITORIES"),
        (
            [f"111122223333.dkr.ecr.us-x{number}-1.amazonaws.com/a/b:1" for number in range(1400)],
            "registries",
            "REGISTRIES",
        ),
        (
            [f"nginx:{{{{resolve:ssm:/tag-{number}}}}}" for number in range(5000)],
            "SSM parameters and exports",
            "VALUES",
        ),
    ],
)
def test_too_many_lookups_are_one_error_before_a_request(
    images: list[str], noun: str, variable: str, function: Function
) -> None:
    setting = f"MAX_{variable}"
    error = function.error(*images, **{setting: ""})
    assert f"lookups of {len(images)} {noun}" in error
    assert f"raise IMAGE_PINNER_{setting}" in error
    assert "more)" not in error
    assert function.service.seen == []


def test_the_first_denial_counts_for_all_parameters(function: Function) -> None:
    function.service.script = lambda _: refusal("AccessDeniedException")
    function.error(*(f"nginx:{{{{resolve:ssm:/tag-{number}}}}}" for number in range(5000)))
    assert len(function.service.seen) <= 8  # the requests that are sent at the same time


def test_invalid_parameters_cost_at_most_two_requests_each(function: Function) -> None:
    function.service.script = lambda _: refusal("ValidationException")
    function.error(*(f"nginx:{{{{resolve:ssm:/tag-{number}}}}}" for number in range(200)))
    assert len(function.service.seen) < 2 * 200


def test_missing_images_cost_at_most_two_requests_each(function: Function) -> None:
    function.service.script = lambda _: refusal("ImageNotFoundException", "it does not exist")
    function.error(*(f"{HOST}/shop/web:{number}" for number in range(200)))
    assert len(function.service.seen) <= 2 * 200 + 2


@pytest.mark.parametrize(
    "url",
    [
        "http://robot:hunter2@127.0.0.1:9/",
        "https://robot:hunter2@host:99999/",
        "http://robot:hun[ter2@h/",
        "robot:hunter2@host",
        "ftp://robot:hunter2@127.0.0.1:9",
        "http://robot:hunter2@/",
        "http://127.0.0.1:port/hunter2",
        "http://hunter2 x/",
        "http:///hunter2",
        "http://[::1",
    ],
)
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_SSM"])
def test_an_endpoint_that_cannot_be_used_is_an_error_without_its_value(
    url: str, variable: str, function: Function, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, url)
    error = function.error(f"{HOST}/shop/web:1" if variable.endswith("ECR") else "nginx:{{resolve:ssm:/tag}}")
    output = "".join(capfd.readouterr())
    assert "the configured URL is not valid" in error
    assert all("hun" not in text and "traceback" not in text.lower() for text in (error, output, *function.log))
    assert function.service.seen == []
