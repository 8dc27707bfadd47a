"""Downloads of signed URLs are limited, and messages contain no signature."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.transport import HttpDownloads
from image_pinner.sources.interface import Deadline
from support.registries import Answer, ScriptedRegistry, open_transport


@pytest.fixture
def bucket() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: Answer(200, {}, b"config")) as running:
        yield running


def fetch(bucket: ScriptedRegistry, limit: int = 100) -> bytes:
    with open_transport() as transport:
        return HttpDownloads(transport)(f"{bucket.url}/layer?X-Amz-Signature=s3cret", limit, Deadline.after(10))


@pytest.mark.parametrize("answer", [Answer(403, {}, b"<Error>expired</Error>"), Answer(302, {"Location": "http://x"})])
def test_an_error_status_is_reported_without_the_signature(bucket: ScriptedRegistry, answer: Answer) -> None:
    bucket.script = lambda _: answer
    with pytest.raises(SourceError) as caught:
        fetch(bucket)
    assert caught.value.cause == f"{bucket.url}/layer returned {answer.status}"
    assert "reaches S3" in caught.value.help


def test_a_body_beyond_the_limit_is_refused(bucket: ScriptedRegistry) -> None:
    with pytest.raises(SourceError, match="sent more than 5 bytes") as caught:
        fetch(bucket, limit=5)
    assert "s3cret" not in caught.value.cause


def test_the_content_is_returned_unchanged(bucket: ScriptedRegistry) -> None:
    assert fetch(bucket) == b"config"
    assert bucket.seen[0].query == {"X-Amz-Signature": ["s3cret"]}
