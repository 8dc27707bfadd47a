"""Taking the macro away from a region, unless somebody still needs it."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.cli.deployment.bucket_removal import remove_bucket
from image_pinner.cli.deployment.deleting import delete
from image_pinner.cli.deployment.identity import who_asks
from image_pinner.cli.deployment.installing import protect
from image_pinner.cli.deployment.requests import Outcome
from image_pinner.cli.deployment.stacks import Stack, find_stack
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.cli.deployment.usage_search import who_names
from image_pinner.core.errors import ConfigurationError

_SHOWN = 20  # names in a message; all of them stand in lines of their own


class StillNeeded(ConfigurationError):  # noqa: N818 - the name says what is found
    """Templates of stacks name the macro."""


class Removal(NamedTuple):
    """What is to be taken away.

    Args:
        stack_name: The stack.
        even_if_used: Whether it goes although templates name the macro.
        delete_bucket: Whether the code goes too.
        dry_run: Whether everything is only shown.
    """

    stack_name: str = "image-pinner"
    even_if_used: bool = False
    delete_bucket: bool = False
    dry_run: bool = False


def uninstall(surroundings: Surroundings, region: str, removal: Removal) -> Outcome:
    """Delete the macro's stack.

    Args:
        surroundings: Who is asked and told.
        region: The region.
        removal: What goes.

    Returns:
        What it came to.

    Raises:
        StillNeeded: Templates of stacks name the macro, or could not be looked into.
        ConfigurationError: There is no such stack.
        SourceError: AWS could not be asked, or the stack could not be deleted.
    """
    teller = surroundings.teller
    owner = who_asks(surroundings.asker, region)
    stack = _ours(surroundings, region, removal.stack_name)
    macro = stack.parameters["MacroName"]
    _see_that_nobody_needs_it(surroundings, region, macro, removal, stack)
    bucket = _bucket(stack, region) if removal.delete_bucket else ""
    also = f" and what is ours in the bucket {bucket}" if bucket else ""
    if removal.dry_run:
        teller.line(f"{region}: the stack {stack.name} with the macro {macro}{also} would be deleted")
        return Outcome.SHOWN
    if not teller.agrees(f"Delete the stack {stack.name} with the macro {macro}{also} in {region}?"):
        teller.line(f"{region}: nothing was changed")
        return Outcome.DECLINED
    if stack.protected:
        protect(surroundings, region, stack.identifier, protected=False)
    delete(surroundings, region, stack)
    teller.line(f"{region}: the macro {macro} is gone; its log stays", "green")
    if bucket:
        remove_bucket(surroundings, owner, region, bucket)
    return Outcome.DONE


def _ours(surroundings: Surroundings, region: str, name: str) -> Stack:
    stack = find_stack(surroundings.asker, region, name)
    if stack is None or stack.status == "DELETE_COMPLETE":
        raise ConfigurationError(
            f"there is no stack {name} in {region}", "Name it by --stack-name, or another region by --region"
        )
    if not {"MacroName", "CodeKey"} <= set(stack.parameters):
        raise ConfigurationError(
            f"the stack {name} in {region} was not made from ImagePinner's template", "Name the right one"
        )
    if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        raise ConfigurationError(
            f"the stack {name} in {region} is in {stack.status}: somebody else changes it just now",
            "Wait until that has ended, then run this again",
        )
    return stack


def _see_that_nobody_needs_it(
    surroundings: Surroundings, region: str, macro: str, removal: Removal, stack: Stack
) -> None:
    usage = who_names(surroundings, region, macro, stack.identifier)
    lines = [*usage.naming, *(f"{name} (unknown: {problem})" for name, problem in usage.unknown)]
    for line in lines:
        surroundings.teller.line(f"  {line}", "yellow")
    if not lines:
        surroundings.teller.line(f"{region}: none of {usage.looked_at} stacks names the macro {macro}")
        return
    if removal.even_if_used:
        return
    told = []
    if usage.naming:
        told.append(f"named by the templates of {_listed(usage.naming)}")
    if usage.unknown:
        unread = tuple(name for name, _ in usage.unknown)
        told.append(f"perhaps named by the templates of {_listed(unread, ' that could not be read')}")
    raise StillNeeded(
        f"the macro {macro} in {region} is {', and '.join(told)}",
        "Their next update would fail without it: take it out of them first, or give --even-if-used",
    )


def _listed(names: tuple[str, ...], which: str = "") -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    stacks = "1 stack" if len(names) == 1 else f"{len(names)} stacks"
    return f"{stacks}{which}: {', '.join(names[:_SHOWN])}{more}"


def _bucket(stack: Stack, region: str) -> str:
    name = stack.parameters.get("CodeBucket", "")
    return f"{name}-{region}" if stack.parameters.get("CodeBucketPerRegion") == "true" else name
