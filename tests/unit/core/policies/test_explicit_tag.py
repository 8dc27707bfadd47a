from __future__ import annotations

import pytest

from image_pinner.core.images.references import ImageReference
from image_pinner.core.policies import Allowed, Denied, JudgedImage
from image_pinner.core.policies.explicit_tag import ExplicitTag
from image_pinner.core.template.problems import ProblemKind
from support.images import HEX


def judged(text: str) -> JudgedImage:
    return JudgedImage(ImageReference.parse(text), None, {})


@pytest.mark.parametrize("text", ["nginx", "localhost:5000/team/app"])
def test_reference_without_tag_and_digest_is_denied(text: str) -> None:
    verdict = ExplicitTag().judge(judged(text))
    help_ = f"write {text}:latest if that is what you mean"
    assert verdict == Denied(f"image {text!r} has no tag or digest", help_, ProblemKind.TEMPLATE)


def test_unsafe_implicit_latest_allows_with_a_warning() -> None:
    verdict = ExplicitTag(unsafe_implicit_latest=True).judge(judged("nginx"))
    assert isinstance(verdict, Allowed)
    assert "unsafe-implicit-latest" in verdict.warning


@pytest.mark.parametrize("text", ["nginx:1", "nginx:latest", f"nginx@sha256:{HEX}", f"nginx:1@sha256:{HEX}"])
@pytest.mark.parametrize("unsafe", [True, False])
def test_reference_with_tag_or_digest_is_allowed(text: str, unsafe: bool) -> None:  # noqa: FBT001
    assert ExplicitTag(unsafe_implicit_latest=unsafe).judge(judged(text)) == Allowed()
