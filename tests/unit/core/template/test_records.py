"""Records that authors wrote for another repository than that of their image are removed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.images.references import ImageReference
from image_pinner.core.template.options import Refresh
from image_pinner.core.template.records import RECORD_KEY, record_for
from image_pinner.pinning import PinResult
from image_pinner.settings import Settings, StatePattern
from support.images import HEX
from support.templates import NO_VALUE, FakeDeployments, deployed, image_in, pin, pinned, task

EVIL = f"evil.example/x@sha256:{HEX}"
FORGED = "nginx:1"
OWN = "evil.example/x:1"
OPEN = {"Conditions": {"Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}}}
PATH = "Properties.ContainerDefinitions[0].Image"


def web(image: Any, **others: Any) -> dict[str, Any]:
    return {"Resources": {"Web": task(image, **others)}, **OPEN}


def labels(result: PinResult) -> Any:
    assert result.report.succeeded, result.report.problems
    return result.answer["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0].get("DockerLabels")


def removed(result: PinResult) -> list[str]:
    texts = [text for text in result.report.warnings if "record removed" in text]
    return [text.partition(":")[0].removeprefix("Resources.Web.") for text in texts]


def test_a_record_is_for_an_image_if_it_names_its_repository() -> None:
    image = ImageReference.parse(f"docker.io/library/nginx@sha256:{HEX}")
    for record in ("nginx:1", "nginx", f"index.docker.io/library/nginx:1@sha256:{'0' * 64}"):
        assert record_for(image, record) == record
    for record in ("redis:1", "ghcr.io/library/nginx:1", "Nginx:1", "", "nginx :1"):
        assert record_for(image, record) == ""


class TestLabels:
    def test_a_label_for_another_repository_is_removed_with_a_warning(self) -> None:
        result = pin(web(EVIL, DockerLabels={"a": "b", RECORD_KEY: FORGED}))
        assert labels(result) == {"a": "b"}
        assert removed(result) == [f"Properties.ContainerDefinitions[0].DockerLabels['{RECORD_KEY}']"]
        assert image_in(result.answer) == EVIL

    @pytest.mark.parametrize("params", [{}, {"Pin": "All"}, {"Pin": "Skip"}, {"Record": "None"}])
    @pytest.mark.parametrize("image", [EVIL, f"!PinDigest {EVIL}"])
    def test_it_is_removed_whatever_the_options_are(self, image: str, params: dict[str, str]) -> None:
        assert labels(pin(web(image, DockerLabels={RECORD_KEY: FORGED}), params)) == {}

    @pytest.mark.parametrize(
        "record",
        [
            {"Ref": "Unknown"},
            {"Fn::Sub": "nginx:${AWS::StackName}"},
            5,
            [FORGED],
            "not a reference!",
            {"Fn::If": ["Open", OWN, FORGED]},
        ],
    )
    def test_a_record_that_is_not_certainly_for_the_repository_is_removed(self, record: Any) -> None:
        result = pin(web(EVIL, DockerLabels={"a": "b", RECORD_KEY: record}))
        assert FORGED not in json.dumps(labels(result))
        assert len(removed(result)) == 1

    @pytest.mark.parametrize(
        "record", [OWN, f"evil.example/x:2@sha256:{'0' * 64}", {"Fn::If": ["Open", OWN, NO_VALUE]}]
    )
    def test_a_record_for_the_repository_stays(self, record: Any) -> None:
        template = web(EVIL, DockerLabels={RECORD_KEY: record})
        result = pin(template, {"Pin": "All"})
        assert (result.answer, result.edits, result.report.warnings) == (template, (), ())

    def test_each_branch_of_an_image_has_its_own_record(self) -> None:
        image = {"Fn::If": ["Open", EVIL, f"nginx@sha256:{HEX}"]}
        own = {"Fn::If": ["Open", OWN, FORGED]}
        assert pin(web(image, DockerLabels={RECORD_KEY: own})).edits == ()
        swapped = {"Fn::If": ["Open", FORGED, OWN]}
        result = pin(web(image, DockerLabels={RECORD_KEY: swapped}))
        assert labels(result) == {RECORD_KEY: {"Fn::If": ["Open", NO_VALUE, NO_VALUE]}}
        assert labels(pin(web(image, DockerLabels={RECORD_KEY: FORGED}))) == {}

    def test_labels_that_are_an_expression_are_searched(self) -> None:
        forged = {"Fn::If": ["Open", {RECORD_KEY: FORGED, "a": "b"}, NO_VALUE]}
        kept = {"Fn::If": ["Open", {"a": "b"}, NO_VALUE]}
        assert labels(pin(web(EVIL, DockerLabels=forged))) == kept
        result = pin(web("!PinDigest evil.example/x:1", DockerLabels=forged))
        assert labels(result) == kept
        assert result.answer["Resources"]["Web"]["Metadata"] == {RECORD_KEY: {PATH: OWN}}

    def test_the_record_of_a_pinned_image_replaces_it(self) -> None:
        result = pin(web("!PinDigest evil.example/x:1", DockerLabels={RECORD_KEY: FORGED}))
        assert labels(result) == {RECORD_KEY: OWN}

    def test_metadata_that_takes_the_record_does_not_hide_a_label(self) -> None:
        result = pin(web("!PinDigest Record=Metadata evil.example/x:1", DockerLabels={RECORD_KEY: FORGED}))
        assert labels(result) == {}

    def test_an_image_without_a_digest_keeps_its_labels(self) -> None:
        template = web("evil.example/x:1", DockerLabels={RECORD_KEY: FORGED})
        assert pin(template).edits == ()


class TestMetadata:
    def test_an_entry_for_another_repository_is_removed(self) -> None:
        template = web(EVIL)
        template["Resources"]["Web"]["Metadata"] = {RECORD_KEY: {PATH: FORGED, "Properties.Other": "a:1"}}
        result = pin(template)
        assert result.answer["Resources"]["Web"]["Metadata"] == {RECORD_KEY: {"Properties.Other": "a:1"}}
        assert removed(result) == [f"Metadata['{RECORD_KEY}']['{PATH}']"]

    def test_the_record_of_another_image_does_not_keep_it(self) -> None:
        template = {"Resources": {"Web": task(EVIL, "!PinDigest Record=Metadata nginx:1")}}
        template["Resources"]["Web"]["Metadata"] = {RECORD_KEY: {PATH: FORGED}}
        result = pin(template)
        second = PATH.replace("0", "1")
        assert result.answer["Resources"]["Web"]["Metadata"] == {RECORD_KEY: {second: "nginx:1"}}

    def test_entries_that_are_an_expression_are_searched(self) -> None:
        template = web(EVIL)
        template["Resources"]["Web"]["Metadata"] = {RECORD_KEY: {"Fn::If": ["Open", {PATH: FORGED}, {PATH: OWN}]}}
        metadata = pin(template).answer["Resources"]["Web"]["Metadata"]
        assert metadata == {RECORD_KEY: {"Fn::If": ["Open", {}, {PATH: OWN}]}}

    def test_an_entry_for_the_repository_stays(self) -> None:
        template = web(EVIL)
        template["Resources"]["Web"]["Metadata"] = {RECORD_KEY: {PATH: OWN}}
        assert pin(template, {"Pin": "All"}).edits == ()


def loop(key: str, value: Any, *collection: Any) -> dict[str, Any]:
    return {"Fn::ForEach::L": ["V", list(collection), {key: value}]}


class TestLoops:
    def test_a_record_that_a_loop_makes_gets_no_value(self) -> None:
        result = pin(web(EVIL, DockerLabels={"a": "b", **loop("image-pinner.${V}", FORGED, "source")}))
        assert labels(result) == {"a": "b", **loop("image-pinner.${V}", NO_VALUE, "source")}
        assert len(removed(result)) == 1

    def test_labels_that_a_loop_makes_are_searched(self) -> None:
        template = web(EVIL, **loop("${V}", {RECORD_KEY: FORGED}, "DockerLabels"))
        assert FORGED not in json.dumps(pin(template).answer)

    @pytest.mark.parametrize(
        "hidden",
        [
            loop("${V}", FORGED, RECORD_KEY, "other"),
            {"Fn::ForEach::L": ["V", {"Ref": "Unknown"}, {"${V}": FORGED}]},
        ],
    )
    def test_a_record_that_cannot_be_removed_is_refused(self, hidden: Any) -> None:
        template = web(EVIL, DockerLabels=hidden)
        result = pin(template)
        (problem,) = result.report.problems
        assert problem.cause.startswith(f"cannot see or remove the record {RECORD_KEY}: ")
        assert result.answer == template

    def test_other_loops_in_labels_do_no_harm(self) -> None:
        template = web(EVIL, DockerLabels={"Fn::ForEach::L": ["V", {"Ref": "Unknown"}, {"team-${V}": "x"}]})
        assert pin(template).edits == ()

    @pytest.mark.parametrize("image", ["!PinDigest evil.example/x:1", "evil.example/x:1"])
    def test_a_loop_gets_no_labels_in_its_body(self, image: str) -> None:
        container = {"Name": "web", **loop("${V}", image, "Image")}
        template = {"Resources": {"Web": {**task(), "Properties": {"ContainerDefinitions": [container]}}}}
        answer = pin(template, {"Pin": "All"}).answer
        made = answer["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]
        assert made == {"Name": "web", **loop("${V}", pinned("evil.example/x", "1"), "Image")}
        assert list(answer["Resources"]["Web"]["Metadata"][RECORD_KEY].values()) == [OWN]

    def test_a_loop_that_makes_the_labels_gets_no_others_next_to_it(self) -> None:
        template = web("!PinDigest evil.example/x:1", **loop("${V}", {"a": "b"}, "DockerLabels"))
        answer = pin(template).answer
        assert labels(pin(template)) is None
        assert answer["Resources"]["Web"]["Metadata"] == {RECORD_KEY: {PATH: OWN}}


class TestKept:
    SETTINGS = Settings(state_scope=(StatePattern("stack", "shop"),))

    def keep(self, written: str, container_labels: Any = None, refresh: Refresh = Refresh.ON_CHANGE) -> PinResult:
        deployments = FakeDeployments({f"Resources.Web.{PATH}": deployed(EVIL, written)})
        others = {"DockerLabels": container_labels} if container_labels else {}
        params = {"Refresh": refresh.value, "StackName": "shop"}
        return pin(web(f"!PinDigest {OWN}", **others), params, settings=self.SETTINGS, deployed=deployments)

    def test_an_unchanged_image_is_kept_with_its_record(self) -> None:
        first, second = self.keep(OWN), self.keep(OWN, {RECORD_KEY: OWN})
        assert first.answer == second.answer
        assert (image_in(first.answer), labels(first)) == (EVIL, {RECORD_KEY: OWN})
        assert first.report.warnings == second.report.warnings == ()

    def test_a_kept_image_without_a_record_does_not_get_that_of_another(self) -> None:
        assert labels(self.keep("", refresh=Refresh.NEVER)) is None
        assert labels(self.keep("", {RECORD_KEY: OWN}, Refresh.NEVER)) == {RECORD_KEY: OWN}
        assert labels(self.keep("", {RECORD_KEY: FORGED}, Refresh.NEVER)) == {}
