from __future__ import annotations

from typing import Any

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.edits import Replace
from image_pinner.core.template.find import find_images
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.rewrite import build_edits
from image_pinner.core.template.sites import PinSite, ScanSettings, SkippedImage
from support.templates import template_of


def sites_in(template: dict[str, Any]) -> list[PinSite]:
    return find_images(
        template, {"Record": "None"}, Scope.of_template(template, {}, region="", account_id=""), ScanSettings()
    ).pinned


def test_without_a_decision_there_are_no_edits() -> None:
    assert build_edits({}, [], [], []) == ()


def test_an_unchanged_value_needs_no_edit() -> None:
    template = template_of("!PinDigest nginx:1")
    (site,) = sites_in(template)
    assert build_edits(template, [(site, "!PinDigest nginx:1", "nginx:1")], [], []) == ()
    assert build_edits(template, [(site, "nginx@x", "nginx:1")], [], []) == (Replace(site.path, "nginx@x"),)


def test_a_kept_tag_loses_its_marker() -> None:
    template = template_of({"Fn::Sub": "!PinDigest nginx:1"})
    assert build_edits(template, [], sites_in(template), []) == (
        Replace(sites_in(template)[0].path, {"Fn::Sub": "nginx:1"}),
    )


def test_only_skipped_images_with_a_replacement_change() -> None:
    path = TemplatePath(("a",))
    skipped = [
        SkippedImage(TemplatePath(("b",)), "unmarked", ""),
        SkippedImage(path, "not deployed", "", replacement="x", marked=True),
    ]
    assert build_edits({"a": "!PinDigest x", "b": "y"}, [], [], skipped) == (Replace(path, "x"),)
