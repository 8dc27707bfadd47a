"""Small templates, and resolvers that fail the test on an unexpected lookup."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from image_pinner.core.deployed import Deployed, DeployedLookup, DeployedState, NotDeployed, NotKnown
from image_pinner.core.images.lookups import (
    OCI_INDEX,
    OCI_MANIFEST,
    ImageLookup,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known
from image_pinner.core.lock import LockFile
from image_pinner.core.template.fragments import read_fragment
from image_pinner.pinning import PinResult, Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline

ACCOUNT = "111122223333"
REGION = "us-east-1"
ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
NO_VALUE = {"Ref": "AWS::NoValue"}
ABSENT = NotFound("there is no such tag", "Push it")
UNFIT = Unsuitable("no image for the platform", "Push one")
DOWN = Unavailable("the registry did not answer", "Try again")


def digest_of(text: str, platform: str = "") -> Digest:
    """Return the digest to which these resolvers resolve a canonical reference."""
    return Digest.of(f"{text} {platform}".encode())


def pinned(name: str, tag: str, platform: str = "", *, canonical: str = "") -> str:
    """Return the pinned form of `name:tag`."""
    return f"{name}@{digest_of(canonical or _canonical(name, tag), platform)}"


def _canonical(name: str, tag: str) -> str:
    full = name if "." in name.partition("/")[0] else f"docker.io/{name if '/' in name else f'library/{name}'}"
    return f"{full}:{tag}"


def resolution_of(lookup: ImageLookup) -> Resolved:
    """Return the resolution of a lookup, always the same one; a reference by digest exists."""
    digest = lookup.reference.digest or digest_of(str(lookup.reference), str(lookup.platform or ""))
    return Resolved(digest, OCI_INDEX if lookup.index_allowed else OCI_MANIFEST, Origin("fake", "the fake"))


@dataclass
class EveryDigest:
    """Resolves every image, except for `others` by canonical reference, and records the lookups."""

    others: Mapping[str, Resolution] = field(default_factory=dict)
    lookups: list[str] = field(default_factory=list)
    calls: int = 0

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        assert deadline.remaining() > 0
        assert lookups, "a call without lookups"
        assert len(set(lookups)) == len(lookups), "a duplicate lookup"
        self.calls += 1
        self.lookups += [str(lookup) for lookup in lookups]
        return {lookup: self.others.get(str(lookup.reference), resolution_of(lookup)) for lookup in lookups}


class FailingRegistry(InMemoryRegistry):
    """A registry in memory whose image lookups fail with this help."""

    def __init__(self, help: str) -> None:
        super().__init__()
        self._help = help

    def resolve_all(self, lookups: Any, deadline: Any) -> Any:  # noqa: ARG002 - see `DigestResolver`
        return dict.fromkeys(lookups, Unavailable("it failed", self._help))


@dataclass
class ExpectedDigests:
    """Fails the test on a lookup of another image than `expected`, which are canonical references."""

    expected: Collection[str] = ()

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        assert deadline.remaining() > 0
        unexpected = {str(lookup) for lookup in lookups} - set(self.expected)
        assert not unexpected, f"unexpected lookups: {unexpected}"
        return {lookup: resolution_of(lookup) for lookup in lookups}


@dataclass
class ExpectedLookups:
    """Fails the test on a lookup of another value than these."""

    values: Mapping[ExternalValue, Answer | str] = field(default_factory=dict)
    calls: int = 0

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        assert deadline.remaining() > 0
        self.calls += 1
        unexpected = set(external_values) - set(self.values)
        assert not unexpected, f"unexpected lookups: {unexpected}"
        found = {lookup: self.values[lookup] for lookup in external_values}
        return {lookup: Known(value) if isinstance(value, str) else value for lookup, value in found.items()}


@dataclass
class FakeDeployments:
    """Reports these states by the paths of images in their resources, and records the lookups."""

    states: Mapping[str, DeployedState] = field(default_factory=dict)
    lookups: list[DeployedLookup] = field(default_factory=list)

    def read_deployed(
        self, lookups: Collection[DeployedLookup], deadline: Deadline
    ) -> Mapping[DeployedLookup, DeployedState]:
        assert deadline.remaining() > 0
        assert lookups, "a call without lookups"
        self.lookups += lookups
        nothing = NotDeployed("the stack is new")
        return {lookup: self.states.get(_path_of(lookup), nothing) for lookup in lookups}


def _path_of(lookup: DeployedLookup) -> str:
    return f"Resources.{lookup.identity.resource}.{lookup.identity.property_path}"


def deployed(image: str, written: str = "", origin: str = "service shop/web") -> Deployed:
    """Return a deployed image, written `repository@digest`."""
    return Deployed(ImageReference.parse(image), written, origin)


@dataclass
class FakeLocks:
    """Has one lock file, or a reason why it cannot be read, and records what is read."""

    lock: LockFile | NotKnown
    reads: list[tuple[str, str]] = field(default_factory=list)

    def read_lock(self, location: str, account_id: str, deadline: Deadline) -> LockFile | NotKnown:
        assert deadline.remaining() > 0
        self.reads.append((location, account_id))
        return self.lock


def pin(  # noqa: PLR0913 - a deployment has this many inputs
    template: Mapping[str, Any],
    params: Mapping[str, Any] | None = None,
    *,
    values: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    digests: Any = None,
    external_values: Any = None,
    stack_name: str = "",
    **ports: Any,
) -> PinResult:
    """Pin a template or a fragment as the macro does."""
    fragment = read_fragment(dict(template), dict(params or {}))
    usable = (settings or Settings()).snippet_parameters
    scope = fragment.make_scope(values or {}, usable, region=REGION, account_id=ACCOUNT)
    scope = replace(scope, stack_name=stack_name)
    resolvers = Resolvers(digests or EveryDigest(), external_values or ExpectedLookups(), **ports)
    return pin_template(fragment, scope, settings or Settings(), lambda _: resolvers, Deadline.after(60))


def task(*images: Any, **others: Any) -> dict[str, Any]:
    """Return a task definition with a container for each image: web, web2 and so on."""
    names = ["web", *(f"web{number}" for number in range(2, len(images) + 1))]
    containers = [{"Name": name, "Image": image, **others} for name, image in zip(names, images, strict=False)]
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": containers}}


def template_of(image: Any, **sections: Any) -> dict[str, Any]:
    """Return a template with one task definition `Web`, and with further sections."""
    return {"Resources": {"Web": task(image)}, **sections}


def image_in(template: Any, resource: str = "Web", container: int = 0) -> Any:
    """Return the image of a container."""
    return template["Resources"][resource]["Properties"]["ContainerDefinitions"][container]["Image"]


def problems_of(result: PinResult) -> list[tuple[str, str]]:
    """Return the path and the cause of each problem of a failed result."""
    assert not result.report.succeeded
    assert result.edits == ()
    return [(str(problem.path), problem.cause) for problem in result.report.problems]


def statuses_of(result: PinResult) -> dict[str, str]:
    """Return the status of each image by its path."""
    return {image["path"]: image["status"] for image in result.report.to_json()["images"]}
