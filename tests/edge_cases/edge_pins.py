"""Pin the images of an edge case, and return the result or the message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from image_pinner.core.images.lookups import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.fragments import read_fragment
from image_pinner.pinning import PinResult, Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.credentials.interface import AnonymousCredentials, CredentialSource
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.interface import Deadline, DigestResolver
from image_pinner.sources.oci.resolver import OciRegistryResolver
from support.aws import FakeEcr
from support.images import (
    CONFIG,
    INDEX,
    MANIFEST,
    descriptor,
    docker_image,
    docker_list,
    encoded,
    platform,
)
from support.registries import Answer, ScriptedRegistry, open_transport
from support.templates import ExpectedLookups, pin, task

IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"
CODE = "Resources.Web.Properties.Code.ImageUri"
APP = "team/app:1"
LIE = f"sha256:{'0' * 64}"

OF_DOCKER = docker_image(CONFIG)
LIST = docker_list(descriptor(DOCKER_MANIFEST, OF_DOCKER, **platform("linux", "amd64")))
SCHEMA_1 = encoded({"schemaVersion": 1, "name": "team/app", "tag": "1", "fsLayers": [], "signatures": [{"header": {}}]})
STORED = [(MANIFEST, OCI_MANIFEST), (OF_DOCKER, DOCKER_MANIFEST), (INDEX, OCI_INDEX), (LIST, DOCKER_LIST)]


def pinned(registry: ScriptedRegistry, manifest: bytes, repository: str = "team/app") -> str:
    return f"{registry.host}/{repository}@{Digest.of(manifest)}"


def headerless(body: bytes, media_type: str) -> Answer:
    """Return a response without a digest header."""
    return Answer(200, {"Content-Type": media_type}, body)


def failing(status: int, code: str, message: str, **headers: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Answer(status, {"Content-Type": "application/json", **headers}, body)


def function(image: str, *architectures: str) -> dict[str, Any]:
    """Return a Lambda function, which does not accept an index."""
    machine = {"Architectures": list(architectures)} if architectures else {}
    return {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": image}, **machine}}


def task_on(system: str, machine: str, image: str) -> dict[str, Any]:
    """Return a task definition with a runtime platform."""
    made = task(image)
    made["Properties"]["RuntimePlatform"] = {"OperatingSystemFamily": system, "CpuArchitecture": machine}
    return made


def pin_in(digests: DigestResolver, *resources: str | dict[str, Any], settings: Settings | None = None) -> PinResult:
    """Pin resources `Web`, `Web2` and so on; a string is the image property of a task definition."""
    return pin(_template(resources), settings=settings, digests=digests)


def pin_from(
    registry: ScriptedRegistry,
    *images: str,
    options: str = "",
    credentials: CredentialSource | None = None,
    hosts: RegistryHosts | None = None,
    seconds: float = 20.0,
    transport: dict[str, Any] | None = None,
) -> PinResult:
    """Pin images of a registry on loopback, in one template: resources `Web`, `Web2` and so on."""
    with open_transport(**(transport or {})) as opened:
        known = hosts or RegistryHosts([registry.host])
        resolver = OciRegistryResolver(opened, credentials or AnonymousCredentials(), known)
        return pin_within(seconds, resolver, *(f"!PinDigest {options} {registry.host}/{name}" for name in images))


def pin_within(seconds: float, digests: DigestResolver, *resources: str | dict[str, Any]) -> PinResult:
    """Pin resources like `pin_in`, within a number of seconds."""
    template = _template(resources)
    scope = Scope.of_template(template, {}, region="us-east-1", account_id="111122223333")
    resolvers = Resolvers(digests, ExpectedLookups())
    return pin_template(read_fragment(template, {}), scope, Settings(), lambda _: resolvers, Deadline.after(seconds))


def _template(resources: Sequence[str | dict[str, Any]]) -> dict[str, Any]:
    names = ["Web", *(f"Web{number}" for number in range(2, len(resources) + 1))]
    made = [task(one) if isinstance(one, str) else one for one in resources]
    return {"Resources": dict(zip(names, made, strict=True))}


def refusals(result: PinResult) -> list[str]:
    """Return all messages after checking that nothing was changed and each has a path, a cause and help."""
    assert not result.report.succeeded
    assert result.edits == ()
    for problem in result.report.problems:
        assert str(problem.path)
        assert problem.cause
        assert problem.help
    return [str(problem) for problem in result.report.problems]


def refusal(result: PinResult, path: str = IMAGE) -> str:
    """Return the only message, which is about this property path."""
    (text,) = refusals(result)
    assert text.startswith(f"{path}: ")
    return text


def image(result: PinResult, resource: str = "Web") -> str:
    """Return the image of a resource after a success."""
    assert result.report.succeeded, refusals(result)
    answer: Any = result.answer
    properties = answer["Resources"][resource]["Properties"]
    found = properties["ContainerDefinitions"][0]["Image"] if "ContainerDefinitions" in properties else None
    return str(found or properties["Code"]["ImageUri"])


def reported(result: PinResult, path: str = IMAGE) -> dict[str, Any]:
    """Return the entry of the report for a property path."""
    (entry,) = [entry for entry in result.report.to_json()["images"] if entry["path"] == path]
    return dict(entry)


def ecr_resolver(ecr: FakeEcr, **more: Any) -> EcrResolver:
    """Return a resolver for a fake ECR."""
    return EcrResolver(AwsClients(lambda: ecr), download=ecr.download, **more)
