"""`Pin: All` pins every image that CloudFormation deploys, or refuses the template."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Sequence
from typing import Any, cast

import pytest

from image_pinner.core.check import check_template
from image_pinner.core.rules import Severity
from image_pinner.core.template.fragments import read_fragment
from image_pinner.core.template.options import Options, Pin
from image_pinner.core.template.records import RECORD_KEY
from image_pinner.core.template.sites import ScanSettings
from image_pinner.lambda_macro.log_record import MAX_RECORD_BYTES
from image_pinner.settings import Settings
from image_pinner.sources.aws.events import MAX_DETAIL_BYTES
from support.images import HEX
from support.macro import event_for, macro_in
from support.templates import DOWN, NO_VALUE, EveryDigest, image_in, pin, pinned, statuses_of, task

TASK = "AWS::ECS::TaskDefinition"
EVIL = "evil.example/x:latest"
PINNED = pinned("evil.example/x", "latest")
OPERATOR = Settings(options=Options(pin=Pin.ALL))
BY_NAME = Settings(options=Options(pin=("web",)))


def loop(key: str, value: Any, *collection: Any) -> dict[str, Any]:
    return {"Fn::ForEach::P": ["V", list(collection), {key: value}]}


def web(**members: Any) -> dict[str, Any]:
    return {"Resources": {"Web": {"Type": TASK, **members}}}


def containers(*definitions: Any) -> dict[str, Any]:
    return web(Properties={"ContainerDefinitions": list(definitions)})


ONE = [{"Name": "web", "Image": EVIL}]
PROPERTIES = {"ContainerDefinitions": ONE}
BRANCHES = ["C", ONE, []]

KNOWN = {
    "an image": containers({"Name": "web", **loop("${V}", EVIL, "Image")}),
    "an image under a key without punctuation": containers({"Name": "web", **loop("&{V}", EVIL, "I-m-a-g-e")}),
    "a part of the key": containers({"Name": "web", **loop("Im${V}", EVIL, "age")}),
    "a container": web(Properties=loop("${V}", ONE, "ContainerDefinitions")),
    "properties": web(**loop("${V}", PROPERTIES, "Properties")),
    "a type": {"Resources": {"Web": {"Properties": PROPERTIES, **loop("${V}", TASK, "Type")}}},
    "a type of the variable": {
        "Resources": loop("T", {"Type": "AWS::ECS::${V}", "Properties": PROPERTIES}, "TaskDefinition")
    },
    "a resource": {"Resources": loop("${V}", {"Type": TASK, "Properties": PROPERTIES}, "A", "B")},
    "a name": containers({"Image": EVIL, **loop("${V}", "web", "Name")}),
}

HIDDEN = {
    "an image and another property": containers({"Name": "web", **loop("${V}", EVIL, "Image", "Hostname")}),
    "containers and another property": web(Properties=loop("${V}", ONE, "ContainerDefinitions", "Volumes")),
    "keys of an unknown collection": containers(
        {"Name": "web", "Fn::ForEach::P": ["V", {"Ref": "Keys"}, {"${V}": EVIL}]}
    ),
    "resources of several types": {
        "Resources": loop("T${V}", {"Type": "AWS::ECS::${V}", "Properties": PROPERTIES}, "TaskDefinition", "Service")
    },
    "a function": web(Properties={"ContainerDefinitions": loop("${V}", BRANCHES, "Fn::If")}),
    "a function in a body": web(Properties={"ContainerDefinitions": loop("Fn::If", BRANCHES, "a")}),
    "a malformed loop": containers({"Name": "web", "Fn::ForEach::P": ["V", ["Image"], {"${V}": EVIL}, "more"]}),
    "the section of the resources": {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Fn::ForEach::P": ["V", {"Ref": "Keys"}, {"${V}": {"Web": {"Type": TASK, "Properties": PROPERTIES}}}],
    },
}


class TestLoops:
    @pytest.mark.parametrize("settings", [OPERATOR, BY_NAME], ids=["All", "names"])
    @pytest.mark.parametrize("name", KNOWN)
    def test_what_a_loop_makes_is_pinned_if_its_keys_are_known(self, name: str, settings: Settings) -> None:
        result = pin(KNOWN[name], settings=settings)
        assert list(statuses_of(result).values()) == ["pinned"], result.report.problems
        assert str(result.answer).count(PINNED) == str(KNOWN[name]).count(EVIL)

    @pytest.mark.parametrize("settings", [OPERATOR, BY_NAME], ids=["All", "names"])
    @pytest.mark.parametrize("name", HIDDEN)
    def test_what_cannot_be_changed_or_seen_is_refused(self, name: str, settings: Settings) -> None:
        result = pin(HIDDEN[name], settings=settings)
        assert result.report.problems
        assert result.answer == HIDDEN[name]

    @pytest.mark.parametrize("name", [*KNOWN, *HIDDEN])
    def test_check_reports_what_a_loop_makes(self, name: str) -> None:
        template = {**KNOWN, **HIDDEN}[name]
        findings = check_template(read_fragment(template, {}), {}, ScanSettings(), names_macro=False)
        assert {finding.rule.slug for finding in findings} == {"unpinned-image" if name in KNOWN else "hidden-image"}
        assert {finding.rule.severity for finding in findings} == {Severity.WARNING}

    @pytest.mark.parametrize("name", HIDDEN)
    def test_check_reports_that_hidden_images_will_be_refused(self, name: str) -> None:
        fragment = read_fragment(HIDDEN[name], {"Pin": "All"})
        findings = check_template(fragment, {}, ScanSettings(), names_macro=True)
        assert {(finding.rule.slug, finding.rule.severity) for finding in findings} == {
            ("unresolved-image", Severity.ERROR)
        }

    def test_an_image_that_is_different_in_each_iteration_is_refused(self) -> None:
        properties = {"ContainerDefinitions": [{"Name": "web", "Image": "evil.example/${V}:1"}]}
        template = {"Resources": loop("T${V}", {"Type": TASK, "Properties": properties}, "a", "b")}
        assert "which has several values" in pin(template, settings=OPERATOR).report.problems[0].cause

    def test_a_digest_that_a_loop_writes_to_several_properties_is_accepted(self) -> None:
        template = containers({"Name": "web", **loop("${V}", f"shop/web@sha256:{HEX}", "Image", "Hostname")})
        assert pin(template, settings=OPERATOR).answer == template

    def test_a_snippet_around_a_loop_is_searched(self) -> None:
        assert pin(loop("${V}", EVIL, "Image"), {"Pin": "All"}).answer == loop("${V}", PINNED, "Image")
        assert pin(loop("${V}", EVIL, {"Ref": "Key"}), {"Pin": "All"}).report.problems
        function = {"Environment": [{"Fn::If": ["C", {"Value": {"Fn::Sub": "x"}}, {"Ref": "Y"}]}]}
        answer = pin({**function, **loop("${V}", EVIL, "Image")}, {"Pin": "All"}).answer
        assert answer == {**function, **loop("${V}", PINNED, "Image")}
        answer = pin({**loop("${V}", {"Image": EVIL, **function}, "Container")}, {"Pin": "All"}).answer
        assert str(answer).count(PINNED) == 1

    def test_loops_that_make_too_many_keys_are_refused_in_time(self) -> None:
        body: Any = {"".join(f"${{V{level}}}" for level in range(6)): EVIL}
        for level in range(6):
            body = {f"Fn::ForEach::L{level}": [f"V{level}", [str(number) for number in range(50)], body]}
        (problem,) = pin(containers({"Name": "web", **body}), settings=OPERATOR).report.problems
        assert "are unknown" in problem.cause

    def test_a_custom_path_finds_what_loops_make_or_refuses_it(self) -> None:
        settings = OPERATOR._replace(image_paths=("$.Resources..Picture",))
        known, hidden = (
            {"Resources": {"Web": {"Type": "A::B::C", "Properties": {"Deep": [made]}}}}
            for made in (loop("Pic${V}", EVIL, "ture"), {"Fn::ForEach::P": ["V", {"Ref": "Keys"}, {"${V}": EVIL}]})
        )
        assert str(pin(known, settings=settings).answer).count(PINNED) == 1
        assert pin(hidden, settings=settings).report.problems
        hidden["Resources"]["Web"]["Metadata"] = {"ImagePinner": {"Pin": "Skip"}}
        assert pin(hidden, {"Pin": "All"}, settings=settings._replace(options=Options())).answer == hidden


class TestCosts:
    """Making the keys of loops has the limits of evaluation, and removing records takes linear time."""

    SECONDS = 20

    def refusal(self, members: dict[str, Any]) -> str:
        started = time.monotonic()
        macro = macro_in(environment={"IMAGE_PINNER_PIN": "All"})
        response = macro.answer(event_for(containers({"Name": "web", **members})), None)
        assert time.monotonic() - started < self.SECONDS
        return str(response.get("errorMessage", ""))

    def test_a_key_of_many_variables(self) -> None:
        body = {"${V}a" * 5_000: EVIL, "${V}I" + "${V}" * 5_000 + "m": EVIL}
        assert "unknown" not in self.refusal({"Fn::ForEach::P": ["V", {"Ref": "Keys"}, body]})

    def test_a_long_key_with_many_values(self) -> None:
        body = {f"${{V}}{'x' * 400_000}": EVIL}
        values = [str(number) for number in range(1_000)]
        tracemalloc.start()
        try:
            assert "characters" in self.refusal({"Fn::ForEach::P": ["V", values, body]})
            assert tracemalloc.get_traced_memory()[1] < 200_000_000
        finally:
            tracemalloc.stop()

    def test_many_keys_with_many_values(self) -> None:
        body = {f"${{V}}${{W}}{number}": EVIL for number in range(3_000)}
        for name in "VW":
            body = {f"Fn::ForEach::{name}": [name, [f"{number}" for number in range(30)], body]}
        assert "characters" in self.refusal(body)

    def test_many_forged_records(self) -> None:
        forged = {"DockerLabels": {RECORD_KEY: "nginx:1"}, "Name": "web"}
        digest = f"evil.example/x@sha256:{HEX}"
        definitions = [{"Image": image, **forged} for image in (digest, f"!PinDigest {EVIL}")] * 3_000
        started = time.monotonic()
        answer = macro_in().answer(event_for(containers(*definitions)), None)
        assert time.monotonic() - started < self.SECONDS
        assert answer["status"] == "success"
        assert "nginx" not in json.dumps(answer["fragment"])


class EventRecorder:
    """An event bus that keeps what it gets."""

    max_detail_bytes = MAX_DETAIL_BYTES

    def __init__(self) -> None:
        self.details: list[str] = []

    def put(self, details: Sequence[str], *_: Any, **__: Any) -> None:
        self.details += details


DECOYS = [f"!PinDigest shop/{'decoy' * 20}-{number}@sha256:{HEX}" for number in range(1_500)]


class TestRecordsAndEvents:
    def answer(self, *images: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the log records and events of a template with these images."""
        recorder, lines = EventRecorder(), list[str]()
        macro = macro_in(environment={"IMAGE_PINNER_EVENT_BUS": "recorder"}, log=lines.append)
        macro = macro._replace(event_publisher=lambda _bus, _region: cast("Any", recorder))
        started = time.monotonic()
        assert macro.answer(event_for({"Resources": {"Web": task(*images)}}), None)["status"] == "success"
        assert time.monotonic() - started < 20
        assert all(len(line.encode()) <= MAX_RECORD_BYTES for line in lines)
        assert all(len(detail.encode()) <= MAX_DETAIL_BYTES for detail in recorder.details)
        return [json.loads(line) for line in lines], [json.loads(detail) for detail in recorder.details]

    @pytest.mark.parametrize("index", [0, 750, 1_500])
    def test_1500_decoys_push_no_image_out_of_the_log_or_the_events(self, index: int) -> None:
        images = [*DECOYS[:index], f"!PinDigest {EVIL}", *DECOYS[index:]]
        for documents in self.answer(*images):
            found = [image for document in documents for image in document.get("images", ())]
            assert len(found) == len(images)
            assert [image["written"] for image in found if "evil" in image["result"]] == [EVIL]
            assert len({document["requestId"] for document in documents}) == 1
            assert [document["part"] for document in documents] == list(range(1, documents[0]["parts"] + 1))
            assert len(documents) > 1

    def test_images_with_long_paths_push_none_out(self) -> None:
        long = "L" * 100_000
        template = {"Resources": {f"{long}{number}": task(f"!PinDigest {EVIL}") for number in range(9)}}
        lines: list[str] = []
        macro_in(log=lines.append).answer(event_for(template), None)
        (record,) = map(json.loads, lines)
        assert [image["written"] for image in record["images"]] == [EVIL] * 9


