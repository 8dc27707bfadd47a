"""Asking an ECR that a test has made up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from image_pinner.core.images.lookups import OCI_INDEX, ImageLookup, Resolution
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.interface import Deadline
from unit.sources.ecr.fake_ecr import ACCOUNT, HOST, Image

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
ARM = Platform("linux", "arm64")
AMD = Platform("linux", "amd64")


def lookup(name: str, platform: Platform | None = None, *, index_allowed: bool = True) -> ImageLookup:
    text = name if ".DKR" in name.upper() else f"{HOST}/{name}"
    return ImageLookup(ImageReference.parse(text).canonical(), platform, index_allowed)


def no_download(_url: str, _limit: int, _deadline: Deadline) -> bytes:
    raise AssertionError


def resolver(ecr: Any, **more: Any) -> EcrResolver:
    return EcrResolver(AwsClients(lambda: ecr), **{"download": getattr(ecr, "download", no_download), **more})


def ask_all(ecr: Any, lookups: Sequence[ImageLookup], seconds: float = 20, **more: Any) -> list[Resolution]:
    answers = resolver(ecr, **more).resolve_all(lookups, Deadline.after(seconds))
    assert list(answers) == list(lookups)
    return list(answers.values())


def ask(
    ecr: Any, name: str, platform: Platform | None = None, *, index_allowed: bool = True, **more: Any
) -> Resolution:
    return ask_all(ecr, [lookup(name, platform, index_allowed=index_allowed)], **more)[0]


def index_of(*children: tuple[str, Image]) -> Image:
    lines = []
    for name, child in children:
        os, _, architecture = name.partition("/")
        platform = {"os": os, "architecture": architecture}
        lines.append({"digest": child.digest, "mediaType": child.media_type, "platform": platform})
    return Image(json.dumps({"schemaVersion": 2, "manifests": lines}), OCI_INDEX)
