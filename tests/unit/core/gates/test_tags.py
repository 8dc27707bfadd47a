from __future__ import annotations

import pytest

from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.interface import JudgedImage, UnknownFact
from image_pinner.core.gates.tags import Tags
from support.gates import judged, with_gates
from support.images import HEX
from support.templates import ExpectedDigests, pin, problems_of, template_of


@pytest.mark.parametrize(
    ("image", "cause"),
    [
        ("nginx:latest", "tag 'latest' is forbidden"),
        ("nginx", "tag 'latest' is forbidden"),
        (f"nginx:latest@sha256:{HEX}", "tag 'latest' is forbidden"),
        ("nginx:dev-1", "tag 'dev-1' (matches dev-*) is forbidden"),
        ("nginx:1-SNAPSHOT", "tag '1-SNAPSHOT' (matches *-SNAPSHOT) is forbidden"),
    ],
)
def test_forbidden_tags_are_denied(image: str, cause: str) -> None:
    (gate,) = parse_gates("tags.deny=latest; tags.deny=dev-*; tags.deny=*-SNAPSHOT").enabled
    assert (gate.judge(judged(image)).verdict, gate.judge(judged(image)).cause) == ("deny", cause)


@pytest.mark.parametrize("image", ["nginx:1", "nginx:latest-1", "nginx:Latest", f"nginx@sha256:{HEX}"])
def test_other_tags_are_allowed(image: str) -> None:
    (gate,) = parse_gates("tags.deny=latest").enabled
    assert gate.judge(judged(image)).verdict == "allow"


@pytest.mark.parametrize("pattern", ["", "a b", "a/b", "a:b", "x" * 129])
def test_invalid_patterns(pattern: str) -> None:
    with pytest.raises(Exception, match="invalid entry"):
        parse_gates([f"tags.deny={pattern}"])


def test_an_image_that_cannot_be_resolved_is_unknown() -> None:
    assert isinstance(Tags(("x",)).judge(JudgedImage(None, reason="it is an attribute")), UnknownFact)


def test_no_request_is_made_for_a_forbidden_tag() -> None:
    result = pin(
        template_of("!PinDigest nginx:latest"), settings=with_gates("tags.deny=latest"), digests=ExpectedDigests()
    )
    assert [cause for _, cause in problems_of(result)] == ["gate tags denies the image: tag 'latest' is forbidden"]
