"""Install or update the macro: plan, show, confirm, execute, and wait."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from image_pinner.cli.deployment.aws import AwsApi, AwsApiError, Identity
from image_pinner.cli.deployment.bucket import (
    Bucket,
    BucketObject,
    bucket_stem,
    find_bucket,
    is_uploaded,
    list_missing_protections,
    prepare_bucket,
    upload,
)
from image_pinner.cli.deployment.change_sets import (
    ChangeSet,
    ChangeSetRequest,
    create_change_set,
    delete_change_set,
    execute_change_set,
    summarize,
)
from image_pinner.cli.deployment.code import PREFIX, Code
from image_pinner.cli.deployment.organization import (
    StackInstance,
    find_organization,
    list_stack_instances,
)
from image_pinner.cli.deployment.parameters import (
    ParameterValue,
    Template,
    compute_revision,
    resolve_parameters,
    to_request,
)
from image_pinner.cli.deployment.session import DeploymentOutcome, DeploymentSession
from image_pinner.cli.deployment.stacks import (
    Absent,
    Blocked,
    Failed,
    Ready,
    Stack,
    delete_stack,
    find_macro_owner,
    find_stack,
    newest_event,
    set_termination_protection,
    stack_state,
    wait_for_stack,
)
from image_pinner.core.errors import ConfigurationError, SourceError

_DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """What to install, and how.

    With `organization`, the template of the organization, that template is deployed and `macro` is what its stack set
    installs in each account. `protected` sets the termination protection; `None` turns it on for a new stack and leaves
    others as they are. `must_exist` makes it an upgrade. `replace_failed` deletes a stack first that can only be
    deleted.
    """

    code: Code
    macro: Template
    stack_name: str
    organization: Template | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""
    role_arn: str = ""
    protected: bool | None = None
    must_exist: bool = False
    replace_failed: bool = False
    dry_run: bool = False

    @property
    def template(self) -> Template:
        """The template that is deployed."""
        return self.organization or self.macro


@dataclass(frozen=True, slots=True)
class _Upload:
    bucket: Bucket
    file: BucketObject
    done: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to do in a region, as far as it is known before a change set exists."""

    region: str
    stack: Stack | None
    uploads: tuple[_Upload, ...]
    values: tuple[ParameterValue, ...]
    organization_id: str = ""
    not_current: tuple[StackInstance, ...] = ()

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The buckets, each once."""
        return tuple(dict.fromkeys(one.bucket for one in self.uploads))


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
    plan_for = _plan_account if request.organization is None else _plan_organization
    plan = plan_for(session, region, owner, request, stack)
    _show_plan(session, plan)
    change_set = create_change_set(session, _change_set_request(request, plan))
    if change_set is None:
        if not request.dry_run:
            _protect_unchanged(session, request, plan)
        console.print(f"{region}: no changes", "green")
        return DeploymentOutcome.UNCHANGED
    return _deploy(session, request, plan, change_set)


def _protect_unchanged(session: DeploymentSession, request: InstallRequest, plan: _Plan) -> None:
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


def _plan_account(
    session: DeploymentSession, region: str, owner: Identity, request: InstallRequest, stack: Stack | None
) -> _Plan:
    bucket = find_bucket(session.api, owner, region, request.bucket)
    values = _resolve_values(request, stack, {"CodeBucket": bucket.name, "CodeBucketPerRegion": "false"})
    _check_macro_name(session, region, values, stack)
    return _Plan(region, stack, _find_uploads(session.api, [bucket], [_code_file(request.code)]), values)


def _plan_organization(
    session: DeploymentSession, region: str, owner: Identity, request: InstallRequest, stack: Stack | None
) -> _Plan:
    """Plan a stack set. Each region needs a bucket of its own, and the region of the stack the macro's template too."""
    api = session.api
    organization = find_organization(api, region, owner)
    instances = list_stack_instances(api, region, stack) if stack else ()
    not_current = tuple(one for one in instances if not one.is_current)
    template = _template_file(request)
    retry = str(int(session.now())) if not_current else (stack.parameters.get("Retry", "") if stack else "")
    own = {
        "CodeBucket": request.bucket or bucket_stem(owner),
        "TemplateKey": template.key,
        "CallAs": organization.call_as,
        "Retry": retry,
    }
    values = _resolve_values(request, stack, own, {} if stack else {"Regions": region})
    regions = next(one.value for one in values if one.name == "Regions").split(",")
    named = {one: f"{request.bucket}-{one}" if request.bucket else "" for one in (region, *regions)}
    buckets = [find_bucket(api, owner, one, name) for one, name in named.items()]
    uploads = (
        *_find_uploads(api, buckets, [_code_file(request.code)]),
        *_find_uploads(api, buckets[:1], [template]),
    )
    return _Plan(region, stack, uploads, values, organization.identifier, not_current)


