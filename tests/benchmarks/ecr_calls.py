"""The number of ECR requests for many images, with and without missing ones."""

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
MISSING_TAG = "no-such-tag"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark", "AWS_DEFAULT_REGION": REGION}


def figures() -> Iterator[str]:
    """Count the requests, and yield the results."""
    with patch.dict(os.environ, _CREDENTIALS), mock_aws():
        _fill()
        for missing in (0, MISSING):
            calls, found, absent = _count(missing)
            if (found, absent) != (REPOSITORIES * TAGS - missing, missing):
                raise AssertionError((found, absent))
            yield (
                f"ECR requests for {REPOSITORIES * TAGS:,} images in {REPOSITORIES} repositories, {missing} missing: "
                f"{calls['for digests']} (target: {REPOSITORIES + missing}), and {calls['for archived images']} "
                "to distinguish archived images from missing ones"
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
    # The missing images are in different repositories.
    for number in range(missing):
        texts[number * TAGS] = f"{host}/team/app-{number}:{MISSING_TAG}"
    lookups = [ImageLookup(ImageReference.parse(text)) for text in texts]
    answers = EcrResolver(clients, download=_no_download).resolve_all(lookups, Deadline.after(120)).values()
    found = sum(isinstance(answer, Resolved) for answer in answers)
    return calls, found, sum(isinstance(answer, NotFound | Unsuitable) for answer in answers)


def _no_download(url: str, limit: int, deadline: Deadline) -> bytes:
    raise AssertionError((url, limit, deadline))


def _purpose(request: Mapping[str, Any]) -> str:
    requests_missing = any(image["imageTag"] == MISSING_TAG for image in request["imageIds"])
    return "for archived images" if requests_missing and "filter" in request else "for digests"
