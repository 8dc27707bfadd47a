"""Installing the macro into one region: found out, shown, agreed to, done, and watched to its end."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from image_pinner.cli.deployment.aws_access import AskFailed
from image_pinner.cli.deployment.buckets import Bucket, find_bucket, make_ready
from image_pinner.cli.deployment.change_sets import (
    NothingToChange,
    Order,
    Planned,
    execute,
    plan,
    throw_away,
)
from image_pinner.cli.deployment.changes import summary
from image_pinner.cli.deployment.deleting import delete
from image_pinner.cli.deployment.identity import who_asks
from image_pinner.cli.deployment.parameter_choices import Choice, choose, to_send
from image_pinner.cli.deployment.requests import Outcome, Request
from image_pinner.cli.deployment.revision import revision_of
from image_pinner.cli.deployment.stack_states import Absent, Blocked, Failed, Ready, standing
from image_pinner.cli.deployment.stacks import Stack, find_stack, stack_with_macro
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.cli.deployment.uploads import is_uploaded, upload
from image_pinner.cli.deployment.watching import newest_event, watch
from image_pinner.core.errors import ConfigurationError, SourceError

_DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


class _Intent(NamedTuple):
    """What is to be done in a region, as far as it is known before CloudFormation is asked."""

    region: str
    stack: Stack | None
    bucket: Bucket
    uploaded: bool
    choices: tuple[Choice, ...]


def install(surroundings: Surroundings, region: str, request: Request) -> Outcome:
    """Install the macro, or bring what is installed up to date.

    Nothing but a change set is made before the user agrees.

    Args:
        surroundings: Who is asked and told.
        region: The region.
        request: What is wanted.

    Returns:
        What it came to.

    Raises:
        ConfigurationError: The request does not fit what is there.
        SourceError: AWS could not be asked, or the stack failed.
    """
    teller = surroundings.teller
    owner = who_asks(surroundings.asker, region)
    teller.line(f"{region}: account {owner.account}, stack {request.stack_name}")
    state = standing(find_stack(surroundings.asker, region, request.stack_name), region)
    if isinstance(state, Failed) and request.replace_failed and request.dry_run:
        teller.line(f"  {state.cause}. It would be deleted first, and the stack created anew.", "yellow")
        return Outcome.SHOWN
    stack = _usable(surroundings, region, request, state)
    bucket = find_bucket(surroundings.asker, owner, region, request.bucket)
    choices = chosen(request, {"CodeBucket": bucket.name, "CodeBucketPerRegion": "false"}, stack)
    _see_that_the_name_is_free(surroundings, region, choices, stack)
    intent = _Intent(region, stack, bucket, is_uploaded(surroundings.asker, bucket, request.code), choices)
    _show_intent(surroundings, request, intent)
    planned = plan(surroundings, _order(request, intent))
    if isinstance(planned, NothingToChange):
        if stack and request.protected is not None and not request.dry_run:
            protect(surroundings, region, stack.identifier, protected=request.protected)
        teller.line(f"{region}: nothing to change", "green")
        return Outcome.UNCHANGED
    return _carry_out(surroundings, request, intent, planned)


def chosen(request: Request, own: dict[str, str], stack: Stack | None) -> tuple[Choice, ...]:
    """Choose the parameters' values, and the revision that follows from them.

    Args:
        request: What is wanted.
        own: Where the code lies.
        stack: The stack that is there, whose values are kept unless others are given.

    Returns:
        The choices.

    Raises:
        ConfigurationError: A parameter has no value.
    """
    declared = request.template.parameters
    before = stack.parameters if stack else {}
    own = own | {"CodeKey": request.code.key, "Revision": ""}
    choices = choose(declared, request.parameters, before, own)
    revision = revision_of(request.code.sha256, request.template, choices)
    return choose(declared, request.parameters, before, own | {"Revision": revision})


def protect(surroundings: Surroundings, region: str, stack: str, *, protected: bool) -> None:
    """Turn termination protection on or off.

    Raises:
        AskFailed: CloudFormation refused.
    """
    surroundings.asker.ask(
        "cloudformation",
        region,
        "update_termination_protection",
        StackName=stack,
        EnableTerminationProtection=protected,
    )


def _usable(
    surroundings: Surroundings, region: str, request: Request, state: Absent | Ready | Failed | Blocked
) -> Stack | None:
    match state:
        case Ready(stack):
            return stack
        case Blocked(cause, help):
            raise ConfigurationError(cause, help)
        case Failed(stack, cause, help):
            if not request.replace_failed:
                raise ConfigurationError(cause, help)
            if not surroundings.teller.agrees(f"Delete the stack {stack.name} in {region}, {stack.status}?"):
                raise ConfigurationError(cause, help)
            delete(surroundings, region, stack)
        case Absent():
            pass
        case _:
            assert_never(state)
    if request.must_exist:
        raise ConfigurationError(
            f"there is no stack {request.stack_name} in {region} to upgrade",
            "Install it first by image-pinner install, or name another by --stack-name",
        )
    return None


def _see_that_the_name_is_free(
    surroundings: Surroundings, region: str, choices: tuple[Choice, ...], stack: Stack | None
) -> None:
    macro = next(choice.value for choice in choices if choice.name == "MacroName")
    try:
        holder = stack_with_macro(surroundings.asker, region, macro)
    except AskFailed as failure:
        # CloudFormation refuses a name that is taken anyway, later and in its own words.
        surroundings.teller.line(f"  Whether the name {macro} is free is not known: {failure.cause}", "yellow")
        return
    if holder and (stack is None or holder != stack.identifier):
        name = holder.split("/")[1]
        raise ConfigurationError(
            f"the name {macro} is taken in {region} by the macro of the stack {name}",
            f"Choose another by --macro-name, or change that one by --stack-name {name}",
        )


def _show_intent(surroundings: Surroundings, request: Request, intent: _Intent) -> None:
    line = surroundings.teller.line
    there = "is there" if intent.bucket.exists else "will be made"
    sent = "is uploaded already" if intent.uploaded else f"{len(request.code.data):,} bytes will be uploaded"
    line(f"  Bucket {intent.bucket.name} ({there})")
    line(f"  Code {request.code.key} ({sent})")
    for choice in intent.choices:
        if choice.changed:
            line(f"  {choice}")


def _order(request: Request, intent: _Intent) -> Order:
    tags = dict(intent.stack.tags if intent.stack else {}) | dict(request.tags) if request.tags else {}
    sent = to_send(intent.choices)
    is_new = intent.stack is None
    return Order(intent.region, request.stack_name, is_new, request.template, sent, tags, request.role_arn)


def _carry_out(surroundings: Surroundings, request: Request, intent: _Intent, planned: Planned) -> Outcome:
    teller, region = surroundings.teller, intent.region
    try:
        teller.line(f"{region}: the change set has {summary(planned.changes)}")
        for change in planned.changes:
            teller.line(str(change), change.style)
        agreed = not request.dry_run and teller.agrees(f"Change the stack {request.stack_name} in {region}?")
        if not agreed:
            _abandon(surroundings, planned)
            teller.line(f"{region}: nothing was changed")
            return Outcome.SHOWN if request.dry_run else Outcome.DECLINED
        make_ready(surroundings.asker, intent.bucket)
        if not intent.uploaded:
            upload(surroundings.asker, intent.bucket, request.code)
        last = newest_event(surroundings.asker, region, planned.stack)
        execute(surroundings, planned)
    except BaseException:
        _abandon(surroundings, planned)
        raise
    return _see_through(surroundings, request, planned, last)


def _abandon(surroundings: Surroundings, planned: Planned) -> None:
    """Throw a change set away; that this fails must not hide what happened before."""
    try:
        throw_away(surroundings, planned)
    except SourceError as error:
        surroundings.teller.line(f"The change set {planned.identifier} is left: {error.diagnostics()}", "yellow")


def _see_through(surroundings: Surroundings, request: Request, planned: Planned, last: str) -> Outcome:
    region = planned.order.region
    stack = find_stack(surroundings.asker, region, planned.stack)
    if stack is None:
        raise SourceError(f"the stack {request.stack_name} in {region} has gone", "Somebody deleted it; install again")
    rest = watch(surroundings, region, stack, last)
    if rest.status not in _DONE:
        because = f": {rest.cause.name} ({rest.cause.kind}): {rest.cause.reason}" if rest.cause else ""
        raise SourceError(
            f"the stack {request.stack_name} in {region} failed and is in {rest.status}{because}",
            "Correct that, then run this again" + (" with --replace-failed" if planned.order.is_new else ""),
        )
    wanted = request.protected if request.protected is not None else (True if planned.order.is_new else None)
    if wanted is not None:
        protect(surroundings, region, planned.stack, protected=wanted)
    stack = find_stack(surroundings.asker, region, planned.stack) or stack
    macro, version = stack.outputs.get("MacroName", ""), stack.outputs.get("Version", "")
    surroundings.teller.line(
        f"{region}: the macro {macro} is ImagePinner {request.code.version}, version {version} of its function", "green"
    )
    return Outcome.DONE
