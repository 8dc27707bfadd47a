"""Install or update the macro: plan, show, confirm, execute, and wait."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from image_pinner.cli.deployment.aws import AwsApiError
from image_pinner.cli.deployment.bucket import list_missing_protections, prepare_bucket, upload
from image_pinner.cli.deployment.change_sets import (
    ChangeSet,
    create_change_set,
    delete_change_set,
    execute_change_set,
    summarize,
)
from image_pinner.cli.deployment.organization import list_stack_instances, read_stack_set_template
from image_pinner.cli.deployment.plan import (
    InstallPlan,
    InstallRequest,
    change_set_request,
    plan_account,
    plan_organization,
    show_plan,
    with_code_version,
)
from image_pinner.cli.deployment.session import DeploymentOutcome, DeploymentSession
from image_pinner.cli.deployment.stacks import (
    Absent,
    Blocked,
    Failed,
    Ready,
    Stack,
    delete_stack,
    find_stack,
    newest_event,
    set_termination_protection,
    stack_state,
    wait_for_stack,
)
from image_pinner.core.errors import ConfigurationError, SourceError

_DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def install(session: DeploymentSession, region: str, request: InstallRequest) -> DeploymentOutcome:
    """Install the macro, or update what is installed.

    Nothing but a change set is created before the user confirms. Raises `ConfigurationError` if the request does not
    fit what is deployed, and `SourceError` if AWS cannot be called or the deployment fails.
    """
    console = session.console
    owner = session.api.identify(region)
    console.print(f"{region}: account {owner.account}, stack {request.stack_name}")
    found = find_stack(session.api, region, request.stack_name)
    state = stack_state(found, region, organization=request.organization is not None)
    if isinstance(state, Failed) and request.replace_failed and request.dry_run:
        console.print(f"  {state.cause}; it would be deleted and created again", "yellow")
        return DeploymentOutcome.DRY_RUN
    stack = _usable_stack(session, region, request, state)
    plan_for = plan_account if request.organization is None else plan_organization
    plan = plan_for(session, region, owner, request, stack)
    show_plan(session, plan)
    change_set = create_change_set(session, change_set_request(request, plan))
    if change_set is None:
        if not request.dry_run:
            _protect_unchanged(session, request, plan)
        console.print(f"{region}: no changes", "green")
        return DeploymentOutcome.UNCHANGED
    return _deploy(session, request, plan, change_set)


def _protect_unchanged(session: DeploymentSession, request: InstallRequest, plan: InstallPlan) -> None:
    """Set what protects a stack and its buckets although the stack itself does not change."""
    if plan.stack and request.protected is not None:
        set_termination_protection(session.api, plan.region, plan.stack.identifier, enabled=request.protected)
    for bucket in plan.buckets:
        lacking = bucket.managed and bucket.exists and list_missing_protections(session.api, bucket)
        if lacking and session.console.confirm(f"Change the settings of bucket {bucket.name}?"):
            prepare_bucket(session.api, bucket, plan.organization_id)


def _usable_stack(
    session: DeploymentSession, region: str, request: InstallRequest, state: Absent | Ready | Failed | Blocked
) -> Stack | None:
    """Return the stack to update, or `None` if one is to be created."""
    match state:
        case Ready(stack):
            return stack
        case Blocked(cause, help):
            raise ConfigurationError(cause, help)
        case Failed(stack, cause, help):
            if not request.replace_failed:
                raise ConfigurationError(cause, help)
            if not session.console.confirm(f"Delete stack {stack.name} in {region}, which is in {stack.status}?"):
                raise ConfigurationError(cause, help)
            delete_stack(session, region, stack)
        case Absent():
            pass
        case _:
            assert_never(state)
    if request.must_exist:
        raise ConfigurationError(
            f"there is no stack {request.stack_name} in {region} to upgrade",
            "install the macro first: image-pinner install, or pass --stack-name with another name",
        )
    return None


def _deploy(
    session: DeploymentSession, request: InstallRequest, plan: InstallPlan, change_set: ChangeSet
) -> DeploymentOutcome:
    """Show a change set, and execute it if the user confirms."""
    api, console, region = session.api, session.console, plan.region
    try:
        console.print(f"{region}: change set: {summarize(change_set.changes)}")
        for change in change_set.changes:
            console.print(str(change), change.style)
        confirmed = not request.dry_run and console.confirm(f"Change stack {request.stack_name} in {region}?")
        if not confirmed:
            _discard(session, change_set)
            console.print(f"{region}: nothing was changed")
            return DeploymentOutcome.DRY_RUN if request.dry_run else DeploymentOutcome.DECLINED
        change_set = _upload(session, request, plan, change_set)
        last = newest_event(api, region, change_set.stack)
        execute_change_set(session, change_set)
    except BaseException:
        _discard(session, change_set)
        raise
    return _finish(session, request, change_set, last)


def _upload(session: DeploymentSession, request: InstallRequest, plan: InstallPlan, shown: ChangeSet) -> ChangeSet:
    """Upload what is missing, and return the change set to execute.

    The version of a new object is known only now, so a second change set names it. Its changes must be those that the
    user confirmed; CloudFormation deletes the first one when the second is executed.
    """
    for bucket in plan.buckets:
        prepare_bucket(session.api, bucket, plan.organization_id)
    versions = [upload(session.api, one.bucket, one.file) for one in plan.uploads if one.version is None]
    # Each region of an organization has a version of its own, which one stack set cannot express.
    version = "" if request.organization else next(iter(versions), "")
    if not version:
        return shown
    second = replace(change_set_request(request, with_code_version(plan, version)), name="uploaded")
    found = create_change_set(session, second)
    if found is None or found.changes != shown.changes:
        if found:
            _discard(session, found)
        raise SourceError(
            f"stack {request.stack_name} in {plan.region} was changed by another operation: its changes are not those"
            " that were confirmed",
            "run this again",
        )
    return found


def _discard(session: DeploymentSession, change_set: ChangeSet) -> None:
    """Delete a change set; a failure of this must not hide what happened before."""
    try:
        delete_change_set(session, change_set)
    except SourceError as error:
        session.console.print(f"cannot delete change set {change_set.identifier}: {error.cause}", "yellow")


def _finish(session: DeploymentSession, request: InstallRequest, change_set: ChangeSet, last: str) -> DeploymentOutcome:
    """Wait for the stack and report how it ended."""
    api, region, name = session.api, change_set.request.region, request.stack_name
    stack = find_stack(api, region, change_set.stack)
    if stack is None:
        raise SourceError(f"stack {name} in {region} was deleted by another operation", "install again")
    result = wait_for_stack(session, region, stack, last)
    if result.status not in _DONE:
        raise SourceError(
            f"stack {name} in {region} failed and is in {result.status}{result.because}",
            "fix the cause, then run this again" + (" with --replace-failed" if change_set.request.is_new else ""),
        )
    protected = request.protected if request.protected is not None else (True if change_set.request.is_new else None)
    if protected is not None:
        set_termination_protection(api, region, change_set.stack, enabled=protected)
    stack = find_stack(api, region, change_set.stack) or stack
    if request.organization:
        _check_template(session, request, region, stack)
        _report_instances(session, region, stack)
    else:
        _check_code(session, request, region, stack)
    macro, version = stack.outputs.get("MacroName", ""), stack.outputs.get("Version", "")
    target = f"function version {version}" if version else "organization"
    session.console.print(f"{region}: installed macro {macro}: ImagePinner {request.code.version}, {target}", "green")
    return DeploymentOutcome.DONE


def _check_code(session: DeploymentSession, request: InstallRequest, region: str, stack: Stack) -> None:
    """Compare the code that Lambda reports for the installed version with the package."""
    function, version = stack.outputs["FunctionName"], stack.outputs["Version"]
    try:
        reported = session.api.call(
            "lambda", region, "get_function_configuration", FunctionName=function, Qualifier=version
        )
    except AwsApiError as error:
        # The template binds the code, so this is the second check.
        session.console.print(f"  cannot check the code of version {version}: {error.cause}", "yellow")
        return
    if reported.get("CodeSha256") != request.code.checksum:
        raise SourceError(
            f"version {version} of function {function} in {region} does not have the code of this package: Lambda"
            f" reports SHA-256 {reported.get('CodeSha256')}, the package has {request.code.checksum}",
            "find out who may change the function and the bucket, then run this again with another package",
        )


def _check_template(session: DeploymentSession, request: InstallRequest, region: str, stack: Stack) -> None:
    """Compare the template of the stack set, which CloudFormation loads from the bucket, with that of this program."""
    try:
        deployed = read_stack_set_template(session.api, region, stack)
    except AwsApiError as error:
        session.console.print(f"  cannot check the template of the stack set: {error.cause}", "yellow")
        return
    if deployed.strip() != request.macro.text.strip():
        raise SourceError(
            f"stack set {stack.name} in {region} does not have the template of this version",
            f"find out who may write to bucket {stack.parameters['CodeBucket']}-{region}, then restore the template",
        )


def _report_instances(session: DeploymentSession, region: str, stack: Stack) -> None:
    """Print each account and region.

    The stack set tolerates failures, so that one account does not hold up the others; they are reported here.
    """
    instances = list_stack_instances(session.api, region, stack)
    for one in instances:
        session.console.print(f"  {one}", "green" if one.is_current else "red")
    failed = [one for one in instances if not one.is_current]
    if failed:
        raise SourceError(
            f"the macro is not current in {len(failed)} of {len(instances)} accounts and regions, first in {failed[0]}",
            "fix the cause, then run this again",
        )