def _resolve_values(
    request: InstallRequest, stack: Stack | None, own: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> tuple[ParameterValue, ...]:
    """Resolve the parameters, and the revision that follows from them."""
    declared = request.template.parameters
    given = {**(defaults or {}), **request.parameters}
    previous = stack.parameters if stack else {}
    own = {**own, "CodeKey": request.code.key, "Revision": ""}
    values = resolve_parameters(declared, given, previous, own)
    revision = compute_revision(request.code.sha256, request.macro, values)
    return resolve_parameters(declared, given, previous, {**own, "Revision": revision})


def _code_file(code: Code) -> BucketObject:
    return BucketObject(code.key, code.data, "application/zip")


def _template_file(request: InstallRequest) -> BucketObject:
    data = request.macro.text.encode()
    digest = hashlib.sha256(data).hexdigest()[:16]
    return BucketObject(f"{PREFIX}{request.code.version}/macro-{digest}.yaml", data, "application/yaml")


def _find_uploads(api: AwsApi, buckets: Iterable[Bucket], files: Iterable[BucketObject]) -> tuple[_Upload, ...]:
    files = tuple(files)
    return tuple(_Upload(bucket, file, is_uploaded(api, bucket, file)) for bucket in buckets for file in files)


def _check_macro_name(
    session: DeploymentSession, region: str, values: tuple[ParameterValue, ...], stack: Stack | None
) -> None:
    macro = next(one.value for one in values if one.name == "MacroName")
    try:
        owner = find_macro_owner(session.api, region, macro)
    except AwsApiError as error:
        # CloudFormation refuses a name that is in use anyway, only later.
        session.console.print(f"  cannot check whether macro name {macro} is in use: {error.cause}", "yellow")
        return
    if owner and (stack is None or owner != stack.identifier):
        name = owner.split("/")[1]
        raise ConfigurationError(
            f"macro name {macro} is in use in {region} by stack {name}",
            f"pass --macro-name with another name, or --stack-name {name} to change that stack",
        )


def _show_plan(session: DeploymentSession, plan: _Plan) -> None:
    show = session.console.print
    for bucket in plan.buckets:
        show(f"  Bucket {bucket.name} ({'exists' if bucket.exists else 'will be created'})")
        _show_protection(session, bucket)
        if plan.organization_id and not bucket.managed:
            show(f"    its policy must allow the organization {plan.organization_id} to read it", "yellow")
    for file in dict.fromkeys(one.file for one in plan.uploads):
        missing = [one for one in plan.uploads if one.file == file and not one.done]
        show(f"  File {file.key} ({f'{len(file.data):,} bytes to upload' if missing else 'already uploaded'})")
    for instance in plan.not_current:
        show(f"  Not current: {instance}", "yellow")
    for value in plan.values:
        if not value.is_default:
            show(f"  {value}")


def _show_protection(session: DeploymentSession, bucket: Bucket) -> None:
    """Show what an existing bucket lacks; the user may not be allowed to read the settings of a bucket of others."""
    if not bucket.exists:
        return
    try:
        names = ", ".join(one.name for one in list_missing_protections(session.api, bucket))
    except AwsApiError as error:
        if bucket.managed:
            raise
        session.console.print(f"    cannot check how it is protected: {error.cause}", "yellow")
        return
    if names and bucket.managed:
        session.console.print(f"    will be turned on: {names}", "yellow")
    elif names:
        session.console.print(f"    it lacks: {names}; --bucket leaves its settings as they are", "yellow")


def _change_set_request(request: InstallRequest, plan: _Plan) -> ChangeSetRequest:
    tags = {**(plan.stack.tags if plan.stack else {}), **request.tags} if request.tags else {}
    return ChangeSetRequest(
        plan.region,
        request.stack_name,
        is_new=plan.stack is None,
        template=request.template,
        parameters=to_request(plan.values),
        tags=tags,
        role_arn=request.role_arn,
    )


def _deploy(
    session: DeploymentSession, request: InstallRequest, plan: _Plan, change_set: ChangeSet
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
        for bucket in plan.buckets:
            prepare_bucket(api, bucket, plan.organization_id)
        for one in plan.uploads:
            if not one.done:
                upload(api, one.bucket, one.file)
        last = newest_event(api, region, change_set.stack)
        execute_change_set(session, change_set)
    except BaseException:
        _discard(session, change_set)
        raise
    return _finish(session, request, change_set, last)


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
        raise SourceError(f"stack {name} in {region} was deleted by somebody else", "install again")
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
        _report_instances(session, region, stack)
    macro, version = stack.outputs.get("MacroName", ""), stack.outputs.get("Version", "")
    target = f"function version {version}" if version else "organization"
    session.console.print(f"{region}: installed macro {macro}: ImagePinner {request.code.version}, {target}", "green")
    return DeploymentOutcome.DONE


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
