"""EventBridge events: off by default, one for every pinned template, and a reason for a failure only if required."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.core.images.references import Digest
from image_pinner.core.report import REPORT_VERSION
from image_pinner.lambda_macro.handler import MARGIN
from image_pinner.sources.aws.events import MAX_DETAIL_BYTES
from support.macro import REQUEST_ID, Context, event_for, macro_in
from support.project import ROOT
from support.templates import task
from unit.lambda_macro.observed_registry import (
    HIGH_LIMITS,
    MARKED,
    ONE_BUS,
    FakeEventPublisher,
    ObservedRegistry,
    record_of,
    run,
    run_with_log,
)

REFUSED = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1", "!PinDigest shop/web:1")}})
NOTHING = event_for({"Resources": {"Web": task("shop/web:1")}})
SECRET = "correct horse battery staple"


@pytest.mark.parametrize(
    ("event", "environment"),
    [(MARKED, {}), (REFUSED, ONE_BUS), (NOTHING, ONE_BUS), ({}, ONE_BUS), (MARKED, {**ONE_BUS, "IMAGE_PINNER_X": "1"})],
    ids=["off", "failure", "nothing pinned", "no event", "invalid setting"],
)
def test_no_event_is_sent_or_logged_without_a_bus_or_a_pinned_template(event: Any, environment: dict[str, str]) -> None:
    resolver_factory = ObservedRegistry()

    record = record_of(resolver_factory, event, environment)

    assert "event_status" not in record
    assert resolver_factory.buses == []
    assert resolver_factory.publisher.details == []


def test_a_failure_to_send_is_logged_with_help_and_fails_no_template() -> None:
    resolver_factory = ObservedRegistry(
        FakeEventPublisher(SourceError("events:PutEvents is denied on deployments", "allow it"))
    )

    response, text = run(resolver_factory, environment=ONE_BUS)

    assert response["status"] == "success"
    assert json.loads(text)["event_status"] == "failed: events:PutEvents is denied on deployments; help: allow it"
    assert json.loads(text)["Failures"] == 0


def test_an_internal_error_while_sending_is_logged_by_its_type_not_by_its_text() -> None:
    response, text = run(ObservedRegistry(FakeEventPublisher(KeyError(SECRET))), environment=ONE_BUS)

    assert response["status"] == "success"
    assert json.loads(text)["event_status"] == "failed: internal error (KeyError); help: report it"
    assert SECRET not in text


def test_resolvers_without_event_bridge_are_logged() -> None:
    lines: list[str] = []

    response = macro_in(environment=ONE_BUS, log=lines.append).answer(MARKED, None)

    assert response["status"] == "success"
    assert json.loads(lines[0])["event_status"] == (
        "failed: EventBridge is not available here; help: unset IMAGE_PINNER_EVENT_BUS"
    )


@pytest.mark.parametrize("remaining", [0, 500, MARGIN * 1000])
def test_sending_does_not_use_the_time_that_is_reserved_for_the_response(remaining: float) -> None:
    resolver_factory = ObservedRegistry()
    pinned = event_for({"Resources": {"Web": task(f"!PinDigest shop/web@sha256:{'a' * 64}")}})

    run(resolver_factory, pinned, ONE_BUS, context=Context(remaining))

    assert resolver_factory.publisher.seconds == [0]


def test_an_event_lists_the_pinned_images_only() -> None:
    resolver_factory = ObservedRegistry()

    response, text = run(resolver_factory, environment=ONE_BUS)

    containers = response["fragment"]["Resources"]["Web"]["Properties"]["ContainerDefinitions"]
    results = [container["Image"] for container in containers[:2]]
    assert resolver_factory.buses == [("deployments", "us-east-1")]
    assert resolver_factory.publisher.details == [
        {
            "version": REPORT_VERSION,
            "macro": "ImagePinner",
            "image_pinner": __version__,
            "requestId": REQUEST_ID,
            "region": "us-east-1",
            "account": "111122223333",
            "images": [
                {
                    "path": f"Resources.Web.Properties.ContainerDefinitions[{number}].Image",
                    "written": written,
                    "result": results[number],
                    "digest": results[number].partition("@")[2],
                    "decision": "resolved",
                    "source": "memory",
                }
                for number, written in enumerate(["shop/web:1", "shop/proxy:2"])
            ],
        }
    ]
    assert json.loads(text)["event_status"] == "sent"


def test_the_source_of_a_digest_in_the_template_is_the_template() -> None:
    resolver_factory = ObservedRegistry()
    digest = f"sha256:{'a' * 64}"

    run(resolver_factory, event_for({"Resources": {"Web": task(f"!PinDigest shop/web@{digest}")}}), ONE_BUS)

    image = resolver_factory.publisher.details[0]["images"][0]
    assert (image["digest"], image["source"]) == (digest, "template")


def test_images_that_do_not_fit_in_an_event_are_in_further_ones() -> None:
    resolver_factory = ObservedRegistry()
    images = [f"!PinDigest shop/web-{number}:1" for number in range(2000)]

    run_with_log(resolver_factory, event_for({"Resources": {"Web": task(*images)}}), ONE_BUS | HIGH_LIMITS)

    details = resolver_factory.publisher.details
    assert all(len(text.encode()) <= MAX_DETAIL_BYTES < 256 * 1024 for text in resolver_factory.publisher.texts)
    assert [detail["part"] for detail in details] == list(range(1, details[0]["parts"] + 1))
    assert {detail["requestId"] for detail in details} == {REQUEST_ID}
    assert len({image["path"] for detail in details for image in detail["images"]}) == 2000


def test_a_template_whose_event_is_not_sent_fails_if_events_are_required() -> None:
    publisher = FakeEventPublisher(SourceError("events:PutEvents is denied on deployments", "allow it"))

    response, text = run(ObservedRegistry(publisher), environment={**ONE_BUS, "IMAGE_PINNER_REQUIRE_EVENTS": "true"})

    assert (response["status"], response["fragment"]) == ("failure", MARKED["fragment"])
    assert response["errorMessage"].startswith("the events of the pinned images were not sent: events:PutEvents is den")
    assert json.loads(text)["Images"] == 0
    assert json.loads(text)["failure"] == "lookup"


REQUIRED = {"IMAGE_PINNER_REQUIRE_EVENTS": "true"}


def test_required_events_need_an_event_bus() -> None:
    response, text = run(ObservedRegistry(), environment=REQUIRED)

    assert (response["status"], response["fragment"]) == ("failure", MARKED["fragment"])
    assert response["errorMessage"] == (
        "IMAGE_PINNER_REQUIRE_EVENTS is true without an event bus; help: set IMAGE_PINNER_EVENT_BUS"
    )
    assert json.loads(text)["failure"] == "configuration"


def test_a_bug_in_sending_required_events_fails_the_template_without_its_text() -> None:
    response, text = run(ObservedRegistry(FakeEventPublisher(KeyError(SECRET))), environment=ONE_BUS | REQUIRED)

    assert response["status"] == "failure"
    assert "internal error (KeyError)" in response["errorMessage"]
    assert SECRET not in response["errorMessage"] + text


def test_required_events_that_cannot_be_sent_here_fail_the_template() -> None:
    assert macro_in(environment=ONE_BUS | REQUIRED).answer(MARKED, None)["status"] == "failure"


@pytest.mark.parametrize("environment", [REQUIRED, ONE_BUS | REQUIRED])
def test_a_template_without_pinned_images_needs_no_event(environment: dict[str, str]) -> None:
    publisher = FakeEventPublisher(SourceError("denied"))

    assert run(ObservedRegistry(publisher), NOTHING, environment)[0]["status"] == "success"


def test_required_events_that_are_sent_are_logged_as_sent() -> None:
    assert record_of(ObservedRegistry(), MARKED, ONE_BUS | REQUIRED)["event_status"] == "sent"


def test_an_event_has_no_parameters_and_nothing_else_of_the_template() -> None:
    resolver_factory = ObservedRegistry()
    parameters = {"Password": {"Type": "String", "NoEcho": True}}
    web = task("!PinDigest shop/web:1", "shop/private:1")
    web["Properties"]["ContainerDefinitions"][0]["Environment"] = [{"Name": "P", "Value": {"Ref": "Password"}}]
    event = event_for({"Parameters": parameters, "Resources": {"Web": web}}, {}, {"Password": SECRET})

    run(resolver_factory, event, ONE_BUS)

    assert SECRET not in resolver_factory.publisher.texts[0]
    assert "private" not in resolver_factory.publisher.texts[0]


def test_without_an_event_bus_neither_the_publisher_nor_boto3_is_loaded() -> None:
    pinned = event_for({"Resources": {"Web": task(f"!PinDigest shop/web@sha256:{'a' * 64}")}})
    script = (
        "import sys\nfrom image_pinner.lambda_macro.handler import handler\n"
        f"assert handler({pinned!r}, None)['status'] == 'success'\n"
        "print([name for name in sys.modules if name in {'boto3', 'botocore', 'image_pinner.sources.aws.events'}])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "macro")},
    )

    assert found.stdout.splitlines()[-1] == "[]"
    assert json.loads(found.stdout.splitlines()[0])["Images"] == 1


DENIED = ONE_BUS | {"IMAGE_PINNER_GATES": "repositories.allow=docker.io/shop/web"}


def test_no_event_is_sent_for_a_denied_template_by_default() -> None:
    resolver_factory = ObservedRegistry()
    run_with_log(resolver_factory, MARKED, DENIED)
    assert resolver_factory.publisher.details == []


def test_a_denied_template_needs_no_event_bus() -> None:
    environment = {**DENIED, "IMAGE_PINNER_EVENT_BUS": "", "IMAGE_PINNER_DENIAL_EVENTS": "true"} | REQUIRED
    response, lines = run_with_log(ObservedRegistry(), MARKED, environment)
    assert "gate repositories denies the image" in response["errorMessage"]
    assert "event_status" not in json.loads(lines[0])


def test_an_event_of_a_denied_template_lists_what_each_gate_denied() -> None:
    resolver_factory = ObservedRegistry()
    response, lines = run_with_log(resolver_factory, MARKED, DENIED | {"IMAGE_PINNER_DENIAL_EVENTS": "true"})
    assert response["status"] == "failure"
    assert json.loads(lines[0])["event_status"] == "sent"
    (detail,) = resolver_factory.publisher.details
    assert [(image["written"], image["gate"]) for image in detail["images"]] == [
        ("shop/proxy:2", "repositories"),
        ("shop/other:1", "repositories"),
    ]
    assert resolver_factory.publisher.denied == [True]


def test_an_event_of_a_denied_template_has_the_digest_that_was_judged() -> None:
    resolver_factory = ObservedRegistry()
    gates = {"IMAGE_PINNER_GATES": "age.minimum=3d", "IMAGE_PINNER_DENIAL_EVENTS": "true"}
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}})
    run_with_log(resolver_factory, event, ONE_BUS | gates)
    (detail,) = resolver_factory.publisher.details
    assert [image["digest"] for image in detail["images"]] == [str(Digest.of(b"docker.io/shop/web:1"))]


def test_a_denied_snippet_names_the_gate_and_the_exception_process_but_no_value_of_a_parameter() -> None:
    resolver_factory = ObservedRegistry()
    event = event_for({}, {"Image": "evil.example/app:1"}, {"Image": "evil.example/app:1"})
    environment = {
        "IMAGE_PINNER_DENIAL_EVENTS": "true",
        "IMAGE_PINNER_EXCEPTION_PROCESS": "ask at https://wiki.example",
        "IMAGE_PINNER_SNIPPET_PARAMETERS": "Image",
    }
    response, lines = run_with_log(resolver_factory, event, DENIED | environment)
    assert "gate repositories denies the image; details are not shown" in response["errorMessage"]
    assert response["errorMessage"].endswith("; ask at https://wiki.example")
    (detail,) = resolver_factory.publisher.details
    assert [{name: each for name, each in image.items() if name != "path"} for image in detail["images"]] == [
        {"gate": "repositories", "verdict": "deny", "help": "ask at https://wiki.example"}
    ]
    assert "evil" not in json.dumps([lines, response["errorMessage"], detail])


def test_a_denied_template_fails_with_the_denial_if_its_event_cannot_be_sent() -> None:
    resolver_factory = ObservedRegistry(FakeEventPublisher(SourceError("no such bus")))
    environment = DENIED | {"IMAGE_PINNER_DENIAL_EVENTS": "true", "IMAGE_PINNER_REQUIRE_EVENTS": "true"}
    response, lines = run_with_log(resolver_factory, MARKED, environment)
    assert "gate repositories denies the image" in response["errorMessage"]
    assert json.loads(lines[0])["event_status"] == "failed: no such bus"
