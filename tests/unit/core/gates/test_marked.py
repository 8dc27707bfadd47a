from __future__ import annotations

from typing import Any

import pytest

from support.gates import with_gates
from support.images import HEX
from support.templates import ABSENT, EveryDigest, pin, problems_of, statuses_of, task, template_of

SETTINGS = with_gates("marked.mode=deny")


@pytest.mark.parametrize("image", ["nginx:1", "Nginx", {"Fn::GetAtt": ["Repository", "RepositoryUri"]}])
def test_images_that_nothing_pins_are_denied(image: Any) -> None:
    (problem,) = pin(template_of(image), settings=SETTINGS).report.problems
    assert problem.cause.startswith("gate marked denies the image: the image is not pinned: ")
    assert problem.help == 'write "!PinDigest repository:tag"'


def test_skipped_images_are_denied() -> None:
    template = template_of("nginx:1")
    template["Resources"]["Web"]["Metadata"] = {"ImagePinner": {"Pin": "Skip"}}
    assert [cause for _, cause in problems_of(pin(template, settings=SETTINGS))] == [
        "gate marked denies the image: the image is not pinned: Pin is Skip"
    ]


def test_images_that_cannot_be_seen_are_unknown() -> None:
    template = {"Resources": {"Web": {**task(), "Properties": {"ContainerDefinitions": {"Ref": "Containers"}}}}}
    ((_, cause),) = problems_of(pin(template, settings=SETTINGS))
    assert cause.startswith("gate marked denies the image: unknown: ")
    assert pin(template, settings=with_gates("marked.unknown=warn")).report.succeeded


@pytest.mark.parametrize("image", ["!PinDigest nginx:1", f"nginx@sha256:{HEX}", f"nginx:1@sha256:{HEX}"])
def test_marked_images_and_digests_are_allowed(image: str) -> None:
    assert pin(template_of(image), settings=SETTINGS).report.succeeded


def test_an_image_that_keeps_its_tag_is_not_called_pinned() -> None:
    digests = EveryDigest({"docker.io/library/nginx:1": ABSENT})
    report = pin(template_of("!PinDigest WhenMissing=KeepTag nginx:1"), settings=SETTINGS, digests=digests).report
    assert [(result.verdict, result.seen.fact) for (result,) in report.gates.values()] == [
        ("allow", "marked, keeps its tag because it does not exist yet")
    ]


def test_pin_all_is_enough() -> None:
    assert pin(template_of("nginx:1"), {"Pin": "All"}, settings=SETTINGS).report.succeeded


def test_images_that_are_not_deployed_need_no_marker() -> None:
    template = template_of("nginx:1", Conditions={"Never": {"Fn::Equals": ["a", "b"]}})
    template["Resources"]["Web"]["Condition"] = "Never"
    template["Resources"]["Db"] = task("!PinDigest nginx:1")
    result = pin(template, settings=SETTINGS)
    assert result.report.succeeded or "unmarked" in statuses_of(result).values()