EXCLUDED = {
    "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
    "Resources": {
        "Web": task({"Fn::If": ["Never", EVIL, "shop/web:1"]}),
        "Other": {**task(EVIL), "Condition": "Never"},
    },
}


class TestConditions:
    def test_what_a_condition_excludes_today_is_pinned_if_the_configuration_pins_all(self) -> None:
        answer = pin(EXCLUDED, settings=OPERATOR).answer
        assert image_in(answer) == {"Fn::If": ["Never", PINNED, pinned("shop/web", "1")]}
        assert image_in(answer, "Other") == PINNED

    def test_it_is_refused_if_its_registry_does_not_respond(self) -> None:
        result = pin(EXCLUDED, digests=EveryDigest({EVIL: DOWN}), settings=OPERATOR)
        assert result.answer == EXCLUDED
        assert {problem.cause for problem in result.report.problems} == {DOWN.cause}

    def test_authors_who_pin_all_are_warned(self) -> None:
        result = pin(EXCLUDED, {"Pin": "All"})
        assert image_in(result.answer, "Other") == EVIL
        assert len(result.report.warnings) == 2
        for text in result.report.warnings:
            assert "not pinned" in text
            assert "an update with the previous template can deploy it by tag" in text

    def test_a_function_that_a_condition_excludes_today_is_refused(self) -> None:
        hidden = web(Properties={"ContainerDefinitions": {"Fn::If": ["Never", {"Ref": "X"}, NO_VALUE]}})
        template = {**EXCLUDED, **hidden}
        assert pin(template, settings=OPERATOR).report.problems
        assert pin(template, {"Pin": "All"}).report.succeeded
