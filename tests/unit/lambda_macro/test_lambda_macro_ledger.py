"""The ledger: off by default, told of every template that was pinned, and never a reason to fail one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.core.report import REPORT_VERSION
from image_pinner.lambda_macro.handler import MARGIN
from image_pinner.sources.aws.events import MAX_DETAIL_BYTES
from support.macro import REQUEST_ID, Context, event_for, macro_in
from support.project import ROOT
from support.templates import task
from unit.lambda_macro.observed_worlds import MARKED, ONE_BUS, FakeEventPublisher, ObservedWorlds, line_of, run

REFUSED = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1", "!PinDigest shop/web:1")}})
NOTHING = event_for({"Resources": {"Web": task("shop/web:1")}})
SECRET = "correct horse battery staple"


@pytest.mark.parametrize(
    ("event", "environment"),
    [(MARKED, {}), (REFUSED, ONE_BUS), (NOTHING, ONE_BUS), ({}, ONE_BUS), (MARKED, {**ONE_BUS, "IMAGE_PINNER_X": "1"})],
    ids=["off", "failure", "nothing pinned", "no event", "wrong setting"],
)
def test_nothing_is_put_and_nothing_is_told_without_a_bus_or_a_pinned_template(
    event: Any, environment: dict[str, str]
) -> None:
    resolver_factory = ObservedWorlds()

    line = line_of(resolver_factory, event, environment)

    assert "ledger" not in line
    assert resolver_factory.ledgers == []
    assert resolver_factory.kept.details == []


def test_a_failure_of_the_ledger_is_told_with_its_remedy_and_fails_no_template() -> None:
    resolver_factory = ObservedWorlds(
        FakeEventPublisher(SourceError("events:PutEvents is denied on deployments", "Allow it"))
    )

    response, text = run(resolver_factory, environment=ONE_BUS)

    assert response["status"] == "success"
    assert json.loads(text)["ledger"] == "failed: events:PutEvents is denied on deployments. Allow it."
    assert json.loads(text)["Failures"] == 0


def test_a_defect_of_the_ledger_is_told_by_its_kind_and_not_by_its_text() -> None:
    response, text = run(ObservedWorlds(FakeEventPublisher(KeyError(SECRET))), environment=ONE_BUS)

    assert response["status"] == "success"
    assert json.loads(text)["ledger"] == "failed: ImagePinner has a defect (KeyError). Report it."
    assert SECRET not in text


def test_a_world_without_a_ledger_says_so() -> None:
    lines: list[str] = []

    response = macro_in(environment=ONE_BUS, log=lines.append).answer(MARKED, None)

    assert response["status"] == "success"
    assert json.loads(lines[0])["ledger"] == "failed: events cannot be published here. Unset IMAGE_PINNER_EVENT_BUS."


@pytest.mark.parametrize("remaining", [0, 500, MARGIN * 1000])
def test_the_time_that_is_kept_for_the_answer_is_not_given_to_the_ledger(remaining: float) -> None:
    resolver_factory = ObservedWorlds()
    pinned = event_for({"Resources": {"Web": task(f"!PinDigest shop/web@sha256:{'a' * 64}")}})

    run(resolver_factory, pinned, ONE_BUS, context=Context(remaining))

    assert resolver_factory.kept.seconds == [0]


def test_an_event_tells_what_was_pinned_from_where_and_nothing_of_the_others() -> None:
    resolver_factory = ObservedWorlds()

    response, text = run(resolver_factory, environment=ONE_BUS)

    containers = response["fragment"]["Resources"]["Web"]["Properties"]["ContainerDefinitions"]
    results = [container["Image"] for container in containers[:2]]
    assert resolver_factory.ledgers == [("deployments", "us-east-1")]
    assert resolver_factory.kept.details == [
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
                    "source": "memory",
                }
                for number, written in enumerate(["shop/web:1", "shop/proxy:2"])
            ],
        }
    ]
    assert json.loads(text)["ledger"] == "put"


def test_a_digest_that_the_template_names_itself_has_the_template_as_its_source() -> None:
    resolver_factory = ObservedWorlds()
    digest = f"sha256:{'a' * 64}"

    run(resolver_factory, event_for({"Resources": {"Web": task(f"!PinDigest shop/web@{digest}")}}), ONE_BUS)

    image = resolver_factory.kept.details[0]["images"][0]
    assert (image["digest"], image["source"]) == (digest, "template")


def test_an_event_that_is_too_big_is_cut_with_a_count() -> None:
    resolver_factory = ObservedWorlds()
    images = [f"!PinDigest shop/web-{number}:1" for number in range(2000)]

    run(resolver_factory, event_for({"Resources": {"Web": task(*images)}}), ONE_BUS)

    detail = resolver_factory.kept.details[0]
    assert len(resolver_factory.kept.texts[0].encode()) <= MAX_DETAIL_BYTES < 256 * 1024
    assert detail["left_out"] == {"images": 2000 - len(detail["images"])}
    assert len(detail["images"]) > 500


def test_no_parameter_and_nothing_of_the_template_but_its_pinned_images_is_in_an_event() -> None:
    resolver_factory = ObservedWorlds()
    parameters = {"Password": {"Type": "String", "NoEcho": True}}
    web = task("!PinDigest shop/web:1", "shop/private:1")
    web["Properties"]["ContainerDefinitions"][0]["Environment"] = [{"Name": "P", "Value": {"Ref": "Password"}}]
    event = event_for({"Parameters": parameters, "Resources": {"Web": web}}, {}, {"Password": SECRET})

    run(resolver_factory, event, ONE_BUS)

    assert SECRET not in resolver_factory.kept.texts[0]
    assert "private" not in resolver_factory.kept.texts[0]


def test_where_the_ledger_is_off_neither_it_nor_boto3_is_loaded() -> None:
    pinned = event_for({"Resources": {"Web": task(f"!PinDigest shop/web@sha256:{'a' * 64}")}})
    script = (
        "import sys\nfrom image_pinner.lambda_macro import handler as lambda_macro\n"
        f"assert lambda_macro.handler({pinned!r}, None)['status'] == 'success'\n"
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
