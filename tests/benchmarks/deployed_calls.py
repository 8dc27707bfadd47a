"""The number of requests that looking up deployed images needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from image_pinner.core.deployed import Deployed, DeployedLookup
from image_pinner.core.template.options import Refresh
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.sites import SiteIdentity
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.deployed.source import AwsDeployedImages
from image_pinner.sources.interface import Deadline
from support.deployed_images import FIRST, REGION, REPOSITORY, FakeAws, container, service_arn, task_definition_arn

SERVICES, CONTAINERS = 100, 5


def figures() -> Iterator[str]:
    """Count the requests, and yield the results."""
    images = SERVICES * CONTAINERS
    for refresh in (Refresh.NEVER, Refresh.ON_CHANGE):
        calls = _count(refresh)
        # One list page per 100 resources, 10 services and 20 revisions a call, and one task definition a call.
        target = 2 * SERVICES // 100 + SERVICES // 10 + SERVICES // 20 + SERVICES
        shown = ", ".join(f"{count} {operation}" for operation, count in sorted(calls.items()))
        yield (
            f"requests for {images} deployed images in {SERVICES} services with Refresh={refresh.value}: "
            f"{calls.total()} (target: at most {target}): {shown}"
        )


def _count(refresh: Refresh) -> Counter[str]:
    aws, names = FakeAws(), [f"app{number}" for number in range(SERVICES)]
    resources: dict[str, tuple[str, str]] = {}
    for name in names:
        containers = [f"c{number}" for number in range(CONTAINERS)]
        # A stack from before ImagePinner: only ECS knows the digests.
        aws.task_definition(f"{name}:1", *(container(f"{REPOSITORY}/{name}:1", one) for one in containers))
        aws.running(f"shop/{name}", f"{name}:1", **dict.fromkeys(containers, FIRST))
        resources[f"Task{name}"] = ("AWS::ECS::TaskDefinition", task_definition_arn(f"{name}:1"))
        resources[f"Service{name}"] = ("AWS::ECS::Service", service_arn("shop", name))
    aws.stack("shop", **resources)
    lookups = [
        DeployedLookup(
            SiteIdentity(f"Task{name}", f"c{number}", TemplatePath(("Properties", "ContainerDefinitions", number))),
            "AWS::ECS::TaskDefinition",
            refresh,
            f"Properties.ContainerDefinitions[{number}].Image",
            "shop",
            (f"Service{name}",),
        )
        for name in names
        for number in range(CONTAINERS)
    ]
    states = AwsDeployedImages(AwsClients(lambda: aws), REGION).read_deployed(lookups, Deadline.after(120))
    if not all(isinstance(state, Deployed) for state in states.values()):
        raise AssertionError(states)
    return Counter(operation for operation, _ in aws.calls)
