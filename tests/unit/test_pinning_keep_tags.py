"""Keep-tags are the last step of pinning: a write, which no other problem of the template can follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from image_pinner.cli.lazy_resolvers import lazy_resolvers
from image_pinner.core.gates.interface import Fact, Subject, UnknownFact
from image_pinner.core.gates.lifecycle import LIFECYCLE, ImageLifecycle
from image_pinner.core.images.lookups import OCI_MANIFEST, Origin, Resolved
from image_pinner.core.images.references import Digest
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.fragments import read_fragment
from image_pinner.pinning import PinResult, Resolvers, pin_template
from image_pinner.sources.interface import Deadline
from support.gates import FakeFacts, fact_of, with_gates
from support.templates import DOWN, ECR, EveryDigest, ExpectedLookups, digest_of, image_in, pinned, task, template_of

KEEP = "lifecycle.keep-tag=true"
IMAGE, OTHER = f"{ECR}/web:1", f"{ECR}/worker:1"
DENIED = UnknownFact("ecr:PutImage is denied", "allow it")


@dataclass
class FakeWriter:
    """Records the images that it puts tags on, and fails for all of them with `failure`."""

    failure: UnknownFact | None = None
    written: list[str] = field(default_factory=list)
    parents: list[Digest | None] = field(default_factory=list)

    def put_keep_tags(self, images: Collection[Subject], deadline: Deadline) -> Mapping[Subject, UnknownFact]:
        assert deadline.remaining() > 0
        assert images, "a call without images"
        self.written += [str(image.image) for image in images]
        self.parents += [image.parent for image in images]
        return dict.fromkeys(images, self.failure) if self.failure else {}


def pin(
    template: dict[str, Any],
    *entries: str,
    writer: FakeWriter | None,
    digests: EveryDigest | None = None,
    fact: Fact | UnknownFact | None = None,
) -> PinResult:
    facts = FakeFacts(others={LIFECYCLE: fact or fact_of(ImageLifecycle())})
    resolvers = Resolvers(digests or EveryDigest(), ExpectedLookups(), facts=facts, keep_tags=writer)
    scope = Scope.of_template(template, {}, region="", account_id="")
    return pin_template(
        read_fragment(template, {}), scope, with_gates(*entries), lambda _: resolvers, Deadline.after(60)
    )


def subject(image: str) -> str:
    name, _, tag = image.rpartition(":")
    return pinned(name, tag)


def test_a_template_that_fails_puts_no_tag() -> None:
    template = {"Resources": {"Web": task(f"!PinDigest {IMAGE}", f"!PinDigest {OTHER}")}}
    for entries, digests in (
        ((KEEP,), EveryDigest({OTHER: DOWN})),
        ((KEEP, "tags.deny=1"), EveryDigest()),
        ((KEEP, "tags.deny=1", "tags.mode=deny"), EveryDigest()),
    ):
        writer = FakeWriter()
        result = pin(template, *entries, writer=writer, digests=digests)
        assert not result.report.succeeded
        assert writer.written == []


def test_problems_of_the_whole_template_put_no_tag() -> None:
    template = template_of(f"!PinDigest {IMAGE}", Metadata={"ImagePinner": {"Pinn": "All"}})
    writer = FakeWriter()
    assert not pin(template, KEEP, writer=writer).report.succeeded
    assert writer.written == []


@pytest.mark.parametrize(
    "entries", [(), ("lifecycle.mode=deny",), ("lifecycle.keep-tag=false",), (KEEP, "lifecycle.mode=off")]
)
def test_no_tag_is_put_unless_it_is_requested(entries: tuple[str, ...]) -> None:
    writer = FakeWriter()
    assert pin(template_of(f"!PinDigest {IMAGE}"), *entries, writer=writer).report.succeeded
    assert writer.written == []


def test_every_image_of_a_pinned_template_gets_its_tag_once() -> None:
    written_digest = f"{ECR}/job@{digest_of('job')}"
    images = [f"!PinDigest {IMAGE}", f"!PinDigest {OTHER}", f"!PinDigest {IMAGE}", written_digest]
    template = {"Resources": {"Web": task(*images)}}
    writer = FakeWriter()
    assert pin(template, KEEP, writer=writer).report.succeeded
    assert sorted(writer.written) == sorted([subject(IMAGE), subject(OTHER), written_digest])


@pytest.mark.parametrize(
    ("marker", "parent"),
    [
        (f"!PinDigest {IMAGE}", Digest(f"sha256:{'2' * 64}")),
        # The index that the tag points to need not contain the digest that the template sets.
        (f"!PinDigest {IMAGE}@sha256:{'3' * 64}", None),
    ],
)
def test_a_manifest_is_judged_with_the_index_that_its_tag_points_to(marker: str, parent: Digest | None) -> None:
    resolved = Resolved(
        Digest(f"sha256:{'1' * 64}"), OCI_MANIFEST, Origin("ecr", "x", index=Digest(f"sha256:{'2' * 64}"))
    )
    code = {"PackageType": "Image", "Code": {"ImageUri": marker}}
    template = {"Resources": {"Job": {"Type": "AWS::Lambda::Function", "Properties": code}}}
    writer = FakeWriter()
    assert pin(template, KEEP, writer=writer, digests=EveryDigest({IMAGE: resolved})).report.succeeded
    assert writer.parents == [parent]


def test_an_image_of_an_unknown_lifecycle_gets_none() -> None:
    writer = FakeWriter()
    unknown = UnknownFact("docker.io does not report its lifecycle", "copy the image to ECR")
    result = pin(template_of("!PinDigest nginx:1"), KEEP, "lifecycle.unknown=warn", writer=writer, fact=unknown)
    assert result.report.succeeded
    assert writer.written == []


def test_a_tag_that_cannot_be_put_fails_the_template_if_the_gate_denies() -> None:
    template = template_of(f"!PinDigest {IMAGE}")
    result = pin(template, KEEP, "lifecycle.unknown=warn", writer=FakeWriter(DENIED))
    (problem,) = result.report.problems
    assert problem.cause == "gate lifecycle denies the image: ecr:PutImage is denied"
    assert problem.help == "allow it"
    assert result.answer == template


def test_a_tag_that_cannot_be_put_is_a_warning_if_the_gate_warns() -> None:
    result = pin(template_of(f"!PinDigest {IMAGE}"), KEEP, "lifecycle.mode=warn", writer=FakeWriter(DENIED))
    assert result.report.succeeded
    assert image_in(result.answer) == subject(IMAGE)
    ((found,),) = result.report.gates.values()
    assert (found.verdict, found.cause) == ("warn", "ecr:PutImage is denied")


def test_the_command_puts_no_tags() -> None:
    assert lazy_resolvers(lambda: Resolvers(keep_tags=FakeWriter())).keep_tags is None
    assert pin(template_of(f"!PinDigest {IMAGE}"), KEEP, writer=None).report.succeeded
