from __future__ import annotations

import pytest

from image_pinner.core.images.references import ImageReference, explain_missing_tag
from support.images import HEX


@pytest.mark.parametrize("text", ["nginx", "localhost:5000/team/app"])
def test_reference_without_tag_and_digest_is_explained(text: str) -> None:
    help_ = f"write {text}:latest if that is what you mean"
    assert explain_missing_tag(ImageReference.parse(text)) == (f"image {text!r} has no tag or digest", help_)


@pytest.mark.parametrize("text", ["nginx:1", "nginx:latest", f"nginx@sha256:{HEX}", f"nginx:1@sha256:{HEX}"])
def test_reference_with_tag_or_digest_is_accepted(text: str) -> None:
    assert explain_missing_tag(ImageReference.parse(text)) is None
