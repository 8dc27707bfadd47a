"""Taking the macro away from the accounts of an organization, and the stack set with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from image_pinner.cli.deployment.bucket_removal import remove_bucket
from image_pinner.cli.deployment.identity import Identity, who_asks
from image_pinner.cli.deployment.organization import organization_of, root_of
from image_pinner.cli.deployment.requests import Outcome
from image_pinner.cli.deployment.stack_set_instances import Instance, instances_of, last_operation
from image_pinner.cli.deployment.stack_set_operations import (
    PREFERENCES,
    StackSet,
    ask,
    find_stack_set,
    parameters_of,
    see_through,
)
from image_pinner.cli.deployment.stack_set_targets import ResultLine, Targets, counted
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.cli.deployment.uninstalling import Removal, StillNeeded
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError

_SELF_MANAGED = "SELF_MANAGED"


class _Plan(NamedTuple):
    stack_set: StackSet
    owner: Identity
    macro: str
    instances: tuple[Instance, ...]
    targets: tuple[Targets, ...]
    buckets: tuple[tuple[str, str], ...]

    @property
    def stacks(self) -> str:
        """How many there are."""
        return "1 stack" if len(self.instances) == 1 else f"{len(self.instances)} stacks"

    def __str__(self) -> str:
        what = f"the stack set {self.stack_set.name} with {self.stacks} of the macro {self.macro}"
        names = ", ".join(name for _, name in self.buckets)
        return f"{what} and what is ours in {names}" if names else what


def uninstall_everywhere(surroundings: Surroundings, region: str, removal: Removal) -> Outcome:
    """Delete all stacks of a stack set, then the stack set.

    Args:
        surroundings: Who is asked and told.
        region: The region that the stack set is kept in.
        removal: What goes; its stack is the stack set.

    Returns:
        What it came to.

    Raises:
        StillNeeded: Templates of other accounts may name the macro, and nobody said that it goes all the same.
        ConfigurationError: There is no such stack set, or the caller may not administer it.
        SourceError: AWS could not be asked, or a stack could not be deleted.
    """
    teller = surroundings.teller
    plan = _plan(surroundings, region, removal)
    name = plan.stack_set.name
    teller.line(f"stack set {name} in {region}, {plan.stacks}")
    for instance in plan.instances:
        teller.line(f"  {instance}")
    if plan.instances and not removal.even_if_used:
        raise StillNeeded(
            f"whether templates name the macro {plan.macro} is not known: the stack set {name} reaches other accounts,"
            " and their templates cannot be read from here",
            "Their next update would fail without it: take it out of them first, then give --even-if-used",
        )
    if removal.dry_run:
        teller.line(f"{region}: {plan} would be deleted")
        return Outcome.SHOWN
    if not teller.agrees(f"Delete {plan}?"):
        teller.line(f"{region}: nothing was changed")
        return Outcome.DECLINED
    _delete_instances(surroundings, plan)
    ask(surroundings, plan.stack_set, "delete_stack_set")
    teller.line(f"{region}: the stack set {name} is gone, and the macro {plan.macro} with it; the logs stay", "green")
    _remove_buckets(surroundings, plan)
    return Outcome.DONE


def _plan(surroundings: Surroundings, region: str, removal: Removal) -> _Plan:
    owner = who_asks(surroundings.asker, region)
    stack_set = StackSet(region, removal.stack_name, organization_of(surroundings.asker, region, owner).call_as)
    told = find_stack_set(surroundings, stack_set)
    if told is None:
        raise ConfigurationError(
            f"there is no stack set {stack_set.name} in {region}",
            "Name the right one by --stack-set, or the region that it is kept in by --region",
        )
    values = parameters_of(stack_set, told)
    _see_that_it_can_go(surroundings, stack_set, told)
    instances = instances_of(surroundings, stack_set)
    targets = _targets(surroundings, region, told, instances)
    buckets = _buckets(values, region, {one for target in targets for one in target.regions})
    if removal.delete_bucket and not buckets:
        # So it is after a run whose last step failed.
        surroundings.teller.line(
            f"stack set {stack_set.name}: it reaches no region, so that no bucket is known to delete:"
            f" look for {values.get('CodeBucket', '')}-REGION yourself",
            "yellow",
        )
    return _Plan(
        stack_set,
        owner,
        values.get("MacroName", "ImagePinner"),
        instances,
        targets,
        buckets if removal.delete_bucket else (),
    )


def _see_that_it_can_go(surroundings: Surroundings, stack_set: StackSet, told: Mapping[str, Any]) -> None:
    if told.get("PermissionModel") == _SELF_MANAGED:
        raise ConfigurationError(
            f"the stack set {stack_set.name} in {stack_set.region} has permissions of your own, which this command"
            " does not make",
            "Delete it as it was made: aws cloudformation delete-stack-instances, then delete-stack-set",
        )
    last = last_operation(surroundings, stack_set)
    if last and last.is_under_way:
        raise SourceError(
            f"the stack set {stack_set.name} is being changed by somebody else: {last}",
            "Wait for that, then run this again",
        )


def _targets(
    surroundings: Surroundings, region: str, told: Mapping[str, Any], instances: Iterable[Instance]
) -> tuple[Targets, ...]:
    """Give where stacks are: units that were given the same regions together.

    Units without an account count as well, since a later account would get a stack.
    """
    units = told.get("OrganizationalUnitIds", ())
    reached = {unit: set(told.get("Regions", ())) for unit in units}
    for instance in instances:
        for unit in (instance.unit,) if instance.unit else units or (root_of(surroundings.asker, region),):
            reached.setdefault(unit, set()).add(instance.region)
    together: dict[tuple[str, ...], list[str]] = {}
    for unit, regions in sorted(reached.items()):
        if regions:
            together.setdefault(tuple(sorted(regions)), []).append(unit)
    return tuple(Targets(regions, tuple(found), ()) for regions, found in together.items())


def _buckets(values: Mapping[str, str], home: str, regions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    stem = values.get("CodeBucket", "")
    if values.get("CodeBucketPerRegion") != "true":
        return ((home, stem),) if stem else ()
    return tuple((region, f"{stem}-{region}") for region in sorted(regions))


def _delete_instances(surroundings: Surroundings, plan: _Plan) -> None:
    failed: list[ResultLine] = []
    for targets in plan.targets:
        begun = ask(
            surroundings,
            plan.stack_set,
            "delete_stack_instances",
            DeploymentTargets=targets.to_request(),
            Regions=list(targets.regions),
            RetainStacks=False,
            OperationPreferences=PREFERENCES,
        )
        failed += see_through(surroundings, plan.stack_set, begun["OperationId"])
    if failed:
        first = failed[0]
        raise SourceError(
            f"the stacks of the stack set {plan.stack_set.name} could not be deleted in {counted(failed)}, first in"
            f" {first.account} {first.region}: {first.reason or first.status}",
            "Correct that, then run this again; the stack set and the code are still there",
        )


def _remove_buckets(surroundings: Surroundings, plan: _Plan) -> None:
    left: list[str] = []
    for region, name in plan.buckets:
        try:
            remove_bucket(surroundings, plan.owner, region, name)
        except ImagePinnerError as error:
            surroundings.teller.line(f"{region}: {error.diagnostics()}", "red")
            left.append(name)
    if left:
        raise SourceError(
            f"the stack set {plan.stack_set.name} is gone, and the code is still in {', '.join(left)}",
            "Delete what is left of them yourself",
        )
