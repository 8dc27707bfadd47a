"""JSON for programs, with a version. It has no age, so that the same state produces identical output."""

from __future__ import annotations

import json
from typing import Any

from image_pinner.cli.comparison.interface import Comparison, ImageVersion, not_running
from image_pinner.core.comparison import ImageChange, ResourceEffect
from image_pinner.core.deployed import Deployed

COMPARISON_VERSION = 1
"""Incremented when a field is removed or changes its meaning; new fields alone do not increment it."""


def render(comparison: Comparison) -> str:
    """See `ComparisonFormat`."""
    status = "failure" if comparison.failed else "changes" if comparison.changed else "no changes"
    content = {
        "version": COMPARISON_VERSION,
        "status": status,
        "template": comparison.document.name,
        "compared_with": comparison.base,
        "images": [_image(comparison, change) for change in comparison.changes],
        "resources": [_resource(effect) for effect in comparison.effects],
        "not_compared": [{"path": str(path), "reason": reason} for path, reason in comparison.not_compared.items()],
        "problems": [
            {"file": report.document.name, **problem}
            for report in comparison.failed
            for problem in report.report.to_json()["problems"]
        ],
    }
    return f"{json.dumps(content, indent=2, ensure_ascii=False)}\n"


def _image(comparison: Comparison, change: ImageChange) -> dict[str, Any]:
    image = change.image
    fields: dict[str, Any] = {
        "change": change.kind.value,
        "resource": image.identity.resource,
        "container": image.identity.container,
        "type": image.location.resource_type,
        "path": str(image.path),
    }
    if change.new:
        position = comparison.document.position(image.path)
        fields |= {"line": position.line, "column": position.column}
    for name, side in (("old", change.old), ("new", change.new)):
        fields[name] = _version(comparison.describe(side)) if side else None
    return fields


def _version(version: ImageVersion) -> dict[str, Any]:
    image = version.image
    fields: dict[str, Any] = {
        "image": image.text,
        "digest": version.digest,
        "written": image.written,
        "label": image.label,
        "tags": list(version.tags),
        "tags_from": version.tags_from,
        "pushed_at": version.pushed_at,
    }
    if version.unknown:
        fields["unknown"] = version.unknown
    if isinstance(image.running, Deployed):
        fields["running"] = {"digest": str(image.running.image.digest), "origin": image.running.origin}
    elif reason := not_running(image.running):
        fields["running"] = {"unknown": reason}
    return fields


def _resource(found: ResourceEffect) -> dict[str, Any]:
    return {
        "resource": found.resource,
        "type": found.resource_type,
        "effect": found.effect.value,
        "redeployed_services": list(found.services),
    }
