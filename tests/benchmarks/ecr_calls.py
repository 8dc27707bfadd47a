"""How many calls ECR gets for many images, with all of them there and with some missing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ecr.models import ecr_backends

from image_pinner.core.images.lookups import OCI_MANIFEST, ImageLookup, NotFound, Resolved, Unsuitable
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.interface import Deadline

REPOSITORIES, TAGS, MISSING = 50, 100, 3
REGION = "eu-central-1"
NOBODY_PUSHED = "nobody-pushed-this"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark", "AWS_DEFAULT_REGION": REGION}


def figures() -> Iterator[str]:
    """Count, and give a line for people."""
    with patch.dict(os.environ, _CREDENTIALS), mock_aws():
        _fill()
        for missing in (0, MISSING):
            calls, found, absent = _count(missing)
            if (found, absent) != (REPOSITORIES * TAGS - missing, missing):
                raise AssertionError((found, absent))
            yield (
                f"ECR calls for {REPOSITORIES * TAGS:,} images in {REPOSITORIES} repositories, {missing} missing: "
                f"{calls['for digests']} (aim: {REPOSITORIES + missing}), and {calls['for archived images']} more "
                "to tell archived images from missing ones"
            )


def _fill() -> None:
    backend = ecr_backends[DEFAULT_ACCOUNT_ID][REGION]
    for repository in range(REPOSITORIES):
        name = f"team/app-{repository}"
        boto3.client("ecr", region_name=REGION).create_repository(repositoryName=name)
        for tag in range(TAGS):
            manifest = f'{{"schemaVersion": 2, "mediaType": "{OCI_MANIFEST}", "layers": [], "config": {{"n": {tag}}}}}'
            digest = str(Digest.of(f"{name} {manifest}".encode()))
            backend.put_image(name, manifest, str(tag), OCI_MANIFEST, digest)


def _count(missing: int) -> tuple[Counter[str], int, int]:
    clients = AwsClients()
    calls: Counter[str] = Counter()
    client = clients.client("ecr", REGION)
    client.meta.events.register("before-parameter-build.ecr", lambda params, **_: calls.update([_purpose(params)]))
    host = f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
    texts = [f"{host}/team/app-{number}:{tag}" for number in range(REPOSITORIES) for tag in range(TAGS)]
    # The missing ones stand in repositories far apart, in the place of one that is there.
    for number in range(missing):
        texts[number * TAGS] = f"{host}/team/app-{number}:{NOBODY_PUSHED}"
    lookups = [ImageLookup(ImageReference.parse(text)) for text in texts]
    answers = EcrResolver(clients, download=_no_download).resolve_all(lookups, Deadline.after(120)).values()
    found = sum(isinstance(answer, Resolved) for answer in answers)
    return calls, found, sum(isinstance(answer, NotFound | Unsuitable) for answer in answers)


def _no_download(url: str, limit: int, deadline: Deadline) -> bytes:
    raise AssertionError((url, limit, deadline))


def _purpose(request: Mapping[str, Any]) -> str:
    asks_for_missing = any(image["imageTag"] == NOBODY_PUSHED for image in request["imageIds"])
    return "for archived images" if asks_for_missing and "filter" in request else "for digests"
