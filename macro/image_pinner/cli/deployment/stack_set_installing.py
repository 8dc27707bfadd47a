"""Installing the macro into the accounts of an organization, by a stack set that the service manages."""

from __future__ import annotations

from typing import Any, NamedTuple

from image_pinner.cli.deployment.buckets import Bucket, find_bucket, make_ready
from image_pinner.cli.deployment.identity import who_asks
from image_pinner.cli.deployment.installing import chosen
from image_pinner.cli.deployment.organization import Organization, organization_of, root_of
from image_pinner.cli.deployment.parameter_choices import Choice, Origin, to_send
from image_pinner.cli.deployment.requests import Outcome, Request
from image_pinner.cli.deployment.stack_set_instances import Instance, instances_of
from image_pinner.cli.deployment.stack_set_operations import (
    PREFERENCES,
    StackSet,
    ask,
    find_stack_set,
    parameters_of,
    see_through,
)
from image_pinner.cli.deployment.stack_set_targets import ResultLine, Targets, counted, reaches
from image_pinner.cli.deployment.stacks import Stack
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.cli.deployment.uploads import is_uploaded, upload
from image_pinner.core.errors import ConfigurationError, SourceError


class _Plan(NamedTuple):
    stack_set: StackSet
    told: dict[str, Any] | None
    organization: Organization
    targets: Targets
    buckets: tuple[Bucket, ...]
    choices: tuple[Choice, ...]
    tags: dict[str, str]
    instances: tuple[Instance, ...] = ()

    @property
    def behind(self) -> tuple[Instance, ...]:
        """The stacks that are not as the stack set wants them, after an operation that failed for them for example."""
        return tuple(one for one in self.instances if not one.is_current)

    @property
    def differs(self) -> bool:
        """Whether the stack set itself has to be changed."""
        before = parameters_of(self.stack_set, self.told) if self.told else {}
        # A stack set names the values that it was given, and not those that are the template's defaults.
        told = [one for one in self.choices if one.name in before or one.origin is not Origin.DEFAULT]
        moved = any(before.get(choice.name) != choice.value for choice in told)
        return moved or self.tags != _tags(self.told)


def install_everywhere(surroundings: Surroundings, name: str, targets: Targets, request: Request) -> Outcome:
    """Install the macro into accounts of the organization, or bring what is installed there up to date.

    There is no change set for a stack set, so that where it goes and with which parameters is shown instead.

    Args:
        surroundings: Who is asked and told.
        name: The stack set.
        targets: Where to; the stack set itself is kept in the first region.
        request: What is wanted.

    Returns:
        What it came to.

    Raises:
        ConfigurationError: The request does not fit what is there.
        SourceError: AWS could not be asked, or it failed in an account and region.
    """
    teller = surroundings.teller
    plan = _plan(surroundings, name, targets, request)
    _show(surroundings, plan)
    if plan.told and not plan.differs and not plan.behind and _is_everywhere(plan, plan.told):
        teller.line(f"stack set {name}: nothing to change", "green")
        return Outcome.UNCHANGED
    if request.dry_run:
        teller.line(f"stack set {name}: nothing was changed")
        return Outcome.SHOWN
    if not teller.agrees(f"{'Update' if plan.told else 'Create'} the stack set {name}?"):
        return Outcome.DECLINED
    for bucket in plan.buckets:
        make_ready(surroundings.asker, bucket, plan.organization.identifier)
        if not is_uploaded(surroundings.asker, bucket, request.code):
            upload(surroundings.asker, bucket, request.code)
    failed = _deploy(surroundings, plan, request)
    if failed:
        first = failed[0]
        raise SourceError(
            f"the stack set {name} failed in {counted(failed)}, first in {first.account} {first.region}:"
            f" {first.reason or first.status}",
            "Correct that, then run this again",
        )
    teller.line(f"stack set {name}: ImagePinner {request.code.version} is there", "green")
    return Outcome.DONE


def _plan(surroundings: Surroundings, name: str, targets: Targets, request: Request) -> _Plan:
    asker, home = surroundings.asker, targets.regions[0]
    owner = who_asks(asker, home)
    organization = organization_of(asker, home, owner)
    if not targets.units:
        targets = targets._replace(units=(root_of(asker, home),))
    stack_set = StackSet(home, name, organization.call_as)
    told = find_stack_set(surroundings, stack_set)
    if told is None and request.must_exist:
        raise ConfigurationError(
            f"there is no stack set {name} in {home} to upgrade",
            "Install it first by image-pinner install, with the region that it is kept in first",
        )
    stem = request.bucket or f"image-pinner-{owner.account}"
    buckets = tuple(
        find_bucket(asker, owner, region, f"{stem}-{region}" if request.bucket else "") for region in targets.regions
    )
    before = parameters_of(stack_set, told) if told else None
    stack = Stack("", name, "", "", before, {}, {}, protected=False) if before is not None else None
    choices = chosen(request, {"CodeBucket": stem, "CodeBucketPerRegion": "true"}, stack)
    tags = _tags(told) | dict(request.tags)
    instances = instances_of(surroundings, stack_set) if told else ()
    return _Plan(stack_set, told, organization, targets, buckets, choices, tags, instances)


def _is_everywhere(plan: _Plan, told: dict[str, Any]) -> bool:
    return reaches(told, {(one.account, one.region) for one in plan.instances}, plan.targets)


def _tags(told: dict[str, Any] | None) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in (told or {}).get("Tags", ())}


def _show(surroundings: Surroundings, plan: _Plan) -> None:
    line = surroundings.teller.line
    line(f"stack set {plan.stack_set.name} in {plan.stack_set.region}, {'is there' if plan.told else 'new'}")
    line(f"  To {plan.targets}")
    for bucket in plan.buckets:
        line(f"  Bucket {bucket.name} ({'is there' if bucket.exists else 'will be made'})")
        if not bucket.ours:
            line(
                f"  Its policy is yours: it must let the organization {plan.organization.identifier} read it", "yellow"
            )
    for instance in plan.behind:
        line(f"  Behind: {instance}", "yellow")
    for choice in plan.choices:
        if choice.changed:
            line(f"  {choice}")


def _deploy(surroundings: Surroundings, plan: _Plan, request: Request) -> list[ResultLine]:
    content: dict[str, Any] = {
        "TemplateBody": request.template.text,
        "Capabilities": request.template.capabilities,
        "Parameters": to_send(plan.choices),
    }
    if plan.tags:
        content["Tags"] = [{"Key": key, "Value": value} for key, value in plan.tags.items()]
    failed: list[ResultLine] = []
    if plan.told is None:
        ask(
            surroundings,
            plan.stack_set,
            "create_stack_set",
            **content,
            PermissionModel="SERVICE_MANAGED",
            AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
        )
    elif plan.differs or plan.behind:
        begun = ask(surroundings, plan.stack_set, "update_stack_set", **content, OperationPreferences=PREFERENCES)
        failed = see_through(surroundings, plan.stack_set, begun["OperationId"])
    if failed:
        return failed
    begun = ask(
        surroundings,
        plan.stack_set,
        "create_stack_instances",
        DeploymentTargets=plan.targets.to_request(),
        Regions=list(plan.targets.regions),
        OperationPreferences=PREFERENCES,
    )
    return see_through(surroundings, plan.stack_set, begun["OperationId"])
