"""The summary of `image-pinner pin` on a terminal, with what kept and locked images are from."""

from __future__ import annotations

from image_pinner.cli.output.pin_report import summarize
from image_pinner.core.deployed import ALL_STATE
from image_pinner.core.images.lookups import OCI_MANIFEST, Origin, Resolved
from image_pinner.core.lock import LOCK_SOURCE
from image_pinner.core.report import PinReport
from image_pinner.settings import Settings
from support.images import HEX
from support.templates import EveryDigest, FakeDeployments, deployed, digest_of, pin, task, template_of

IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"


def test_images_that_are_all_resolved_are_counted() -> None:
    template = {"Resources": {"Web": task("!PinDigest nginx:1", "!PinDigest redis:1", "envoy:1")}}

    assert summarize(pin(template).report) == "Pinned 2 images (1 skipped)."


def test_a_kept_image_has_its_origin() -> None:
    template = {"Resources": {"Web": task("!PinDigest nginx:1", "!PinDigest Refresh=Always redis:1")}}
    deployments = FakeDeployments({IMAGE: deployed(f"nginx@sha256:{HEX}", "nginx:1")})
    params = {"Refresh": "Never", "StackName": "shop"}

    result = pin(template, params, settings=Settings(state_scope=ALL_STATE), deployed=deployments)

    assert summarize(result.report) == "Pinned 2 images (0 skipped): 1 kept (service shop/web), 1 resolved."


def test_a_locked_image_has_the_location_of_its_lock_file() -> None:
    locked = Resolved(digest_of("nginx:1"), OCI_MANIFEST, Origin(LOCK_SOURCE, "ssm:/shop (version 3)"))
    digests = EveryDigest({"docker.io/library/nginx:1": locked})

    report = pin(template_of("!PinDigest nginx:1"), digests=digests).report

    assert summarize(report) == "Pinned 1 image (0 skipped): 1 locked (ssm:/shop (version 3))."


def test_an_empty_report_has_no_decisions() -> None:
    assert summarize(PinReport()) == "Pinned 0 images (0 skipped)."
